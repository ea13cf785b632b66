//! A process that appends is killed again and again; everything it acknowledged is there, once.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::RecordedEvent;
use nexus_log::{LogEventStore, LogOptions};
use nexus_testkit::fakes::ManualClock;
use tempfile::TempDir;

use crate::{
    random::Random,
    scorecard::{amount, report, seed},
    subject::read_all,
};

/// Appends of a writer in one life of the process.
const LIFE: u64 = 1_000_000;
/// Kills on one data directory, so that damage can add up without reading for ever.
const KILLS_PER_DIRECTORY: usize = 100;

/// The writer and the number of its append.
type Name = (u64, u64);

/// A data directory under kills, and what was acknowledged on it.
struct Victim {
    dir: TempDir,
    /// Outside of the data directory.
    acks: TempDir,
}

#[derive(Default)]
struct Tally {
    kills: usize,
    acknowledged: usize,
    events: usize,
    unacknowledged: usize,
    openings: Vec<Duration>,
}

impl Victim {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), acks: tempfile::tempdir().unwrap() }
    }

    fn acks(&self) -> PathBuf {
        self.acks.path().join("acks")
    }

    /// Lets the process append for a while, from its start on, and kills it.
    fn kill_after(&self, pause: Duration, life: u64) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nexus-faults"))
            .args([self.dir.path(), &self.acks()])
            .arg((life * LIFE).to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // waits: for a random moment of the child's life, its start included
        std::thread::sleep(pause);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.code().is_none(), "it ended by itself: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What was acknowledged so far, with the positions that were told.
    fn acknowledged(&self) -> HashMap<Name, (u64, u64)> {
        let text = fs::read_to_string(self.acks()).unwrap_or_default();
        let parse = |line: &str| {
            let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            let [writer, number, first, last] = numbers[..] else { panic!("{line}") };
            ((writer, number), (first, last))
        };
        text.lines().map(parse).collect()
    }
}

/// Opens the log the way a restart does. Answers its events and how long it took.
async fn recover(dir: &Path) -> (Vec<RecordedEvent>, Duration) {
    let options = LogOptions { segment_bytes: 256 << 10, initial_bytes: 64 << 10, ..LogOptions::default() };
    let started = Instant::now();
    let store = LogEventStore::open(dir, options, Arc::new(ManualClock::default())).unwrap();
    let took = started.elapsed();
    (read_all(&store).await.unwrap(), took)
}

/// Checks that the log holds whole appends, each once, and all that were acknowledged.
fn check(events: &[RecordedEvent], acknowledged: &HashMap<Name, (u64, u64)>) -> usize {
    let mut versions: HashMap<&str, u64> = HashMap::new();
    let mut found: HashMap<Name, (u64, u64)> = HashMap::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let (name, _, of) = origin(first);
        let (append, after) = rest.split_at(of);
        for (index, event) in append.iter().enumerate() {
            assert_eq!(origin(event), (name, index, of), "an append is torn at position {}", event.position);
            assert_eq!(event.position.get(), first.position.get() + index as u64, "positions are dense");
            let version = versions.entry(event.aggregate_id.as_str()).or_default();
            *version += 1;
            assert_eq!(event.version.get(), *version, "versions are dense");
        }
        let last = first.position.get() + of as u64 - 1;
        assert_eq!(found.insert(name, (first.position.get(), last)), None, "{name:?} is stored twice");
        rest = after;
    }
    for (name, places) in acknowledged {
        assert_eq!(found.get(name), Some(places), "{name:?} was acknowledged");
    }
    // Each writer waits for its answer, so one append at most is unanswered in each life.
    let mut unanswered: HashMap<Name, usize> = HashMap::new();
    for (writer, number) in found.keys().filter(|name| !acknowledged.contains_key(name)) {
        let count = unanswered.entry((*writer, number / LIFE)).or_default();
        *count += 1;
        assert_eq!(*count, 1, "writer {writer} has two appends without an answer");
    }
    unanswered.len()
}

/// Which append an event is of, its place there and their number; its payload must be what the writer made.
fn origin(event: &RecordedEvent) -> (Name, usize, usize) {
    let payload: serde_json::Value = serde_json::from_str(event.payload.as_str()).unwrap();
    let number = |member: &str| payload[member].as_u64().unwrap();
    let name = (number("writer"), number("number"));
    assert_eq!(payload["text"].as_str().unwrap().len() as u64, name.1 % 200, "position {}", event.position);
    let small = |member: &str| usize::try_from(number(member)).unwrap();
    (name, small("index"), small("of"))
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_once() {
    let mut random = Random::new(seed());
    let mut tally = Tally::default();
    let kills = amount(8, 400);
    while tally.kills < kills {
        let victim = Victim::new();
        let mut before = Vec::new();
        for life in 0..KILLS_PER_DIRECTORY.min(kills - tally.kills) {
            victim.kill_after(Duration::from_micros(random.next() % 120_000), life as u64);
            tally.kills += 1;
            let (events, took) = recover(victim.dir.path()).await;
            assert_eq!(events[..before.len()], before, "what was shown after the last kill is still there");
            tally.openings.push(took);
            tally.unacknowledged = check(&events, &victim.acknowledged());
            before = events;
        }
        let found = nexus_log::verify(victim.dir.path()).unwrap();
        assert!(found.is_intact(), "{:?}", found.damage);
        tally.acknowledged += victim.acknowledged().len();
        tally.events += before.len();
    }
    tally.openings.sort();
    let percentile = |percent: usize| tally.openings[(tally.openings.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let injected =
        [("kills with SIGKILL", tally.kills), ("acknowledged appends", tally.acknowledged), ("events", tally.events)];
    let times = format!("opening after a kill p50 {:.1} ms, p99 {:.1} ms", percentile(50), percentile(99));
    report("kills", &injected, &format!("0 lost, 0 duplicated, 0 phantom; {times}"));
}
