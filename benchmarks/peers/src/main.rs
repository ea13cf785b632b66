//! Measures the server of Nexus over the network, beside PostgreSQL, UmaDB and tephra, with the same events, the same
//! connections and durable on every answer: `cargo xtask bench peers`, which also provides the peers.
//!
//! Reading order: `client` (what every peer must do), `peer` (who is compared, and how each is started), `nexus_once`,
//! `nexus_lines`, `postgres`, `umadb` and `tephra` (the clients), `server` (processes), `load`, `page`.

mod client;
mod load;
mod nexus_lines;
mod nexus_once;
mod options;
mod page;
mod peer;
mod postgres;
mod server;
#[cfg(feature = "tephra")]
mod tephra;
#[cfg(feature = "umadb")]
mod umadb;

use std::process::ExitCode;

use bench_report::{Fallible, Machine, Results, Sample, rate};
use clap::Parser as _;
use load::{LOADS, Load};
use options::Options;
use peer::Peer;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// The allocator of the `nexus` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) workloads: Vec<Workload>,
    /// Peers that are not in the tables, and why.
    pub(crate) left_out: Vec<String>,
    /// Version of every peer.
    pub(crate) versions: Vec<(String, String)>,
}

/// One kind of load over all peers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Workload {
    pub(crate) load: Load,
    /// Name of the peer and its runs, one a round.
    pub(crate) subjects: Vec<(String, Vec<Sample>)>,
}

fn main() -> ExitCode {
    match perform(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(options: &Options) -> Fallible<()> {
    let raw = options.pages.join("peers.json");
    let mut results = Results::load(&raw)?;
    if !options.page {
        std::fs::create_dir_all(&options.data)?;
        let machine = Machine::here();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        for index in options.loads() {
            let Some(load) = LOADS.get(index) else { return Err(format!("there is no load {index}").into()) };
            let figures = measure(&runtime, options, *load)?;
            results.put(&format!("{}", index + 1), &options.command(index), machine.clone(), &figures)?;
            results.save(&raw)?;
        }
    }
    page::write(&results, &options.pages)
}

/// One load: every peer once a round, each on fresh data.
fn measure(runtime: &Runtime, options: &Options, load: Load) -> Fallible<Figures> {
    let (peers, left_out) = Peer::available(&options.data)?;
    let peers: Vec<_> = peers.into_iter().filter(|peer| peer.takes(load)).collect();
    let mut subjects: Vec<(String, Vec<Sample>)> =
        peers.iter().map(|peer| (peer.name().to_owned(), Vec::new())).collect();
    println!("== {}", load.name());
    for round in 0..options.rounds() {
        for (peer, (name, samples)) in peers.iter().zip(&mut subjects) {
            let sample = Sample::quietest(|| run(runtime, options, peer, load))?;
            println!(
                "round {}: {name:24} {:>8} events/s, p50 {} µs, p99 {} µs, cores: server {:.2}, clients {:.2}, others {:.2}",
                round + 1,
                rate(sample.per_second),
                sample.p50_us,
                sample.p99_us,
                sample.server_cores.unwrap_or(f64::NAN),
                sample.client_cores.unwrap_or(f64::NAN),
                sample.other_cores.unwrap_or(f64::NAN),
            );
            samples.push(sample);
        }
    }
    let versions = peers.iter().map(|peer| (peer.name().to_owned(), peer.version())).collect();
    Ok(Figures { workloads: vec![Workload { load, subjects }], left_out, versions })
}

fn run(runtime: &Runtime, options: &Options, peer: &Peer, load: Load) -> Fallible<Sample> {
    let server = peer.start(&options.data)?;
    runtime.block_on(async {
        peer.prepare(server.address()).await?;
        let mut clients = Vec::new();
        for _ in 0..load.connections {
            clients.push(peer.connect(server.address()).await?);
        }
        load.run(&clients, options.seconds(), server.process()).await
    })
}
