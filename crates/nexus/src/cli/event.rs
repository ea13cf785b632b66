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

/// Reads pages of the log and waits for the next one; nothing is skipped when the connection breaks between two.
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
    let mut query = vec![("after", after.to_string())];
    query.extend(types.map(|types| ("types", types)));
    let request = Request { path: "/api/events/stream", query: &query, headers: &[], body: None };
    let mut response = client.start(request).await?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        let body = response.json().await.unwrap_or(Value::Null);
        return Err(crate::client::Answer { status, headers: Default::default(), body }.failure());
    }
    let (mut frames, mut left) = (SseData::default(), limit.unwrap_or(u64::MAX));
    loop {
        let chunk = tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            chunk = response.chunk() => chunk,
        };
        let chunk = chunk.map_err(|error| Failure::unreachable(format_args!("the feed broke off: {error}")))?;
        let Some(chunk) = chunk else {
            return Err(Failure::unreachable("the server ended the feed"));
        };
        for data in frames.feed(&chunk) {
            let Ok(event) = serde_json::from_str::<Value>(&data) else { continue };
            match output.format() {
                Format::Text => output.line(&line(&event, output))?,
                Format::Json | Format::Jsonl => output.line(&event.to_string())?,
            }
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
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
