use std::time::{Duration, Instant};

use bench_report::{Fallible, OrderSource, Sample, Timings, rate};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{
    group::Engine,
    lsm::FjallEngine,
    nexus::{Governance, NexusLog, NexusReads},
    options::Options,
    sqlite::SqliteEngine,
    subject::{Reads, Subject as _},
};

/// Reads, warm, on one thread.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReadFigures {
    /// Events that were stored.
    pub(crate) events: u64,
    /// Streams of ten events a second, by subject.
    pub(crate) streams: Vec<(String, Vec<Sample>)>,
    /// Events a second over the whole log, by subject.
    pub(crate) scans: Vec<(String, Vec<Sample>)>,
}

const EVENTS: u64 = 100_000;
/// Prefix of the streams that are read.
pub(crate) const PREFIX: &str = "read";

pub(crate) fn run(runtime: &Runtime, options: &Options) -> Fallible<ReadFigures> {
    let dirs = ["nexus", "fjall", "sqlite"].map(|name| options.data.join("reads").join(name));
    for dir in &dirs {
        if dir.exists() {
            std::fs::remove_dir_all(dir)?;
        }
        std::fs::create_dir_all(dir)?;
    }
    let log = NexusLog::open(&dirs[0], Governance::Absent)?;
    let mut fjall = FjallEngine::open(&dirs[1])?;
    let mut sqlite = SqliteEngine::open(&dirs[2])?;
    let mut source = OrderSource::new(PREFIX, 1);
    for _ in 0..EVENTS / 1000 {
        let orders = source.batch(1000);
        fjall.commit(std::slice::from_ref(&orders))?;
        sqlite.commit(std::slice::from_ref(&orders))?;
        runtime.block_on(log.append(orders))?;
    }
    let nexus = NexusReads { log: &log, runtime };
    let subjects: [(&str, &dyn Reads); 3] = [("Nexus", &nexus), ("fjall 3", &fjall), ("SQLite", &sqlite)];
    let empty = || subjects.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect::<Vec<_>>();
    let mut figures = ReadFigures { events: EVENTS, streams: empty(), scans: empty() };
    for _ in 0..options.rounds() {
        for (index, (name, subject)) in subjects.iter().enumerate() {
            let streams = streams(*subject, EVENTS, options.seconds())?;
            let scan = scans(*subject, options.seconds())?;
            println!("{name:8} {:>8} streams/s, {:>8} events/s", rate(streams.per_second), rate(scan.per_second));
            figures.streams[index].1.push(streams);
            figures.scans[index].1.push(scan);
        }
    }
    drop((log, fjall, sqlite));
    std::fs::remove_dir_all(options.data.join("reads"))?;
    Ok(figures)
}

/// Reads streams of ten in no particular order, of the first `events` events of the source [`PREFIX`].
pub(crate) fn streams(subject: &dyn Reads, events: u64, seconds: u64) -> Fallible<Sample> {
    let count = events / OrderSource::PER_STREAM;
    let span = Duration::from_secs(seconds);
    let (mut timings, mut read, mut number) = (Timings::default(), 0_u64, 7_u64);
    let begin = Instant::now();
    while begin.elapsed() < span {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let name = OrderSource::stream_name(PREFIX, (number >> 33) % count);
        let started = Instant::now();
        let found = subject.stream(&name)?;
        timings.since(started);
        if found != OrderSource::PER_STREAM {
            return Err(format!("stream {name} has {found} events").into());
        }
        read += 1;
    }
    Ok(timings.sample(read, begin.elapsed()))
}

/// Reads the whole log again and again, at least once.
pub(crate) fn scans(subject: &dyn Reads, seconds: u64) -> Fallible<Sample> {
    let span = Duration::from_secs(seconds);
    let (mut timings, mut events) = (Timings::default(), 0);
    let begin = Instant::now();
    loop {
        let started = Instant::now();
        events += subject.scan()?;
        timings.since(started);
        if begin.elapsed() >= span {
            return Ok(timings.sample(events, begin.elapsed()));
        }
    }
}
