use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
    time::Duration,
};

use indicatif::ProgressBar;
use serde_json::Value;

use super::{
    batch::{Batch, body},
    line::Line,
    lines::{Lines, Problem},
};
use crate::{
    Client, Failure,
    client::{Answer, Request, segment},
};

/// Problems that are listed at most; the rest is counted.
const MAX_PROBLEMS: usize = 100;
/// A busy server is asked again this often.
const MAX_TRIES: u32 = 8;

/// What an import did, or what a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Events in the file.
    pub(crate) events: u64,
    /// Events stored now.
    pub(crate) stored: u64,
    /// Events that were stored before.
    pub(crate) known: u64,
    /// Events of the platform's own streams, which are left out.
    pub(crate) system: u64,
    /// The first lines that cannot be imported.
    pub(crate) problems: Vec<Problem>,
    /// How many there are.
    pub(crate) refused: u64,
    /// The first event types, with their versions, that the server has no schema for.
    pub(crate) missing: BTreeSet<String>,
}

/// The schemas of events that a server has, by type.
struct Schemas(BTreeMap<String, BTreeSet<u64>>);

/// Reads a whole file and says what would stand in the way of importing it. Nothing is written.
pub(crate) async fn check(client: &Client, mut lines: Lines<impl BufRead>) -> Result<Imported, Failure> {
    let schemas = Schemas::of(client).await?;
    let mut found = Imported::default();
    while let Some(line) = lines.next()? {
        match line {
            Ok(line) => {
                found.events += 1;
                found.system += u64::from(line.stream.is_system());
                if found.missing.len() < MAX_PROBLEMS {
                    found.missing.extend(schemas.missing(&line));
                }
            }
            Err(problem) => {
                found.refused += 1;
                if found.problems.len() < MAX_PROBLEMS {
                    found.problems.push(problem);
                }
            }
        }
    }
    Ok(found)
}

/// Stores the events of a file in their order. What is stored already, by its id, is passed over, so that an import
/// that broke off is simply run again.
///
/// # Errors
/// At the first line that is refused; what came before it is stored.
pub(crate) async fn import(
    client: &Client,
    mut lines: Lines<impl BufRead>,
    bar: &ProgressBar,
) -> Result<Imported, Failure> {
    let (mut done, mut batch) = (Imported::default(), Batch::default());
    while let Some(line) = lines.next()? {
        let line = line.map_err(|problem| at_line(problem.line, &problem.reason, 2))?;
        done.events += 1;
        if line.stream.is_system() {
            done.system += 1;
            continue;
        }
        if !batch.fits(&line) {
            store(client, std::mem::take(&mut batch).into_lines(), &mut done).await?;
            bar.set_position(done.stored + done.known);
        }
        batch.push(line);
    }
    store(client, batch.into_lines(), &mut done).await?;
    bar.set_position(done.stored + done.known);
    Ok(done)
}

/// Stores one batch, whole if possible.
async fn store(client: &Client, mut lines: Vec<Line>, done: &mut Imported) -> Result<(), Failure> {
    while !lines.is_empty() {
        let answer = send(client, &lines).await?;
        let count = lines.len() as u64;
        match answer.status {
            201 if answer.headers.contains_key("idempotency-replayed") => done.known += count,
            201 => done.stored += count,
            409 => {
                let before = lines.len();
                lines = unknown(client, lines).await?;
                let known = (before - lines.len()) as u64;
                done.known += known;
                if known == 0 {
                    return singly(client, lines, answer, done).await;
                }
                continue;
            }
            _ => return singly(client, lines, answer, done).await,
        }
        return Ok(());
    }
    Ok(())
}

/// Finds the line that a batch was refused for, by storing its events one after the other up to there.
async fn singly(client: &Client, lines: Vec<Line>, refusal: Answer, done: &mut Imported) -> Result<(), Failure> {
    let [only] = lines.as_slice() else {
        for line in lines {
            Box::pin(store(client, vec![line], done)).await?;
        }
        return Ok(());
    };
    let failure = refusal.failure();
    let code = failure.exit().code();
    let problem = failure.to_string();
    Err(at_line(only.number, problem.trim_start_matches("error: "), code))
}

fn at_line(line: u64, reason: &str, code: u8) -> Failure {
    Failure::with_code(code, format_args!("line {line}: {reason}"))
        .hint("what came before this line is stored; mend it and run the same import again")
}

/// The events that are not stored yet.
async fn unknown(client: &Client, lines: Vec<Line>) -> Result<Vec<Line>, Failure> {
    let mut left = Vec::new();
    for line in lines {
        let path = format!("/api/events/{}", segment(&line.event_id.to_string()));
        let answer = client.send(Request { path: &path, query: &[], headers: &[], body: None }).await?;
        match answer.status {
            200 => {
                let same = |name: &str, value: &str| answer.body.get(name).and_then(Value::as_str) == Some(value);
                if !same("aggregateId", line.stream.as_str()) || !same("eventType", line.event_type.as_str()) {
                    let reason = format!("the id {} is stored here as another event", line.event_id);
                    return Err(at_line(line.number, &reason, 7));
                }
            }
            404 => left.push(line),
            _ => return Err(answer.failure()),
        }
    }
    Ok(left)
}

async fn send(client: &Client, lines: &[Line]) -> Result<Answer, Failure> {
    let text = body(lines);
    let mut tries = 1;
    loop {
        let request = Request { path: "/api/append", query: &[], headers: &[], body: Some(text.clone()) };
        let answer = client.send(request).await.map_err(interrupted)?;
        match answer.status {
            429 | 503 if tries < MAX_TRIES => {
                let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1).min(30))).await;
                tries += 1;
            }
            429 | 500.. => return Err(interrupted(answer.failure())),
            _ => return Ok(answer),
        }
    }
}

fn interrupted(failure: Failure) -> Failure {
    failure.hint("nothing is lost: run the same import again, it goes on where it stopped")
}

impl Schemas {
    async fn of(client: &Client) -> Result<Self, Failure> {
        let body = client.get("/api/schemas", &[]).await?;
        let mut known: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for schema in body.get("schemas").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("kind") == "event" {
                let version = schema.get("version").and_then(Value::as_u64).unwrap_or_default();
                known.entry(text("name").to_owned()).or_default().insert(version);
            }
        }
        Ok(Self(known))
    }

    /// The type of an event, with its version, when the server has no schema for it.
    fn missing(&self, line: &Line) -> Option<String> {
        if line.stream.is_system() {
            return None;
        }
        let known = self.0.get(line.event_type.as_str());
        let name = &line.event_type;
        match (known, line.schema_version) {
            (None, None) => Some(name.to_string()),
            (None, Some(version)) => Some(format!("{name} version {version}")),
            (Some(versions), Some(version)) if !versions.contains(&u64::from(version)) => {
                Some(format!("{name} version {version}"))
            }
            _ => None,
        }
    }
}
