use std::path::PathBuf;

use bench_report::{Fallible, Sample, rate};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::{load::Load, nexus, options::Options, subject::Kind};

/// Many writers at once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Appends {
    /// Bytes that Nexus stores for an event, and the bare log too.
    pub(crate) record_bytes: usize,
    pub(crate) workloads: Vec<Workload>,
}

/// One kind of load over all subjects.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Workload {
    pub(crate) producers: usize,
    pub(crate) batch: usize,
    /// Name of the subject and its runs, one a round.
    pub(crate) subjects: Vec<(String, Vec<Sample>)>,
}

/// Producers and events of one append.
const LOADS: [(usize, usize); 4] = [(64, 1), (8, 10), (8, 100), (8, 1000)];

pub(crate) fn run(runtime: &Runtime, options: &Options) -> Fallible<Appends> {
    let dir = options.data.join("appends");
    let record_bytes = nexus::record_bytes(runtime, &dir)?;
    println!("an event takes {record_bytes} bytes in the log");
    let bench = Bench { runtime, dir, record_bytes };
    let mut workloads = Vec::new();
    for (producers, batch) in LOADS {
        let mut workload = Workload::new(producers, batch);
        for _ in 0..options.rounds() {
            workload.round(&bench, options.seconds())?;
        }
        workloads.push(workload);
    }
    Ok(Appends { record_bytes, workloads })
}

/// What every run needs.
pub(crate) struct Bench<'a> {
    pub(crate) runtime: &'a Runtime,
    /// Made for every run, and removed after it.
    pub(crate) dir: PathBuf,
    pub(crate) record_bytes: usize,
}

impl Workload {
    pub(crate) fn new(producers: usize, batch: usize) -> Self {
        let subjects = Kind::ALL.iter().map(|kind| (kind.name().to_owned(), Vec::new())).collect();
        Self { producers, batch, subjects }
    }

    /// Runs the load once on every subject.
    pub(crate) fn round(&mut self, bench: &Bench<'_>, seconds: u64) -> Fallible<()> {
        let (producers, batch) = (self.producers, self.batch);
        for (kind, (name, samples)) in Kind::ALL.iter().zip(&mut self.subjects) {
            let sample = Sample::quietest(|| {
                let subject = kind.open(&bench.dir, bench.record_bytes)?;
                Load::new(producers, batch, seconds).run(bench.runtime, &subject, "a")
            })?;
            let (figure, p50, p99) = (rate(sample.per_second), sample.p50_us, sample.p99_us);
            let others = sample.other_cores.unwrap_or(f64::NAN);
            println!(
                "{producers} × {batch}: {name:28} {figure:>8} events/s, p50 {p50} µs, p99 {p99} µs, others {others:.2} cores"
            );
            samples.push(sample);
            std::fs::remove_dir_all(&bench.dir)?;
        }
        Ok(())
    }

    /// The runs of a subject.
    pub(crate) fn samples(&self, kind: Kind) -> &[Sample] {
        let found = self.subjects.iter().find(|(name, _)| name == kind.name());
        found.map_or(&[], |(_, samples)| samples)
    }
}
