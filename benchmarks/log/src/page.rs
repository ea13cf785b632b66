//! The page that says what came out, with its plots.

use std::{fmt::Write as _, fs, path::Path};

use bench_report::{Bar, Chart, Fallible, Results, Sample, Spread, Table, Target, rate, targets_table};

use crate::{
    appends::{Appends, Workload},
    growth::Growth,
    lone::Lone,
    probe::Probe,
    reads::ReadFigures,
    subject::Kind,
};

/// What was measured, as far as it was.
struct Figures {
    appends: Option<Appends>,
    lone: Option<Lone>,
    reads: Option<ReadFigures>,
    growth: Option<Growth>,
}

const HEAD: &str = "# The event log, measured\n\n\
This page is written by `cargo xtask bench log`; the raw figures are in [log.json](log.json). Everything runs in one \
process on one disk, in rounds: each subject once, then each again. A figure is the median of the rounds, with the least \
and the greatest beside it. Every subject gets the same `OrderPlaced` events of about 400 bytes of JSON, ten to a stream, \
with time-ordered ids.\n\n\
- **Nexus, governed**: every event is checked against the JSON Schema of the Order example, judged by the shipped policy \
and the example's own (Rego), gets its receipt, is hash-chained, checksummed, checked for its expected version and its id, \
written and flushed.\n\
- **Nexus, without its policy**: the same, but every question to the policy is answered yes. The difference is the policy.\n\
- **Nexus, admitting everything**: the same log, with an admission that lets everything in. The difference is governance.\n\
- **bare log**: one write and one `fdatasync` for every group, over a file of zeros, with as many bytes for an event as Nexus \
writes, receipt included. It checks nothing, can find nothing and never has to prepare room: the floor.\n\
- **fjall 3** and **SQLite**: an event store made of them: the log, an index by stream and version, an index by event id, \
uniqueness of both, one synced batch (`SyncAll`) or one transaction (WAL, `synchronous=FULL`) for every group. They store the \
event without a receipt, so fewer bytes.\n\n";

/// Writes page and plots into `pages`.
pub(crate) fn write(results: &Results, pages: &Path) -> Fallible<()> {
    let figures = Figures {
        appends: results.get("appends")?,
        lone: results.get("lone")?,
        reads: results.get("reads")?,
        growth: results.get("growth")?,
    };
    let mut page = HEAD.to_owned();
    write!(page, "## Targets\n\n{}\n", targets_table(&figures.targets()))?;
    figures.appends_part(&mut page, pages)?;
    figures.lone_part(&mut page)?;
    figures.reads_part(&mut page, pages)?;
    figures.growth_part(&mut page)?;
    let notes = pages.join("log-notes.md");
    if notes.exists() {
        page.push_str(
            "Where the time goes, and what would reach the targets that are missed: [notes](log-notes.md).\n\n",
        );
    }
    circumstances(results, &mut page)?;
    fs::write(pages.join("log.md"), page)?;
    Ok(())
}

fn circumstances(results: &Results, page: &mut String) -> Fallible<()> {
    page.push_str("## Circumstances\n\n");
    let mut table = Table::new(&["part", "date (UTC)", "commit", "load before", "command"]);
    let mut machines = Vec::new();
    for (name, section) in &results.sections {
        let machine = &section.machine;
        table.row(&[
            name.clone(),
            machine.date.clone(),
            machine.commit.clone(),
            machine.load.clone(),
            format!("`{}`", section.command),
        ]);
        if !machines.contains(&machine.line()) {
            machines.push(machine.line());
        }
    }
    writeln!(page, "{}\nMachine: {}.", table.finish(), machines.join("; "))?;
    Ok(())
}

/// Median of one operation over the rounds, in microseconds.
fn latency(samples: &[Sample], of: fn(&Sample) -> u32) -> f64 {
    Spread::of(samples.iter().map(|sample| f64::from(of(sample)))).median
}

fn spread_cell(samples: &[Sample]) -> String {
    let Spread { min, median, max } = Spread::of_rates(samples);
    format!("{} / **{}** / {}", rate(min), rate(median), rate(max))
}

/// Of every round, the ratio of one subject to another; the median.
fn ratio(samples: &[Sample], to: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    Spread::of(samples.iter().zip(to).map(|(sample, to)| of(sample) / of(to))).median
}

/// One figure about cores over the rounds; a dash where it was not recorded.
fn cores(samples: &[Sample], of: fn(&Sample) -> Option<f64>, pick: fn(Spread) -> f64) -> String {
    let known: Vec<f64> = samples.iter().filter_map(of).collect();
    if known.is_empty() { "–".to_owned() } else { format!("{:.2}", pick(Spread::of(known))) }
}

fn workload_table(workload: &Workload) -> String {
    let bare = workload.samples(Kind::Bare);
    let mut table = Table::new(&[
        "subject",
        "events/s: min / median / max",
        "of the bare log",
        "p50 µs",
        "p99 µs",
        "cores",
        "others",
    ]);
    for (name, samples) in &workload.subjects {
        let share = ratio(samples, bare, |sample| sample.per_second);
        table.row(&[
            name.clone(),
            spread_cell(samples),
            format!("{:.0} %", share * 100.0),
            format!("{:.0}", latency(samples, |sample| sample.p50_us)),
            format!("{:.0}", latency(samples, |sample| sample.p99_us)),
            cores(samples, |sample| sample.server_cores, |spread| spread.median),
            cores(samples, |sample| sample.other_cores, |spread| spread.max),
        ]);
    }
    table.finish()
}

fn bars(subjects: &[(String, Vec<Sample>)]) -> Vec<Bar> {
    let own =
        |name: &str| name.starts_with("Nexus") || Kind::ALL.iter().any(|kind| kind.is_own() && kind.name() == name);
    let bar = |(name, samples): &(String, Vec<Sample>)| Bar {
        label: name.clone(),
        spread: Spread::of_rates(samples),
        own: own(name),
    };
    subjects.iter().map(bar).collect()
}

impl Figures {
    fn appends_part(&self, page: &mut String, pages: &Path) -> Fallible<()> {
        let Some(appends) = &self.appends else { return Ok(()) };
        writeln!(
            page,
            "## Durable appends\n\nAn event takes {} bytes in the log. \
             `cores` is how many cores the process kept busy, producers included; `others`, how many the rest of the machine did in the round that was disturbed most (a run with more than 0.15 is repeated up to twice, and the quietest counts).\n",
            appends.record_bytes
        )?;
        for workload in &appends.workloads {
            let (producers, batch) = (workload.producers, workload.batch);
            let title = if batch == 1 {
                format!("{producers} producers, single events")
            } else {
                format!("{producers} producers, batches of {batch}")
            };
            let file = format!("log-appends-{producers}x{batch}.svg");
            let chart = Chart {
                title: format!("Durable appends: {title}"),
                unit: "events/s".to_owned(),
                bars: bars(&workload.subjects),
            };
            fs::write(pages.join(&file), chart.svg())?;
            writeln!(page, "### {title}\n\n{}\n![{title}]({file})\n", workload_table(workload))?;
        }
        Ok(())
    }

    fn lone_part(&self, page: &mut String) -> Fallible<()> {
        let Some(lone) = &self.lone else { return Ok(()) };
        writeln!(
            page,
            "## A lone writer\n\nOne write of 4 KiB to a block that was written before, and one `fdatasync`: p50 {:.0} µs, p99 {:.0} µs. \
             The latencies below are those of the whole append, governance included.\n\n{}",
            latency(&lone.device, |sample| sample.p50_us),
            latency(&lone.device, |sample| sample.p99_us),
            workload_table(&lone.commits)
        )?;
        Ok(())
    }

    fn reads_part(&self, page: &mut String, pages: &Path) -> Fallible<()> {
        let Some(reads) = &self.reads else { return Ok(()) };
        writeln!(page, "## Reads\n\n{} events, from the page cache, one thread.\n", reads.events)?;
        let mut table =
            Table::new(&["subject", "streams of 10 a second", "p50 µs", "p99 µs", "events/s of the whole log"]);
        for ((name, streams), (_, scans)) in reads.streams.iter().zip(&reads.scans) {
            table.row(&[
                name.clone(),
                spread_cell(streams),
                format!("{:.0}", latency(streams, |sample| sample.p50_us)),
                format!("{:.0}", latency(streams, |sample| sample.p99_us)),
                spread_cell(scans),
            ]);
        }
        let charts = [
            ("streams", "Streams of ten events", "streams/s", &reads.streams),
            ("scan", "The whole log in order", "events/s", &reads.scans),
        ];
        page.push_str(&table.finish());
        for (file, title, unit, subjects) in charts {
            let file = format!("log-reads-{file}.svg");
            let chart = Chart { title: title.to_owned(), unit: unit.to_owned(), bars: bars(subjects) };
            fs::write(pages.join(&file), chart.svg())?;
            write!(page, "\n![{title}]({file})\n")?;
        }
        page.push('\n');
        Ok(())
    }

    fn growth_part(&self, page: &mut String) -> Fallible<()> {
        let Some(growth) = &self.growth else { return Ok(()) };
        page.push_str("## Growth\n\nThe same measurements in a fresh process on a small and on a large log.\n\n");
        let mut table = Table::new(&[
            "log",
            "events",
            "open ms",
            "idle MiB",
            "busy MiB",
            "streams/s",
            "scan events/s",
            "governed appends/s (64 producers)",
        ]);
        let probes = [("small", &growth.few), ("large", &growth.many), ("large, after a kill", &growth.killed)];
        for (name, probe) in probes {
            table.row(&probe_cells(name, probe));
        }
        writeln!(
            page,
            "{}\nFilling it in batches of 1000 took {} events/s; it takes {:.2} GB on disk.\n",
            table.finish(),
            rate(growth.fill_per_second),
            growth.disk_bytes as f64 / 1e9
        )?;
        Ok(())
    }

    fn targets(&self) -> Vec<Target> {
        [self.append_targets(), self.read_targets(), self.growth_targets()].concat()
    }

    fn append_targets(&self) -> Vec<Target> {
        let first = self.appends.as_ref().and_then(|appends| appends.workloads.first());
        let beside = |kind| {
            first.map(|workload| {
                ratio(workload.samples(Kind::Governed), workload.samples(kind), |sample| sample.per_second)
            })
        };
        let (governed, policed) = (beside(Kind::Bare), beside(Kind::Unpoliced));
        let lone = self
            .lone
            .as_ref()
            .map(|lone| ratio(lone.commits.samples(Kind::Governed), &lone.device, |sample| f64::from(sample.p50_us)));
        vec![
            target(
                "governed durable appends, 64 producers, single events",
                "≥ 80 % of the bare log",
                governed,
                |x| format!("{:.0} %", x * 100.0),
                |x| x >= 0.8,
            ),
            target(
                "the same, beside Nexus without its policy",
                "≥ 90 %",
                policed,
                |x| format!("{:.0} %", x * 100.0),
                |x| x >= 0.9,
            ),
            target(
                "lone writer, commit p50, beside one flush of a written block",
                "≤ 1.3 ×",
                lone,
                |x| format!("{x:.2} ×"),
                |x| x <= 1.3,
            ),
        ]
    }

    fn read_targets(&self) -> Vec<Target> {
        let read =
            |subjects: &[(String, Vec<Sample>)]| subjects.first().map(|(_, samples)| Spread::of_rates(samples).median);
        let reads = self.reads.as_ref();
        vec![
            target(
                "stream reads of 10 events, warm",
                "≥ 50 000 streams/s",
                reads.and_then(|reads| read(&reads.streams)),
                rate,
                |x| x >= 50_000.0,
            ),
            target("global scan", "≥ 2 M events/s", reads.and_then(|reads| read(&reads.scans)), rate, |x| x >= 2e6),
        ]
    }

    fn growth_targets(&self) -> Vec<Target> {
        let growth = self.growth.as_ref();
        let grown = |of: fn(&Probe) -> f64| growth.map(|growth| of(&growth.many) / of(&growth.few));
        let factor = |figure: f64| format!("{figure:.2}");
        vec![
            target(
                "growth: governed appends, many ÷ few events",
                "≥ 0.8",
                grown(|probe| probe.appends.per_second),
                factor,
                |x| x >= 0.8,
            ),
            target("growth: stream reads", "≥ 0.8", grown(|probe| probe.streams.per_second), factor, |x| x >= 0.8),
            target("growth: global scan", "≥ 0.8", grown(|probe| probe.scan.per_second), factor, |x| x >= 0.8),
            target(
                "memory with many events, idle",
                "< 300 MiB",
                growth.map(|growth| growth.many.idle_mib),
                |x| format!("{x:.0} MiB"),
                |x| x < 300.0,
            ),
            target(
                "clean start with many events",
                "< 1 s",
                growth.map(|growth| growth.many.open_ms),
                |x| format!("{x:.0} ms"),
                |x| x < 1000.0,
            ),
            target(
                "start after a kill with many events",
                "< 5 s",
                growth.map(|growth| growth.killed.open_ms),
                |x| format!("{x:.0} ms"),
                |x| x < 5000.0,
            ),
        ]
    }
}

fn target(
    what: &str,
    wanted: &str,
    figure: Option<f64>,
    show: impl Fn(f64) -> String,
    met: impl Fn(f64) -> bool,
) -> Target {
    Target {
        what: what.to_owned(),
        wanted: wanted.to_owned(),
        measured: figure.map(show),
        met: figure.is_some_and(met),
    }
}

fn probe_cells(name: &str, probe: &Probe) -> Vec<String> {
    vec![
        name.to_owned(),
        probe.events.to_string(),
        format!("{:.0}", probe.open_ms),
        format!("{:.0}", probe.idle_mib),
        format!("{:.0}", probe.busy_mib),
        rate(probe.streams.per_second),
        rate(probe.scan.per_second),
        rate(probe.appends.per_second),
    ]
}
