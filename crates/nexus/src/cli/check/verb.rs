use std::{
    fmt::Display,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use nexus_check::{
    AccessToken, Against, Baseline, BaselineError, CheckError, CheckOptions, Checked, Exceptions, Facts, GateReport,
    Rendering, Scope, Sources, one_line, render, render_graph, step_summary,
};

use super::{Check, args::GraphFormat, git};
use crate::{
    Failure,
    cli::{Format, Output},
};

/// The variable with the file to which a step of GitHub Actions writes its summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// `token` tells what to say to a server who asks.
pub(crate) async fn run(
    arguments: Check,
    token: impl Fn(&str) -> Result<Option<String>, Failure>,
    output: Output,
) -> Result<(), Failure> {
    if let Some(rule) = &arguments.explain {
        return explain(rule, output);
    }
    let token = match &arguments.against {
        Some(Against::Url(server)) => token(server)?.map(AccessToken::new),
        _ => None,
    };
    let ended = tokio::task::spawn_blocking(move || check(&arguments, token, output)).await;
    ended.map_err(|error| gate_failed(&error))?
}

/// Not even a "no" could be said: whoever waits for a "yes" has none. The reason may name files of whoever wrote the
/// repository, so it is printed as text and nothing else.
fn gate_failed(reason: &dyn Display) -> Failure {
    let reason: Vec<_> = reason.to_string().lines().map(one_line).collect();
    Failure::with_code(3, format_args!("the gate itself failed: {}", reason.join("\n  ")))
}

fn check_failed(error: &CheckError) -> Failure {
    gate_failed(error).hint(one_line(&error.fix()))
}

fn explain(id: &str, output: Output) -> Result<(), Failure> {
    let rule = nexus_check::rule(id).map_err(|nearest| {
        Failure::usage(format_args!("there is no rule `{id}`")).hint(format_args!("is `{nearest}` meant?"))
    })?;
    let value = serde_json::to_value(rule).map_err(Failure::usage)?;
    output.value(&value, |_| rule.page.trim_end().to_owned())
}

fn check(arguments: &Check, token: Option<AccessToken>, output: Output) -> Result<(), Failure> {
    let rendering = rendering(arguments, output)?;
    let options = CheckOptions { token, ..options(arguments)? };
    if let Some(format) = arguments.graph {
        return draw(&options, format, output);
    }
    if options.changed_only.as_ref().is_some_and(Vec::is_empty) {
        output.talk("nothing is staged");
        return Ok(());
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let exceptions = Exceptions::read(&options.root).map_err(|error| gate_failed(&error))?;
    let checked = nexus_check::check(&options).map_err(|error| check_failed(&error))?;
    let mut report = judge(arguments, &Judging { options: &options, exceptions, today }, checked, output)?;
    if let Some(changed) = &options.changed_only {
        // What is wrong with the exceptions is not the fault of a change elsewhere; a run over everything says it.
        let touched = changed.iter().any(|file| file == Path::new(Exceptions::FILE));
        report.findings.retain(|finding| touched || finding.place.file != Exceptions::FILE);
    }
    tell(&report, rendering, &options.root, output)?;
    match report.fails(arguments.fail_level.level()) {
        true => Err(Failure::refused(report.summary())),
        false => Ok(()),
    }
}

/// Prints the services and what goes from one to another.
fn draw(options: &CheckOptions, format: GraphFormat, output: Output) -> Result<(), Failure> {
    let facts = Facts::read(options).map_err(|error| check_failed(&error))?;
    let told = render_graph(&nexus_check::graph(&facts), format.rendering()).map_err(|error| gate_failed(&error))?;
    output.line(told.trim_end())
}

/// The rendering that `--format` and `--output` agree on.
fn rendering(arguments: &Check, output: Output) -> Result<Rendering, Failure> {
    let asked = match output.format() {
        Format::Text => return Ok(arguments.format.unwrap_or(Rendering::Text)),
        Format::Json => Rendering::Json,
        Format::Jsonl => Rendering::Jsonl,
    };
    match arguments.format {
        Some(other) if other != asked => {
            Err(Failure::usage(format_args!("`--format {other}` and `--output {asked}` are two formats"))
                .hint("give one of them"))
        }
        _ => Ok(asked),
    }
}

fn options(arguments: &Check) -> Result<CheckOptions, Failure> {
    let here = std::env::current_dir().map_err(Failure::usage)?;
    let root = match &arguments.root {
        Some(root) => here.join(root),
        None => git::root(&here),
    };
    let root = root.canonicalize().map_err(|error| Failure::usage(format_args!("{}: {error}", root.display())))?;
    let changed_only =
        arguments.changed.then(|| git::staged(&root)).transpose().map_err(|reason| gate_failed(&reason))?;
    let paths: Result<Vec<_>, Failure> = arguments.paths.iter().map(|path| below(&root, &here.join(path))).collect();
    let mut paths = paths?;
    if paths.iter().any(|path| path.as_os_str().is_empty()) {
        // The root itself is among them, so it is everything.
        paths.clear();
    }
    Ok(CheckOptions {
        paths,
        against: arguments.against.clone(),
        bundle_digest: arguments.bundle_digest.clone(),
        root,
        changed_only,
        token: None,
    })
}

/// What findings are judged with.
struct Judging<'a> {
    options: &'a CheckOptions,
    exceptions: Exceptions,
    today: Date,
}

/// Applies exceptions and the baseline, which is written when that is asked for.
fn judge(arguments: &Check, with: &Judging<'_>, checked: Checked, output: Output) -> Result<GateReport, Failure> {
    let scope = Scope::of(with.options);
    let report = |checked, baseline: Option<&Baseline>| {
        GateReport::judged(checked, &with.exceptions, baseline, scope, with.today)
    };
    let file = arguments.baseline.clone().unwrap_or_else(|| with.options.root.join(Baseline::FILE));
    if arguments.create_baseline {
        let first = Baseline::of(&report(checked.clone(), None).findings);
        first.create(&file).map_err(|error| match error {
            BaselineError::Exists(_) => Failure::usage(error).hint("it only shrinks: `--update-baseline`"),
            _ => gate_failed(&error),
        })?;
        output.talk(&format!("wrote {} with {} finding(s)", file.display(), first.len()));
        return Ok(report(checked, Some(&first)));
    }
    if arguments.baseline.is_none() {
        return Ok(report(checked, None));
    }
    let baseline = Baseline::read(&file, &name_of(&file, &with.options.root)).map_err(|error| gate_failed(&error))?;
    if !arguments.update_baseline {
        return Ok(report(checked, Some(&baseline)));
    }
    let left = baseline.shrunk(&report(checked.clone(), None).findings, scope);
    left.replace(&file).map_err(|error| gate_failed(&error))?;
    output.talk(&format!("{}: {} of {} finding(s) are left", file.display(), left.len(), baseline.len()));
    Ok(report(checked, Some(&left)))
}

/// What findings call a file: relative to the root where it is below it.
fn name_of(file: &Path, root: &Path) -> String {
    let whole = file.canonicalize();
    let below = whole.as_deref().ok().and_then(|whole| whole.strip_prefix(root).ok());
    below.unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// Prints a report; where GitHub Actions wants a summary of the step, it gets one.
fn tell(report: &GateReport, rendering: Rendering, root: &Path, output: Output) -> Result<(), Failure> {
    let told =
        render(report, rendering, &Sources::below(root), output.colored()).map_err(|error| gate_failed(&error))?;
    if let Some(told) = told.strip_suffix('\n') {
        output.line(told)?;
    }
    match std::env::var_os(STEP_SUMMARY) {
        Some(file) if rendering == Rendering::Github => summarise(report, Path::new(&file)),
        _ => Ok(()),
    }
}

fn summarise(report: &GateReport, file: &Path) -> Result<(), Failure> {
    let written = OpenOptions::new().append(true).create(true).open(file);
    let written = written.and_then(|mut file| file.write_all(step_summary(report).as_bytes()));
    written.map_err(|error| gate_failed(&format_args!("{STEP_SUMMARY} ({}): {error}", file.display())))
}

/// The path relative to the root.
fn below(root: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let whole = path.canonicalize().map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
    whole.strip_prefix(root).map(Path::to_owned).map_err(|_| {
        Failure::usage(format_args!("{} is not below {}", path.display(), root.display()))
            .hint("`--root` says which repository is meant")
    })
}
