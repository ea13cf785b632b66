//! The live feed: server-sent events that follow the log and skip nothing.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use nexus_core::{
    Position, RecordedEvent,
    ports::{EventFilter, LogRead, ReadError},
};
use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    access::LogView,
    dto::EventDto,
    problem::Problem,
    request::{Caller, Lifeline, Params, digits},
    routes::events::filter,
    state::Api,
};

/// Most events read at once; one page is all that is held for a client, besides what is on its way.
const PAGE: usize = 100;

/// Follows the log: each message has the event as data and its position as id.
///
/// After a lost connection a browser sends `Last-Event-ID`, which wins over `after`; nothing is skipped. A comment is
/// sent every 15 seconds when there is nothing else. A client that does not read is let go. Events of the platform's own
/// streams (`$…`) are sent to whom policy lets follow these.
#[utoipa::path(
    get,
    path = "/api/events/stream",
    tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Events after this position; the newest when not given."),
        ("types" = Option<String>, Query, description = "Only these event types, separated by commas."),
        ("aggregateType" = Option<String>, Query, description = "Only events of this type of aggregate."),
        ("correlationId" = Option<String>, Query, description = "Only events of this conversation."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The position of the last event received."),
    ),
    responses((status = 200, description = "The feed.", content((String = "text/event-stream"))))
)]
pub(crate) async fn event_feed(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["after", "types", "aggregateType", "correlationId"])?;
    let log = LogView::to_follow(&api, &caller).await;
    let followed = Followed { log, filter: filter(&params)?, after: start(&params, &headers)?, wanted: |_| true };
    Ok(follow(&api, &caller, followed))
}

/// Where a feed begins, when the client says so.
pub(crate) fn start(params: &Params, headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let position = match last_event_id(headers)? {
        Some(position) => Some(position),
        None => params.number("after")?,
    };
    Ok(position.map(Position::new))
}

/// What a feed sends: the events of a log that both let through, after a position or from the newest on.
pub(crate) struct Followed {
    pub(crate) log: LogView,
    pub(crate) filter: EventFilter,
    pub(crate) wanted: fn(&RecordedEvent) -> bool,
    pub(crate) after: Option<Position>,
}

/// A feed for a caller, which ends with the caller's token.
pub(crate) fn follow(api: &Api, caller: &Caller, followed: Followed) -> Response {
    let Followed { log, filter, wanted, after } = followed;
    let (frames, received) = mpsc::channel(2);
    let feed = Feed {
        log,
        stop: api.node.stopping().clone(),
        filter,
        wanted,
        after: after.unwrap_or_else(|| api.node.head()),
        ping: api.config.feed_ping,
        patience: api.config.feed_patience,
        lifeline: caller.lifeline(api),
        frames,
    };
    tokio::spawn(feed.run());
    let body = stream::unfold(received, |mut received| async move {
        let frame: Bytes = received.recv().await?;
        Some((Ok::<_, Infallible>(frame), received))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells nginx not to collect the stream before passing it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let position = value.to_str().ok().and_then(digits);
    position.map(Some).ok_or_else(|| Problem::header("last-event-id", "Last-Event-ID must be a position"))
}

/// One client's feed. It holds the log, not the node, so that a node can shut down under it.
struct Feed {
    log: LogView,
    stop: CancellationToken,
    filter: EventFilter,
    wanted: fn(&RecordedEvent) -> bool,
    after: Position,
    ping: Duration,
    patience: Duration,
    lifeline: Lifeline,
    frames: mpsc::Sender<Bytes>,
}

/// The client is gone, does not read, its token is over, or the server stops.
struct Ended;

impl Feed {
    async fn run(mut self) {
        metrics::gauge!("nexus_sse_connections").increment(1.0);
        let (stop, frames, lifeline) = (self.stop.clone(), self.frames.clone(), self.lifeline.clone());
        tokio::select! {
            () = stop.cancelled() => {}
            () = frames.closed() => {}
            () = lifeline.end() => {}
            _ended = self.follow() => {}
        }
        metrics::gauge!("nexus_sse_connections").decrement(1.0);
    }

    async fn follow(&mut self) -> Ended {
        if self.send(Bytes::from_static(b"retry: 2000\n: following\n\n")).await.is_err() {
            return Ended;
        }
        loop {
            match self.step().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a live feed ends because the log cannot be read");
                    return Ended;
                }
                Err(ended) => return ended,
            }
        }
    }

    /// Sends the next page, or waits until there is one.
    async fn step(&mut self) -> Result<Result<(), ReadError>, Ended> {
        let read = LogRead { from: self.after, limit: PAGE, filter: self.filter.clone(), ..LogRead::default() };
        let page = match self.log.read_log(read).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let wanted: Vec<&RecordedEvent> = page.events.iter().filter(|event| (self.wanted)(event)).collect();
        if !wanted.is_empty() {
            self.send(frames_of(&wanted)).await?;
        }
        if page.next > self.after {
            self.after = page.next;
            return Ok(Ok(()));
        }
        match timeout(self.ping, self.log.wait_past(self.after)).await {
            Ok(Ok(_)) => Ok(Ok(())),
            Ok(Err(error)) => Ok(Err(error)),
            Err(_) => self.send(Bytes::from_static(b": ping\n\n")).await.map(Ok),
        }
    }

    async fn send(&self, frame: Bytes) -> Result<(), Ended> {
        if !self.lifeline.holds() {
            return Err(Ended);
        }
        match timeout(self.patience, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended),
            Err(_) => {
                tracing::info!(position = self.after.get(), "a live feed's client does not read and is let go");
                Err(Ended)
            }
        }
    }
}

fn frames_of(events: &[&RecordedEvent]) -> Bytes {
    let mut text = Vec::with_capacity(events.len() * 1024);
    for event in events {
        let start = text.len();
        text.extend_from_slice(format!("id: {}\ndata: ", event.position).as_bytes());
        let data = text.len();
        if serde_json::to_writer(&mut text, &EventDto::from(*event)).is_err() {
            // A payload that is not JSON cannot be shown; the position still tells the client where it is.
            text.truncate(start);
            text.extend_from_slice(format!("id: {}\ndata: null\n\n", event.position).as_bytes());
            continue;
        }
        // A line break in JSON can only be white space between tokens; in a message it would end the data.
        for byte in text.iter_mut().skip(data).filter(|byte| matches!(**byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        text.extend_from_slice(b"\n\n");
    }
    text.into()
}
