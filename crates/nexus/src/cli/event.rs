use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    Client, Failure,
    cli::{Format, Output, args::EventVerb, output::text_of},
    client::{Request, segment},
};

pub(crate) async fn run(verb: EventVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        EventVerb::Show { id } => {
            let event = client.get(&format!("/api/events/{}", segment(&id)), &[]).await?;
            output.value(&event, |event| format!("{event:#}"))
        }
        EventVerb::Tail { after, types, limit } => tail(after, types, limit, client, output).await,
    }
}

/// One event as one line for a person.
pub(crate) fn line(event: &Value, output: Output) -> String {
    let place = format!("{:>8}", text_of(event, "position"));
    let version = format!("v{}", text_of(event, "aggregateVersion"));
    let payload: String = event.get("payload").map(Value::to_string).unwrap_or_default().chars().take(100).collect();
    let event_type = output.bold(&text_of(event, "eventType"));
    format!("{} {event_type} {} {version} {}", output.dim(&place), text_of(event, "aggregateId"), output.dim(&payload))
}

/// How long a feed may be silent; the server gives a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a server that was there may be away before the feed ends.
const AWAY: Duration = Duration::from_secs(30);
/// How long to wait before asking a server again.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows the log until interrupted. When the connection breaks, it goes on after the last event that was printed:
/// none is missed and none is printed twice.
async fn tail(
    after: Option<u64>,
    types: Option<String>,
    limit: Option<u64>,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let after = match after {
        Some(after) => after,
        None => {
            let page = client.get("/api/events", &[("limit", "1".to_owned())]).await?;
            page.get("head").and_then(Value::as_u64).unwrap_or_default()
        }
    };
    let mut tail = Tail { client, output, types, after, left: limit.unwrap_or(u64::MAX), seen: None };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(()),
        ended = tail.run() => ended,
    }
}

/// A feed that is being printed.
struct Tail<'a> {
    client: &'a Client,
    output: Output,
    types: Option<String>,
    /// Everything up to here was printed.
    after: u64,
    /// How many events are still wanted.
    left: u64,
    /// When the server last said something.
    seen: Option<Instant>,
}

impl Tail<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        while self.left > 0 {
            let Err(failure) = self.follow().await else { continue };
            // Code 9: it cannot be reached. A no of the server is final, and so is one that was never there.
            let away = self.seen.map(|seen| seen.elapsed());
            if failure.exit().code() != 9 || away.is_none_or(|away| away > AWAY) {
                return Err(failure);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Prints one connection's events; `Ok` when no more are wanted.
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut query = vec![("after", self.after.to_string())];
        query.extend(self.types.clone().map(|types| ("types", types)));
        let request = Request { path: "/api/events/stream", query: &query, headers: &[], body: None };
        let mut response = self.client.start_long(request).await?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            let body = response.json().await.unwrap_or(Value::Null);
            return Err(crate::client::Answer { status, headers: Default::default(), body }.failure());
        }
        let mut frames = SseData::default();
        while self.left > 0 {
            let chunk = tokio::time::timeout(SILENCE, response.chunk()).await;
            let chunk = chunk.map_err(|_| Failure::unreachable("the server fell silent"))?;
            let chunk = chunk.map_err(|error| Failure::unreachable(format_args!("the feed broke off: {error}")))?;
            let chunk = chunk.ok_or_else(|| Failure::unreachable("the server ended the feed"))?;
            self.seen = Some(Instant::now());
            for data in frames.feed(&chunk) {
                self.print(&data)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, data: &str) -> Result<(), Failure> {
        let Ok(event) = serde_json::from_str::<Value>(data) else { return Ok(()) };
        let Some(position) = event.get("position").and_then(Value::as_u64) else { return Ok(()) };
        if self.left == 0 || position <= self.after {
            return Ok(());
        }
        match self.output.format() {
            Format::Text => self.output.line(&line(&event, self.output))?,
            Format::Json | Format::Jsonl => self.output.line(&event.to_string())?,
        }
        self.after = position;
        self.left -= 1;
        Ok(())
    }
}

/// Collects the `data:` of server-sent events (WHATWG HTML, section 9.2) from chunks of bytes.
#[derive(Default)]
struct SseData {
    pending: Vec<u8>,
}

impl SseData {
    fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
        self.pending.extend_from_slice(chunk);
        let mut complete = Vec::new();
        while let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = self.pending.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&frame).into_owned();
            let data: Vec<&str> =
                text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
            if !data.is_empty() {
                complete.push(data.join("\n"));
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_across_chunks_and_comments_are_no_data() {
        let mut frames = SseData::default();
        assert!(frames.feed(b": ping\n\nid: 1\ndata: {\"a\"").is_empty());
        assert_eq!(frames.feed(b":1}\n\ndata: 2\n\n"), ["{\"a\":1}", "2"]);
    }
}
