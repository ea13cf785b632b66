use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Client, Failure,
    client::{Answer, Request, segment},
};

/// Events asked for at once.
const PAGE: u32 = 1000;

/// Which events to export.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// One stream; `None` is the whole log, the platform's own streams included.
    pub(crate) stream: Option<String>,
    /// Only events after this position.
    pub(crate) after: u64,
}

/// What was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    /// Number of events.
    pub(crate) events: u64,
    /// Position of the last one; where to go on with `--after`. The one asked for when there is none.
    pub(crate) position: u64,
}

/// One page as the server sent it.
struct Page {
    text: String,
    next: Option<String>,
    head: Option<u64>,
}

#[derive(Deserialize)]
struct Sequence {
    sequence: String,
}

/// Writes events as lines, oldest first, up to what the log held when the export began.
pub(crate) async fn export(
    client: &Client,
    wanted: &Wanted,
    out: &mut (dyn Write + Send),
    bar: &ProgressBar,
) -> Result<Exported, Failure> {
    let mut path = match &wanted.stream {
        Some(stream) => format!("/api/streams/{}/events?limit={PAGE}", segment(stream)),
        None => format!("/api/events?after={}&limit={PAGE}", wanted.after),
    };
    let mut done = Exported { events: 0, position: wanted.after };
    // Not every event is everybody's to read, so that the last one written need not be the last one there was.
    let (mut end, mut reached) = (None, wanted.after);
    loop {
        let page = fetch(client, &path).await?;
        // What is appended from now on belongs to the next export, or this one might never end.
        let end = *end.get_or_insert(page.head.unwrap_or(u64::MAX));
        let events: Vec<&RawValue> = serde_json::from_str(&page.text).map_err(|error| foreign(client, &error))?;
        for event in events {
            let position = position_of(event).map_err(|error| foreign(client, &error))?;
            reached = reached.max(position);
            if position > wanted.after && position <= end {
                let line = one_line(event.get()).map_err(|error| foreign(client, &error))?;
                writeln!(out, "{line}").map_err(unwritten)?;
                done.events += 1;
                done.position = position;
            }
        }
        bar.set_position(done.events);
        match page.next.filter(|_| reached < end) {
            Some(next) => path = next,
            None => break,
        }
    }
    out.flush().map_err(unwritten)?;
    Ok(done)
}

/// Makes the file of an export; one that exists is left alone.
pub(crate) fn create(path: &Path) -> Result<fs::File, Failure> {
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.map_err(|error| {
        let failure = Failure::usage(format_args!("{} cannot be made: {error}", path.display()));
        failure.hint("name a file that does not exist yet")
    })
}

async fn fetch(client: &Client, path: &str) -> Result<Page, Failure> {
    let headers = [("accept", "application/cloudevents-batch+json".to_owned())];
    let response = client.start(Request { path, query: &[], headers: &headers, body: None }).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let broken = |error| Failure::unreachable(format_args!("the answer broke off: {error}")).hint(AGAIN);
    let text = response.text().await.map_err(broken)?;
    if !status.is_success() {
        let body = serde_json::from_str(&text).unwrap_or_default();
        return Err(Answer { status: status.as_u16(), headers, body }.failure());
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let head = header("nexus-position").and_then(|head| head.parse().ok());
    Ok(Page { text, next: header("link").and_then(next_path), head })
}

const AGAIN: &str = "run the export again; --after POSITION leaves out what is there already";

/// The path of `<path>; rel="next"`, when it stays on the server.
fn next_path(link: &str) -> Option<String> {
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    (rest.contains("rel=\"next\"") && target.starts_with("/api/")).then(|| target.to_owned())
}

fn position_of(event: &RawValue) -> Result<u64, String> {
    let found: Sequence = serde_json::from_str(event.get()).map_err(|error| error.to_string())?;
    found.sequence.parse().map_err(|_| "an event without a position".to_owned())
}

/// The event without line breaks. Those between the tokens of its payload are part of what was admitted, so that such a
/// payload travels in base64.
fn one_line(event: &str) -> Result<String, serde_json::Error> {
    if !event.contains(['\n', '\r']) {
        return Ok(event.to_owned());
    }
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(event)?;
    let encoded = members.remove("data").map(|data| STANDARD.encode(data.get()));
    let encoded = encoded.map(|encoded| serde_json::value::to_raw_value(&encoded)).transpose()?;
    if let Some(encoded) = &encoded {
        members.insert("data_base64".to_owned(), encoded);
    }
    serde_json::to_string(&members)
}

fn foreign(client: &Client, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format_args!("{} did not answer events: {error}", client.server()))
        .hint("name a server of this version with --server URL")
}

fn unwritten(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // Whoever reads has had enough.
        std::process::exit(0);
    }
    Failure::usage(format_args!("the events cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_with_line_breaks_leaves_as_one_line_with_its_bytes() {
        let line = one_line("{\"id\":\"1\",\"data\":{\n\"a\":\r1}}").unwrap();
        assert_eq!(line, format!(r#"{{"data_base64":"{}","id":"1"}}"#, STANDARD.encode("{\n\"a\":\r1}")));
        let plain = r#"{"id":"1","data":{"a" :1}}"#;
        assert_eq!(one_line(plain).unwrap(), plain);
    }

    #[test]
    fn only_links_to_the_same_server_are_followed() {
        assert_eq!(next_path(r#"</api/events?after=5>; rel="next""#).as_deref(), Some("/api/events?after=5"));
        assert_eq!(next_path(r#"<//evil.example/api/>; rel="next""#), None);
        assert_eq!(next_path(r#"<@evil.example/api/>; rel="next""#), None);
    }
}
