//! What is measured in a process of its own: start-up, memory, and the rates of one log as it is.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bench_report::{Fallible, Sample, resident_mib};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{
    load::Load,
    nexus::{Governance, NexusLog, NexusReads},
    reads,
    subject::Subject,
};

/// One log in a fresh process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Probe {
    /// Events stored when it was opened.
    pub(crate) events: u64,
    /// From the call to open until the log can be read and written.
    pub(crate) open_ms: f64,
    /// Resident memory once it is open.
    pub(crate) idle_mib: f64,
    /// Resident memory at the end of everything below.
    pub(crate) busy_mib: f64,
    /// Streams of ten, in no particular order.
    pub(crate) streams: Sample,
    /// Events of the whole log, in order.
    pub(crate) scan: Sample,
    /// Governed events of 64 producers.
    pub(crate) appends: Sample,
}

/// Opens the log and measures it; prints the figures as one line of JSON.
pub(crate) fn probe(runtime: &Runtime, dir: &Path, seconds: u64, filled: u64) -> Fallible<()> {
    let begin = Instant::now();
    let log = Arc::new(NexusLog::open(dir, Governance::Real)?);
    let open_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let events = log.head();
    let idle_mib = resident_mib("self").unwrap_or(f64::NAN);
    let reads = NexusReads { log: &log, runtime };
    // Once untimed, so that what is timed comes from the page cache.
    reads::scans(&reads, 0)?;
    let scan = reads::scans(&reads, seconds)?;
    let streams = reads::streams(&reads, filled, seconds)?;
    let subject: Arc<dyn Subject> = log.clone();
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let appends = Load::new(64, 1, seconds).run(runtime, &subject, &format!("p{since}"))?;
    let busy_mib = resident_mib("self").unwrap_or(f64::NAN);
    let probe = Probe { events, open_ms, idle_mib, busy_mib, streams, scan, appends };
    println!("{}", serde_json::to_string(&probe)?);
    Ok(())
}

/// Appends with 64 producers until the process is killed.
pub(crate) fn write(runtime: &Runtime, dir: &Path) -> Fallible<()> {
    let log: Arc<dyn Subject> = Arc::new(NexusLog::open(dir, Governance::Real)?);
    println!("writing");
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let load = Load { warm_up: Duration::from_secs(3600), ..Load::new(64, 1, 1) };
    load.run(runtime, &log, &format!("w{since}"))?;
    Ok(())
}
