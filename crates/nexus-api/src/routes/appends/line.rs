use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::problem::{Code, Problem};

/// Cuts a body into lines of bounded length. Empty lines are left out.
pub(super) struct Lines {
    chunks: axum::body::BodyDataStream,
    /// What came and is not yet a line.
    pending: BytesMut,
    /// Up to where `pending` holds no line break.
    searched: usize,
    limit: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(body: Body, limit: usize) -> Self {
        Self { chunks: body.into_data_stream(), pending: BytesMut::new(), searched: 0, limit, ended: false }
    }

    /// The next line without its break; `None` at the end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            match self.cut()? {
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => return Ok(Some(line)),
                None if self.ended => return Ok(None),
                None => self.more().await?,
            }
        }
    }

    /// A line out of what is there; the last one may lack its break.
    fn cut(&mut self) -> Result<Option<Bytes>, Problem> {
        let unseen = self.pending.get(self.searched..).unwrap_or_default();
        let found = unseen.iter().position(|byte| *byte == b'\n').map(|place| self.searched + place);
        let length = match found {
            Some(place) => place,
            None if self.ended && !self.pending.is_empty() => self.pending.len(),
            None => {
                self.searched = self.pending.len();
                return if self.searched > self.limit { Err(self.too_long()) } else { Ok(None) };
            }
        };
        if length > self.limit {
            return Err(self.too_long());
        }
        let mut line = self.pending.split_to((length + 1).min(self.pending.len())).freeze();
        line.truncate(length);
        self.searched = 0;
        Ok(Some(line))
    }

    async fn more(&mut self) -> Result<(), Problem> {
        match self.chunks.next().await {
            Some(Ok(chunk)) => self.pending.extend_from_slice(&chunk),
            Some(Err(error)) => {
                let detail = "the body ended before it was complete";
                return Err(Problem::new(Code::MalformedJson, detail).caused_by(&error));
            }
            None => self.ended = true,
        }
        Ok(())
    }

    fn too_long(&self) -> Problem {
        Problem::new(Code::BodyTooLarge, format!("the line is longer than {} bytes", self.limit))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn lines(chunks: &[&'static str], limit: usize) -> Lines {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, Infallible>(*chunk)).collect();
        Lines::new(Body::from_stream(futures_util::stream::iter(chunks)), limit)
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_chunks_end() {
        let mut found = Vec::new();
        let mut lines = lines(&["a", "b\n\nc\r\nd", "", "e\n \nlast"], 10);
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        assert_eq!(found, ["ab", "c\r", "de", "last"]);
    }

    #[tokio::test]
    async fn a_line_beyond_the_limit_is_refused_with_or_without_its_end() {
        assert!(lines(&["12345\n"], 5).next().await.unwrap().is_some());
        assert!(lines(&["123456\n"], 5).next().await.is_err());
        assert!(lines(&["123", "456", "789"], 5).next().await.is_err());
    }
}
