//! The rest of a request's body after the request was refused.
//!
//! A server that answers and closes while the client still sends makes the client's system drop the answer: the
//! person sees a broken connection instead of the reason. So what is left of a refused body is read away first,
//! within bounds.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::header,
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

/// Most bytes read away.
const MAX_BYTES: usize = 32 << 20;
/// Longest time spent on reading away.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Where a body comes back to when whoever had it has let go of it.
pub(crate) struct Leftover {
    /// The body and whether any of it was asked for.
    back: oneshot::Receiver<(Body, bool)>,
    /// The client sends nothing before it is asked for.
    waits: bool,
}

/// Hands the request on with a body that comes back; `None` when it has none.
pub(crate) fn watch(request: Request) -> (Request, Option<Leftover>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let waits = request.headers().contains_key(header::EXPECT);
    let (giver, back) = oneshot::channel();
    let request = request.map(|body| Body::new(Lent { body, asked: false, giver: Some(giver) }));
    (request, Some(Leftover { back, waits }))
}

impl Leftover {
    /// Reads away what is left, if the body is back. What does not end within the bounds is left to be cut off.
    pub(crate) async fn discard(mut self) {
        let Ok((mut body, asked)) = self.back.try_recv() else { return };
        if self.waits && !asked {
            return;
        }
        let read = async {
            let mut left = MAX_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                let Some(rest) = left.checked_sub(length) else { return };
                left = rest;
            }
        };
        // Past the time limit the connection closes with the body unread, which is what it would do without this.
        let _ = tokio::time::timeout(MAX_TIME, read).await;
    }
}

/// A body that goes back when it is dropped before its end.
struct Lent {
    body: Body,
    asked: bool,
    giver: Option<oneshot::Sender<(Body, bool)>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.asked = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(giver) = self.giver.take().filter(|_| !self.body.is_end_stream()) {
            // Nobody waits for the rest of a request that was answered well.
            let _ = giver.send((std::mem::take(&mut self.body), self.asked));
        }
    }
}
