use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::line::Line;
use crate::Failure;

/// Longest line that is read, in bytes: what an append may have at most.
const MAX_LINE: u64 = 16 << 20;

/// Longest reason that is shown, in characters.
const MAX_REASON: usize = 300;

/// A line that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its 1-based number.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// Reads the events of a file one after the other, holding one line in memory.
pub(crate) struct Lines<R> {
    input: R,
    number: u64,
    buf: Vec<u8>,
}

/// Opens a file of events; `-` is standard input.
pub(crate) fn open(path: &Path) -> Result<Lines<BufReader<Box<dyn Read + Send>>>, Failure> {
    let input: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        let opened = File::open(path);
        let file =
            opened.map_err(|error| Failure::usage(format_args!("{} cannot be read: {error}", path.display())))?;
        Box::new(file)
    };
    Ok(Lines::new(BufReader::with_capacity(1 << 18, input)))
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, number: 0, buf: Vec::new() }
    }

    /// The next line that is not empty; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub(crate) fn next(&mut self) -> Result<Option<Result<Line, Problem>>, Failure> {
        loop {
            self.buf.clear();
            let read = (&mut self.input).take(MAX_LINE + 1).read_until(b'\n', &mut self.buf);
            let after = self.number + 1;
            let read = read.map_err(|error| Failure::usage(format_args!("line {after} cannot be read: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > MAX_LINE && self.buf.last() != Some(&b'\n') {
                self.skip()?;
                return Ok(Some(Err(self.problem(format!("it is longer than {MAX_LINE} bytes")))));
            }
            let line = self.buf.trim_ascii();
            if !line.is_empty() {
                let parsed = Line::parse(self.number, line);
                return Ok(Some(parsed.map_err(|reason| self.problem(reason))));
            }
        }
    }

    fn problem(&self, reason: String) -> Problem {
        Problem { line: self.number, reason: reason.chars().take(MAX_REASON).collect() }
    }

    /// Goes to the end of a line without keeping it.
    fn skip(&mut self) -> Result<(), Failure> {
        loop {
            let available = self.input.fill_buf().map_err(Failure::usage)?;
            let (used, ended) = match available.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (available.len(), available.is_empty()),
            };
            self.input.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_empty_ones_are_passed_over() {
        let mut lines = Lines::new(&b"\n  \r\n{}\n\nnonsense"[..]);
        let numbers: Vec<u64> =
            std::iter::from_fn(|| lines.next().unwrap()).map(|line| line.unwrap_err().line).collect();
        assert_eq!(numbers, [3, 5]);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_without_being_kept_and_the_next_one_is_read() {
        let long = io::repeat(b'x').take(3 * MAX_LINE);
        let mut lines = Lines::new(BufReader::new(long.chain(&b"\n{}\n"[..])));
        let refused = lines.next().unwrap().unwrap().unwrap_err();
        assert!(refused.line == 1 && refused.reason.contains("longer than"), "{refused:?}");
        assert!(lines.buf.capacity() as u64 <= 2 * MAX_LINE + 2, "{}", lines.buf.capacity());
        assert_eq!(lines.next().unwrap().unwrap().unwrap_err().line, 2);
        assert!(lines.next().unwrap().is_none());
    }
}
