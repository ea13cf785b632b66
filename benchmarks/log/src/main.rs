//! Measures the event log of Nexus in process, beside a bare log, fjall and SQLite, with the same events on the same
//! disk: `cargo xtask bench log`.
//!
//! Reading order: `subject` (what is compared), `nexus`, `bare`, `lsm` and `sqlite` (the subjects), `group` (the
//! group commit that the last three share), `load` (producers), then the sections: `appends`, `lone`, `reads`,
//! `growth` with `probe` (a process of its own), and `page` (what is written down).

mod appends;
mod bare;
mod group;
mod growth;
mod load;
mod lone;
mod lsm;
mod nexus;
mod options;
mod page;
mod probe;
mod reads;
mod sqlite;
mod subject;

use std::process::ExitCode;

use bench_report::{Fallible, Machine, Results};
use clap::Parser as _;
use options::{Options, Part, Process};

/// The allocator of the `nexus` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &options.process {
        Some(Process::Probe { dir, seconds, filled }) => return probe::probe(&runtime, dir, *seconds, *filled),
        Some(Process::Write { dir }) => return probe::write(&runtime, dir),
        None => {}
    }
    std::fs::create_dir_all(&options.data)?;
    let raw = options.pages.join("log.json");
    let mut results = Results::load(&raw)?;
    for part in options.parts() {
        println!("== {}", part.name());
        let machine = Machine::here();
        let command = options.command(part);
        match part {
            Part::Appends => results.put(part.name(), &command, machine, &appends::run(&runtime, options)?)?,
            Part::Lone => results.put(part.name(), &command, machine, &lone::run(&runtime, options)?)?,
            Part::Reads => results.put(part.name(), &command, machine, &reads::run(&runtime, options)?)?,
            Part::Growth => results.put(part.name(), &command, machine, &growth::run(&runtime, options)?)?,
            Part::Page => {}
        }
        results.save(&raw)?;
    }
    page::write(&results, &options.pages)
}
