use std::{
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use bench_report::{Fallible, Sample, Timings};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{
    appends::{Bench, Workload},
    bare, nexus,
    options::Options,
};

/// A lone writer, beside the device.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lone {
    /// One write of 4 KiB over zeros and one flush.
    pub(crate) device: Vec<Sample>,
    pub(crate) commits: Workload,
}

/// Bytes of the file that blocks are written to.
const BYTES: u64 = 64 << 20;
const BLOCK: u64 = 4096;

pub(crate) fn run(runtime: &Runtime, options: &Options) -> Fallible<Lone> {
    let dir = options.data.join("appends");
    let record_bytes = nexus::record_bytes(runtime, &dir)?;
    let bench = Bench { runtime, dir, record_bytes };
    let mut lone = Lone { device: Vec::new(), commits: Workload::new(1, 1) };
    for _ in 0..options.rounds() {
        let device = device(&options.data.join("device"), options.seconds())?;
        println!("one flush of a written block: p50 {} µs, p99 {} µs", device.p50_us, device.p99_us);
        lone.device.push(device);
        lone.commits.round(&bench, options.seconds())?;
    }
    Ok(lone)
}

/// Writes a block over zeros and flushes it, again and again.
fn device(dir: &Path, seconds: u64) -> Fallible<Sample> {
    std::fs::create_dir_all(dir)?;
    let file = bare::zeros(dir, BYTES)?;
    let block = vec![b'x'; usize::try_from(BLOCK)?];
    let span = Duration::from_secs(seconds);
    let (mut timings, mut count) = (Timings::default(), 0);
    let begin = Instant::now();
    while begin.elapsed() < span {
        let started = Instant::now();
        file.write_all_at(&block, count * BLOCK % BYTES)?;
        file.sync_data()?;
        timings.since(started);
        count += 1;
    }
    std::fs::remove_dir_all(dir)?;
    Ok(timings.sample(count, span))
}
