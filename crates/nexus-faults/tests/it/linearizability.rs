//! Concurrent conditional appends with crashes in between, as histories that must be linearizable.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use nexus_core::{
    EventId, ExpectedVersion, RecordedEvent, Version,
    ports::{AppendError, EventStore, StreamRead},
};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, exactly, part, proposal_of, stream_id},
};

use crate::{
    history::{Effect, Operation, is_linearizable, violation},
    ledger::ids_of,
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Image, Survival},
    subject::{Subject, read_all},
};

const STREAMS: [&str; 2] = ["order-hot", "order-warm"];
const CLIENTS: u64 = 8;
const TURNS: usize = 12;
const CRASHES: usize = 4;

/// What clients noted, by stream.
#[derive(Default)]
struct Notes {
    operations: HashMap<&'static str, Vec<Operation>>,
    /// Parts of appends without an answer.
    unknown: Vec<Unknown>,
    /// The first append that succeeded although its expectation was not met.
    broken: Option<String>,
    conflicts: usize,
    total: usize,
}

/// A part of an append that was never answered.
struct Unknown {
    stream: &'static str,
    /// Its first event.
    id: EventId,
    count: u64,
    expected: ExpectedVersion,
    called: u64,
}

impl Notes {
    /// Notes that an append made `first` the next version.
    fn succeeded(&mut self, stream: &str, expected: ExpectedVersion, first: u64) {
        if !expected.accepts(Version::new(first - 1)) {
            let what = format!("{stream}: an append that expected version {expected} made version {first}");
            self.broken.get_or_insert(what);
        }
    }
}

/// What a history came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: usize,
    pub(crate) conflicts: usize,
    crashes: usize,
}

/// Moments that order calls and answers: every look at the clock is later than the one before.
#[derive(Default)]
struct Moments(AtomicU64);

impl Moments {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[derive(Clone)]
struct Client {
    store: Arc<dyn EventStore>,
    moments: Arc<Moments>,
    notes: Arc<Mutex<Notes>>,
}

impl Client {
    fn note(&self, stream: &'static str, (called, answered): (u64, u64), effect: Effect) {
        let mut notes = self.notes.lock().unwrap();
        notes.operations.entry(stream).or_default().push(Operation { called, answered, effect });
        notes.conflicts += usize::from(matches!(effect, Effect::Conflict { .. }));
        notes.total += 1;
    }

    /// Reads and appends on a guess that others may have made void meanwhile.
    async fn run(self, mut random: Random) {
        let mut guess = [0; STREAMS.len()];
        for _ in 0..TURNS {
            let at = random.below(STREAMS.len());
            if random.chance(35) {
                let called = self.moments.next();
                let page = self.store.read_stream(StreamRead::all(stream_id(STREAMS[at]), 1)).await;
                let Ok(page) = page else { return };
                guess[at] = page.version.get();
                self.note(STREAMS[at], (called, self.moments.next()), Effect::Read { version: guess[at] });
            } else if !self.append(&mut guess, at, &mut random).await {
                return;
            }
            if random.chance(30) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// One append, now and then to both streams. Answers whether the machine still has power.
    async fn append(&self, guess: &mut [u64], at: usize, random: &mut Random) -> bool {
        let ats = if random.chance(15) { vec![0, 1] } else { vec![at] };
        let mut wanted = Vec::new();
        let mut parts = Vec::new();
        for at in ats {
            let expected = if random.chance(85) { exactly(guess[at]) } else { ExpectedVersion::Any };
            let count = 1 + random.below(3);
            wanted.push((at, expected, count as u64));
            parts.push(part(STREAMS[at], expected, count));
        }
        let batch = admitted(proposal_of(parts));
        let ids = ids_of(&batch);
        let called = self.moments.next();
        let answer = self.store.append(batch).await;
        let moments = (called, self.moments.next());
        match answer {
            Ok(appended) => {
                for ((at, expected, _), placed) in wanted.into_iter().zip(appended.streams) {
                    let (first, last) = (placed.first_version.get(), placed.version.get());
                    guess[at] = last;
                    self.note(STREAMS[at], moments, Effect::Append { first, last });
                    self.notes.lock().unwrap().succeeded(STREAMS[at], expected, first);
                }
                true
            }
            Err(AppendError::Conflict { stream, actual, expected }) => {
                let at = STREAMS.iter().position(|name| *name == stream.as_str()).unwrap();
                assert!(!expected.accepts(actual), "{expected:?} is met at {actual}");
                guess[at] = actual.get();
                self.note(STREAMS[at], moments, Effect::Conflict { version: actual.get() });
                true
            }
            Err(_) => {
                let mut event = 0;
                for (at, expected, count) in wanted {
                    let unknown = Unknown { stream: STREAMS[at], id: ids[event], count, expected, called };
                    self.notes.lock().unwrap().unknown.push(unknown);
                    event += usize::try_from(count).unwrap();
                }
                false
            }
        }
    }
}

/// Runs clients against a log whose machine loses power several times.
///
/// # Errors
/// Why the history is not linearizable.
pub(crate) async fn run(subject: &Subject, seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let mut disk = Disk::new(Image::default(), seed);
    let (moments, notes) = (Arc::new(Moments::default()), Arc::new(Mutex::new(Notes::default())));
    for _ in 0..=CRASHES {
        let (store, log) = subject.open(&disk, &Arc::new(ManualClock::default())).map_err(|error| error.to_string())?;
        settle(&read_all(&*store).await.map_err(|error| error.to_string())?, &notes, moments.next());
        let power = 10 + random.below(60);
        disk.plan(|faults| faults.power = Some(power));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client =
                    Client { store: Arc::clone(&store), moments: Arc::clone(&moments), notes: Arc::clone(&notes) };
                tokio::spawn(client.run(Random::new(random.next())))
            })
            .collect();
        for client in clients {
            client.await.expect("a client does not panic");
        }
        drop((store, log));
        disk = disk.crash(Survival::Any, &mut random);
    }
    let (store, log) = subject.open(&disk, &Arc::new(ManualClock::default())).map_err(|error| error.to_string())?;
    let events = read_all(&*store).await.map_err(|error| error.to_string())?;
    drop((store, log));
    settle(&events, &notes, moments.next());
    let notes = notes.lock().unwrap();
    judge(&notes, &events)
}

/// After a restart the log tells which of the appends without an answer have happened: all before now.
fn settle(events: &[RecordedEvent], notes: &Mutex<Notes>, now: u64) {
    let versions: HashMap<EventId, u64> = events.iter().map(|event| (event.event_id, event.version.get())).collect();
    let mut notes = notes.lock().unwrap();
    let unknown = std::mem::take(&mut notes.unknown);
    notes.total += unknown.len();
    for Unknown { stream, id, count, expected, called } in unknown {
        if let Some(first) = versions.get(&id) {
            let effect = Effect::Append { first: *first, last: first + count - 1 };
            notes.operations.entry(stream).or_default().push(Operation { called, answered: now, effect });
            notes.succeeded(stream, expected, *first);
        }
    }
}

fn judge(notes: &Notes, events: &[RecordedEvent]) -> Result<Tally, String> {
    if let Some(broken) = &notes.broken {
        return Err(broken.clone());
    }
    for (stream, history) in &notes.operations {
        if let Some(what) = violation(history) {
            return Err(format!("{stream}: {what}"));
        }
        let last = |operation: &Operation| match operation.effect {
            Effect::Append { last, .. } => last,
            _ => 0,
        };
        let stored = events.iter().filter(|event| event.aggregate_id.as_str() == *stream).count() as u64;
        let noted = history.iter().map(last).max().unwrap_or(0);
        if stored != noted {
            return Err(format!("{stream}: {stored} events are there, appends account for {noted}"));
        }
    }
    Ok(Tally { operations: notes.total, conflicts: notes.conflicts, crashes: CRASHES })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conditional_appends_are_linearizable_through_crashes() {
    let mut tally = Tally::default();
    let histories = amount(12, 1_000);
    for history in 0..histories as u64 {
        let found = run(&Subject::LOG, seed() + history).await;
        let found = found.unwrap_or_else(|what| panic!("seed {}: {what}", seed() + history));
        tally.operations += found.operations;
        tally.conflicts += found.conflicts;
        tally.crashes += found.crashes;
    }
    let percent = tally.conflicts * 100 / tally.operations;
    assert!(percent > 5, "without conflicts nothing was tested: {tally:?}");
    let injected = [
        ("histories", histories),
        ("operations", tally.operations),
        ("conflicts", tally.conflicts),
        ("losses of power", tally.crashes),
    ];
    report("linearizability", &injected, &format!("0 violations, {percent} % of operations met a conflict"));
}

/// A random small history: what a stream does, in intervals around each step, and sometimes spoilt.
fn small_history(random: &mut Random) -> Vec<Operation> {
    let mut version = 0;
    let mut history = Vec::new();
    for step in 1..=4 + random.below(4) as u64 {
        let effect = match random.below(3) {
            0 => Effect::Read { version },
            1 => Effect::Conflict { version },
            _ => {
                let first = version + 1;
                version += 1 + random.below(2) as u64;
                Effect::Append { first, last: version }
            }
        };
        let at = step * 10;
        history.push(Operation {
            called: at - random.next() % 25_u64.min(at),
            answered: at + random.next() % 25,
            effect,
        });
    }
    if random.chance(60) {
        let spoilt = random.below(history.len());
        let other = random.below(history.len());
        let effect = history[other].effect;
        history[other].effect = std::mem::replace(&mut history[spoilt].effect, effect);
    }
    history
}

#[test]
fn the_fast_rules_agree_with_trying_every_order() {
    let mut random = Random::new(seed());
    let (mut good, mut bad) = (0, 0);
    for _ in 0..amount(3_000, 30_000) {
        let history = small_history(&mut random);
        let possible = is_linearizable(&history);
        assert_eq!(violation(&history).is_none(), possible, "{history:?}");
        if possible { good += 1 } else { bad += 1 }
    }
    assert!(good > 500 && bad > 500, "{good} good and {bad} bad histories");
}
