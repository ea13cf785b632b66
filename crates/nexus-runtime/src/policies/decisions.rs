//! The log of decisions: one task writes to `$decisions` what auditors want to know.
//!
//! A denial does not wait for it: denials that are alike are counted for a second and written as one event, so that a
//! flood of them neither slows anybody down nor fills the disk. What is beyond that is counted, and the number is
//! written. A privileged read waits until it is written.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nexus_core::{
    Actor, ExpectedVersion, Metadata, NewEvent,
    ports::{PolicyInput, RequestContext, VerdictOutcome},
};
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Decision, DecisionRecorded,
    records::{Place, RecordError, Records},
    stored::{DECISION_RECORDED, DECISIONS, DECISIONS_DROPPED, RecordedActor, RecordedContext, RecordedResource},
};

/// How long denials that are alike are counted before they are written.
const WINDOW: Duration = Duration::from_secs(1);
/// Most different denials that are written for one window; more are only counted.
const MAX_KINDS: usize = 100;
/// Most entries that wait for the task.
const QUEUE: usize = 1024;
/// Longest text kept of what a client sent, in characters.
const MAX_TEXT: usize = 256;

/// A privileged read could not be written down, so it is not answered.
#[derive(Debug, thiserror::Error)]
#[error("that it is read could not be recorded: {reason}")]
pub struct Unrecorded {
    /// Why not, for the operator.
    pub reason: String,
}

enum Entry {
    Denial(Box<DecisionRecorded>),
    Read(Box<DecisionRecorded>, oneshot::Sender<Result<(), String>>),
}

/// Where decisions are told to the task that writes them.
pub(crate) struct DecisionLog {
    entries: mpsc::Sender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl DecisionLog {
    /// Starts the task. It ends with `stop`, after it wrote what it was told before.
    pub(crate) fn start(records: Records, request: RequestContext, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (entries, told) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { records, request, told, dropped: Arc::clone(&dropped), open: HashMap::new() };
        (Self { entries, dropped }, tokio::spawn(writer.run(stop)))
    }

    /// Tells a denial. When too many wait already, only their number is kept.
    pub(crate) fn denied(&self, input: &PolicyInput<'_>, decision: &Decision, traceparent: Option<&str>) {
        let entry = Entry::Denial(Box::new(recorded(input, decision, traceparent)));
        if self.entries.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("nexus_policy_decisions_dropped_total").increment(1);
        }
    }

    /// Tells a privileged read, and waits until it is durable.
    pub(crate) async fn read(
        &self,
        input: &PolicyInput<'_>,
        decision: &Decision,
        traceparent: Option<&str>,
    ) -> Result<(), Unrecorded> {
        let (answer, written) = oneshot::channel();
        let entry = Entry::Read(Box::new(recorded(input, decision, traceparent)), answer);
        let gone = || Unrecorded { reason: "the log of decisions has ended".to_owned() };
        self.entries.send(entry).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?.map_err(|reason| Unrecorded { reason })
    }
}

/// What makes denials alike: who was refused what, by which rules.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    actor: RecordedActor,
    kind: String,
    action: String,
    resource_type: String,
    outcome: String,
    rules: Vec<String>,
    digest: String,
}

impl Alike {
    fn of(recorded: &DecisionRecorded) -> Self {
        Self {
            actor: recorded.actor.clone(),
            kind: recorded.kind.clone(),
            action: recorded.action.clone(),
            resource_type: recorded.resource.resource_type.clone(),
            outcome: recorded.outcome.clone(),
            rules: recorded.rules.clone(),
            digest: recorded.policy_digest.clone(),
        }
    }
}

struct Writer {
    records: Records,
    request: RequestContext,
    told: mpsc::Receiver<Entry>,
    dropped: Arc<AtomicU64>,
    /// The denials of the window that is open.
    open: HashMap<Alike, DecisionRecorded>,
}

type Answers = Vec<oneshot::Sender<Result<(), String>>>;

impl Writer {
    async fn run(mut self, stop: CancellationToken) {
        let mut closes = Instant::now() + WINDOW;
        loop {
            let stopped = tokio::select! {
                biased;
                () = stop.cancelled() => true,
                () = tokio::time::sleep_until(closes) => {
                    self.close_window().await;
                    closes = Instant::now() + WINDOW;
                    false
                }
                told = self.told.recv() => match told {
                    Some(entry) => {
                        if self.open.is_empty() && self.dropped.load(Ordering::Relaxed) == 0 {
                            closes = Instant::now() + WINDOW;
                        }
                        self.take(entry).await;
                        false
                    }
                    None => true,
                },
            };
            if stopped {
                break;
            }
        }
        self.told.close();
        while let Ok(entry) = self.told.try_recv() {
            self.take(entry).await;
        }
        self.close_window().await;
    }

    /// Takes an entry and everything that waits behind it. Reads are written at once, together.
    async fn take(&mut self, first: Entry) {
        let (mut reads, mut answers): (Vec<DecisionRecorded>, Answers) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Denial(denial) => self.count(*denial),
                Entry::Read(read, answer) => {
                    reads.push(*read);
                    answers.push(answer);
                }
            }
            next = if reads.len() < QUEUE { self.told.try_recv().ok() } else { None };
        }
        if reads.is_empty() {
            return;
        }
        let written = self.write(&reads, 0).await.map_err(|error| error.to_string());
        for answer in answers {
            // Whoever asked may be gone.
            let _ = answer.send(written.clone());
        }
    }

    fn count(&mut self, denial: DecisionRecorded) {
        let alike = Alike::of(&denial);
        if let Some(known) = self.open.get_mut(&alike) {
            known.count = known.count.saturating_add(1);
        } else if self.open.len() < MAX_KINDS {
            self.open.insert(alike, denial);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("nexus_policy_decisions_dropped_total").increment(1);
        }
    }

    /// Writes what was counted. When that fails, the number of what is lost is written with the next.
    async fn close_window(&mut self) {
        let mut denials: Vec<DecisionRecorded> = self.open.drain().map(|(_, denial)| denial).collect();
        denials.sort_by(|a, b| (a.at, &a.decision_id).cmp(&(b.at, &b.decision_id)));
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if denials.is_empty() && dropped == 0 {
            return;
        }
        if let Err(error) = self.write(&denials, dropped).await {
            let lost: u64 = denials.iter().map(|denial| denial.count).sum();
            self.dropped.fetch_add(dropped.saturating_add(lost), Ordering::Relaxed);
            tracing::warn!(%error, lost, "denials could not be written down; their number will be");
        }
    }

    async fn write(&self, decisions: &[DecisionRecorded], dropped: u64) -> Result<(), RecordError> {
        let event = |decision| self.records.event(DECISION_RECORDED, decision, by_the_platform());
        let mut events = decisions.iter().map(event).collect::<Result<Vec<NewEvent>, _>>()?;
        if dropped > 0 {
            events.push(self.records.event(DECISIONS_DROPPED, &json!({ "count": dropped }), by_the_platform())?);
        }
        let place = Place {
            stream: DECISIONS,
            aggregate_type: "DecisionLog",
            expected: ExpectedVersion::Any,
            decision_id: self.records.ids.decision_id(),
            request: &self.request,
        };
        self.records.store(place, events).await.map(|_| ())
    }
}

fn by_the_platform() -> Metadata {
    Metadata { user_id: Some(Actor::system().id), ..Metadata::default() }
}

fn recorded(input: &PolicyInput<'_>, decision: &Decision, traceparent: Option<&str>) -> DecisionRecorded {
    let verdict = &decision.verdict;
    let (outcome, reason) = match &verdict.outcome {
        VerdictOutcome::Allow => ("allowed", None),
        VerdictOutcome::Deny(_) => ("denied", None),
        VerdictOutcome::Undefined => ("undefined", None),
        VerdictOutcome::Failed { reason } => ("failed", Some(cut(reason))),
    };
    DecisionRecorded {
        decision_id: decision.id.to_string(),
        outcome: outcome.to_owned(),
        kind: input.kind.as_str().to_owned(),
        action: cut(input.action),
        resource: RecordedResource { resource_type: cut(input.resource.resource_type), id: cut(input.resource.id) },
        actor: RecordedActor {
            id: cut(&input.actor.id),
            roles: input.actor.roles.iter().take(32).map(|role| cut(role)).collect(),
        },
        context: RecordedContext {
            service: cut(&input.request.service),
            environment: cut(&input.request.environment),
            client_id: input.request.client_id.as_deref().map(cut),
        },
        rules: verdict.denials().iter().take(32).map(|denial| cut(&denial.id)).collect(),
        reason,
        policy_digest: verdict.policy_digest.to_string(),
        elapsed_micros: u64::try_from(verdict.elapsed.as_micros()).unwrap_or(u64::MAX),
        trace_id: traceparent.and_then(|parent| parent.split('-').nth(1)).map(cut),
        at: input.request.time,
        count: 1,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
