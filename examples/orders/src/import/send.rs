//! Sends the plan's commands over several connections, each order's own in order.

use std::{num::NonZeroUsize, time::Duration};

use indicatif::ProgressBar;
use nexus::client::{Answer, Request, segment};
use nexus::{Client, Failure};
use serde::Serialize;
use serde_json::{Value, json};

use super::plan::{Action, Cancellation, Step};

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// Its events were stored now.
    Stored,
    /// They had been stored before.
    Known,
    /// The server said no, with this code and text.
    Refused(String),
}

/// A busy server is asked again this often.
const MAX_TRIES: u32 = 8;

/// Sends every step; the answers stand in the order of the steps.
pub(super) async fn send(
    client: &Client,
    steps: &[Step],
    connections: NonZeroUsize,
    bar: &ProgressBar,
) -> Result<Vec<Sent>, Failure> {
    // Steps of one order stay in one lane, so that a cancellation never overtakes its order.
    let mut lanes: Vec<Vec<(usize, Step)>> = vec![Vec::new(); connections.get()];
    for (index, step) in steps.iter().enumerate() {
        let digits = step.order.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        if let Some(lane) = lanes.get_mut(digits % connections) {
            lane.push((index, step.clone()));
        }
    }
    let mut workers = tokio::task::JoinSet::new();
    for lane in lanes {
        let (client, bar) = (client.clone(), bar.clone());
        workers.spawn(async move { run_lane(&client, lane, &bar).await });
    }
    let mut sent = vec![Sent::Known; steps.len()];
    while let Some(lane) = workers.join_next().await {
        let lane = lane.map_err(|error| Failure::usage(format_args!("a connection's task failed: {error}")))??;
        for (index, outcome) in lane {
            if let Some(slot) = sent.get_mut(index) {
                *slot = outcome;
            }
        }
    }
    Ok(sent)
}

async fn run_lane(client: &Client, lane: Vec<(usize, Step)>, bar: &ProgressBar) -> Result<Vec<(usize, Sent)>, Failure> {
    let mut outcomes = Vec::with_capacity(lane.len());
    for (index, step) in lane {
        let outcome = if step.known { Sent::Known } else { send_step(client, &step).await? };
        outcomes.push((index, outcome));
        bar.inc(1);
    }
    Ok(outcomes)
}

async fn send_step(client: &Client, step: &Step) -> Result<Sent, Failure> {
    let (command, payload) = command_of(&step.action)?;
    let body = json!({ "aggregateId": step.order, "payload": payload }).to_string();
    let key = match step.action {
        Action::Place(_) => format!("retail:{}", step.invoice),
        Action::Cancel(_) => format!("retail:{}:{}", step.invoice, step.order),
    };
    let (path, headers) = (format!("/api/commands/{}", segment(command)), [("idempotency-key", key)]);
    let mut tries = 1;
    loop {
        let request = Request { path: &path, query: &[], headers: &headers, body: Some(body.clone()) };
        let answer = client.send(request).await.map_err(interrupted)?;
        match answer.status {
            202 => return Ok(outcome_of(&answer)),
            409 if answer.body.get("code").and_then(Value::as_str) == Some("ALREADY_EXISTS") => {
                return Ok(Sent::Known);
            }
            429 | 503 if tries < MAX_TRIES => {
                // The server says how long; a second is its own unit.
                let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1).min(30))).await;
                tries += 1;
            }
            429 | 500.. => return Err(interrupted(answer.failure())),
            _ => return Ok(Sent::Refused(answer.failure().to_string().replace('\n', " "))),
        }
    }
}

fn outcome_of(answer: &Answer) -> Sent {
    if answer.headers.contains_key("idempotency-replayed") { Sent::Known } else { Sent::Stored }
}

fn interrupted(failure: Failure) -> Failure {
    failure.hint("nothing is lost: run the same import again, it goes on where it stopped")
}

fn command_of(action: &Action) -> Result<(&'static str, Value), Failure> {
    fn named<C: nexus::Command + Serialize>(command: &C) -> Result<(&'static str, Value), Failure> {
        Ok((C::TYPE, serde_json::to_value(command).map_err(Failure::usage)?))
    }
    match action {
        Action::Place(command) => named(command),
        Action::Cancel(Cancellation::Items(command)) => named(command),
        Action::Cancel(Cancellation::Order(command)) => named(command),
    }
}
