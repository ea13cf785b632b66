use std::{
    io::{self, BufWriter},
    path::Path,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    Client, Failure,
    cli::{
        Format, Output,
        args::{StreamExport, StreamImport},
        output::text_of,
    },
    exchange::{self, Imported, Wanted},
};

pub(crate) async fn export(export: StreamExport, client: &Client, output: Output) -> Result<(), Failure> {
    let StreamExport { stream, all: _, after, out } = export;
    let (wanted, bar) = (Wanted { stream, after }, progress());
    let Some(path) = out else {
        let mut lines = BufWriter::new(io::stdout());
        let done = exchange::export(client, &wanted, &mut lines, &bar).await?;
        output.talk(&format!("{} events, up to position {}", done.events, done.position));
        return Ok(());
    };
    let file = exchange::create(&path)?;
    let mut lines = BufWriter::with_capacity(1 << 18, &file);
    let done = exchange::export(client, &wanted, &mut lines, &bar).await?;
    bar.finish_and_clear();
    drop(lines);
    file.sync_all().map_err(|error| Failure::usage(format_args!("{} cannot be flushed: {error}", path.display())))?;
    let facts = json!({ "file": path, "events": done.events, "position": done.position });
    output.value(&facts, |facts| {
        let part = |name| text_of(facts, name);
        format!("{} holds {} events, up to position {}", part("file"), part("events"), part("position"))
    })
}

pub(crate) async fn import(import: StreamImport, client: &Client, output: Output) -> Result<(), Failure> {
    let StreamImport { file, check } = import;
    // Standard input can be read only once, so its lines are judged as they come.
    let once = file.as_os_str() == "-";
    if check || !once {
        let found = exchange::check(client, exchange::open(&file)?).await?;
        if check {
            output.value(&checked(&found), describe_check)?;
        }
        judge(&file, &found, check, output)?;
        if check {
            return Ok(());
        }
    }
    let bar = progress();
    let done = exchange::import(client, exchange::open(&file)?, &bar).await?;
    bar.finish_and_clear();
    let facts = json!({
        "events": done.events, "stored": done.stored, "known": done.known, "system": done.system,
    });
    output.value(&facts, |facts| {
        let part = |name| text_of(facts, name);
        format!(
            "{} events: {} stored, {} were there before, {} of the platform's own streams left out",
            part("events"),
            part("stored"),
            part("known"),
            part("system")
        )
    })
}

fn checked(found: &Imported) -> Value {
    let problems: Vec<Value> =
        found.problems.iter().map(|problem| json!({ "line": problem.line, "reason": problem.reason })).collect();
    json!({
        "events": found.events, "system": found.system, "refused": found.refused,
        "problems": problems, "missingSchemas": found.missing,
    })
}

fn describe_check(facts: &Value) -> String {
    let part = |name| text_of(facts, name);
    format!("{} events, {} lines that cannot be read", part("events"), part("refused"))
}

/// Says no before anything is written, when it is clear that not all can be.
fn judge(file: &Path, found: &Imported, check: bool, output: Output) -> Result<(), Failure> {
    if found.refused > 0 {
        if !check || output.format() == Format::Text {
            for problem in &found.problems {
                output.talk(&format!("line {}: {}", problem.line, problem.reason));
            }
        }
        let (count, shown) = (found.refused, file.display());
        return Err(Failure::usage(format_args!("{count} line(s) of {shown} cannot be imported; nothing was stored"))
            .hint("each line must be a CloudEvent 1.0 as `stream export` writes it"));
    }
    if !found.missing.is_empty() {
        let names: Vec<&str> = found.missing.iter().map(String::as_str).collect();
        let problem = format!("the server has no schema for: {}; nothing was stored", names.join(", "));
        return Err(Failure::with_code(4, problem)
            .hint("serve an application that declares these event types, then run the same import again"));
    }
    Ok(())
}

/// Counts events on standard error; invisible where that is not a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{pos} events  {per_sec}  {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
