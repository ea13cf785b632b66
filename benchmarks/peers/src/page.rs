//! The page that says what came out, with its plots.

use std::{fmt::Write as _, fs, path::Path};

use bench_report::{Bar, Chart, Fallible, Results, Sample, Spread, Table, Target, rate, targets_table};

use crate::{Figures, Workload, load::LOADS};

const HEAD: &str = "# The server over the network, measured beside others\n\n\
This page is written by `cargo xtask bench peers`; the raw figures are in [peers.json](peers.json). Server and clients \
share one machine and its loopback interface. Every server begins with an empty directory on the same disk and answers only \
once the events are durable; in every round each has one run. A figure is the median of the rounds, with the least and the \
greatest beside it. Everybody stores the same `OrderPlaced` events of about 400 bytes of JSON, ten to a stream.\n\n\
- **Nexus, a request each**: `POST /api/streams/{id}/events` and `POST /api/append` on kept connections. Every event has an id \
and an expected version, and passes its JSON Schema and the policy (Rego).\n\
- **Nexus, stream of appends**: `POST /api/append/stream`, a line of JSON for each append, judged in the same way.\n\
- **PostgreSQL**: a table with unique (stream, version) and unique ids, `jsonb`; `fsync`, `synchronous_commit` and \
`full_page_writes` on, 1 GB of shared buffers; a batch is one `INSERT … SELECT FROM unnest`; one connection carries many \
statements by the protocol's pipelining.\n\
- **UmaDB** and **tephra**: through their own clients with default settings; the stream is a tag, and no condition is checked, \
which is their fastest way.\n\n";

/// Writes page and plots into `pages`.
pub(crate) fn write(results: &Results, pages: &Path) -> Fallible<()> {
    let mut page = HEAD.to_owned();
    let mut workloads = Vec::new();
    let (mut left_out, mut versions): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for name in results.sections.keys() {
        let Some(figures) = results.get::<Figures>(name)? else { continue };
        workloads.extend(figures.workloads);
        for reason in figures.left_out {
            if !left_out.contains(&reason) {
                left_out.push(reason);
            }
        }
        for version in figures.versions {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
    }
    write!(page, "## Targets\n\n{}\n", targets_table(&targets(&workloads)))?;
    for workload in &workloads {
        section(&mut page, pages, workload)?;
    }
    let notes = pages.join("peers-notes.md");
    if notes.exists() {
        page.push_str(
            "Where the time goes, and what would reach the targets that are missed: [notes](peers-notes.md).\n\n",
        );
    }
    if !left_out.is_empty() {
        writeln!(page, "## Left out\n\n- {}\n", left_out.join("\n- "))?;
    }
    circumstances(results, &versions, &mut page)?;
    fs::write(pages.join("peers.md"), page)?;
    Ok(())
}

fn section(page: &mut String, pages: &Path, workload: &Workload) -> Fallible<()> {
    let title = workload.load.name();
    let mut table = Table::new(&[
        "subject",
        "events/s: min / median / max",
        "p50 µs",
        "p99 µs",
        "cores: server",
        "clients",
        "others",
    ]);
    for (name, samples) in &workload.subjects {
        let Spread { min, median, max } = Spread::of_rates(samples);
        let middle = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of)).median;
        let cores = |of: fn(&Sample) -> Option<f64>| {
            let known: Vec<f64> = samples.iter().filter_map(of).collect();
            if known.is_empty() { "–".to_owned() } else { format!("{:.2}", Spread::of(known).median) }
        };
        table.row(&[
            name.clone(),
            format!("{} / **{}** / {}", rate(min), rate(median), rate(max)),
            format!("{:.0}", middle(|sample| f64::from(sample.p50_us))),
            format!("{:.0}", middle(|sample| f64::from(sample.p99_us))),
            cores(|sample| sample.server_cores),
            cores(|sample| sample.client_cores),
            cores(|sample| sample.other_cores),
        ]);
    }
    let load = workload.load;
    let file = format!("peers-{}x{}x{}.svg", load.connections, load.in_flight, load.batch);
    let bars = workload.subjects.iter().map(|(name, samples)| Bar {
        label: name.clone(),
        spread: Spread::of_rates(samples),
        own: name.starts_with("Nexus"),
    });
    let chart = Chart { title: format!("Durable appends: {title}"), unit: "events/s".to_owned(), bars: bars.collect() };
    fs::write(pages.join(&file), chart.svg())?;
    writeln!(page, "## {}\n\n{}\n![{title}]({file})\n", capitalised(&title), table.finish())?;
    Ok(())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The best way to Nexus beside each peer, for every load that has targets.
fn targets(workloads: &[Workload]) -> Vec<Target> {
    let mut targets = Vec::new();
    for load in LOADS {
        let Some(workload) = workloads.iter().find(|workload| workload.load == load) else { continue };
        let median = |samples: &[Sample]| Spread::of_rates(samples).median;
        let own = workload.subjects.iter().filter(|(name, _)| name.starts_with("Nexus"));
        let own = own.map(|(_, samples)| median(samples)).fold(0.0, f64::max);
        for (peer, wanted) in [("tephra", 1.0), ("UmaDB", 2.0), ("PostgreSQL", 2.0)] {
            let found = workload.subjects.iter().find(|(name, _)| name == peer);
            let ratio = found.map(|(_, samples)| own / median(samples));
            let words = if wanted > 1.0 { format!("≥ {wanted} × {peer}") } else { format!("ahead of {peer}") };
            targets.push(Target {
                what: load.name(),
                wanted: words,
                measured: ratio.map(|ratio| format!("{ratio:.2} × ({})", rate(own))),
                met: ratio.is_some_and(|ratio| ratio >= wanted),
            });
        }
    }
    targets
}

fn circumstances(results: &Results, versions: &[(String, String)], page: &mut String) -> Fallible<()> {
    page.push_str("## Circumstances\n\n");
    let mut table = Table::new(&["load", "date (UTC)", "commit", "load before", "command"]);
    let mut machines = Vec::new();
    for (name, section) in &results.sections {
        let machine = &section.machine;
        let command = format!("`{}`", section.command);
        table.row(&[name.clone(), machine.date.clone(), machine.commit.clone(), machine.load.clone(), command]);
        if !machines.contains(&machine.line()) {
            machines.push(machine.line());
        }
    }
    writeln!(page, "{}\nMachine: {}.\n\nVersions:\n", table.finish(), machines.join("; "))?;
    for (name, version) in versions {
        writeln!(page, "- {name}: {version}")?;
    }
    Ok(())
}
