use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bench_report::{Fallible, OrderSource, rate};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{
    nexus::{Governance, NexusLog},
    options::Options,
    probe::Probe,
    reads::PREFIX,
    subject::Subject as _,
};

/// The same log with few and with many events.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) few: Probe,
    pub(crate) many: Probe,
    /// The log with many events after its writer was killed.
    pub(crate) killed: Probe,
    /// Events a second while the log was filled, in batches of 1000.
    pub(crate) fill_per_second: f64,
    /// Bytes on disk with many events.
    pub(crate) disk_bytes: u64,
}

const FEW: u64 = 100_000;

pub(crate) fn run(runtime: &Runtime, options: &Options) -> Fallible<Growth> {
    let dir = options.data.join("growth");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let small = dir.join("few");
    fill(runtime, &small, FEW)?;
    let few = probe(&small, options.seconds(), FEW)?;
    let large = dir.join("many");
    let fill_per_second = fill(runtime, &large, options.events)?;
    println!("filled with {} events, {} events/s", options.events, rate(fill_per_second));
    let many = probe(&large, options.seconds(), options.events)?;
    kill_a_writer(&large)?;
    let killed = probe(&large, options.seconds(), options.events)?;
    let disk_bytes = size(&large)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(Growth { few, many, killed, fill_per_second, disk_bytes })
}

/// Stores events in batches, eight at a time; answers events a second.
fn fill(runtime: &Runtime, dir: &Path, events: u64) -> Fallible<f64> {
    const BATCH: usize = 1000;
    let log = NexusLog::open(dir, Governance::Absent)?;
    let mut source = OrderSource::new(PREFIX, 1);
    let begin = Instant::now();
    while log.head() < events {
        let batches: Vec<_> = (0..8).map(|_| source.batch(BATCH)).collect();
        runtime.block_on(async {
            let mut waiting: Vec<_> = batches.into_iter().map(|batch| log.append(batch)).collect();
            for batch in &mut waiting {
                batch.as_mut().await?;
            }
            Fallible::Ok(())
        })?;
    }
    Ok(log.head() as f64 / begin.elapsed().as_secs_f64())
}

/// Measures in a process of its own.
fn probe(dir: &Path, seconds: u64, filled: u64) -> Fallible<Probe> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command
        .arg("probe")
        .arg(dir)
        .arg(seconds.to_string())
        .arg(filled.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the probe of {} ended with {}", dir.display(), output.status).into());
    }
    let probe: Probe = serde_json::from_slice(&output.stdout)?;
    println!(
        "{} events: open {:.0} ms, idle {:.0} MiB, busy {:.0} MiB, {} streams/s, scan {} events/s, appends {} events/s",
        probe.events,
        probe.open_ms,
        probe.idle_mib,
        probe.busy_mib,
        rate(probe.streams.per_second),
        rate(probe.scan.per_second),
        rate(probe.appends.per_second)
    );
    Ok(probe)
}

/// Has a process append with 64 producers and kills it in the middle.
fn kill_a_writer(dir: &Path) -> Fallible<()> {
    let mut child = Command::new(std::env::current_exe()?).arg("write").arg(dir).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("the writer has no output")?).read_line(&mut line)?;
    thread::sleep(Duration::from_secs(2)); // it is to be killed in the middle of its work
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn size(dir: &Path) -> Fallible<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
