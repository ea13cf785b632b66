//! `verify`: the whole log, offline. Exit 0 intact, 1 damaged, 2 not to be verified.

use std::{path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use nexus_core::ports::SignedTreeHead;
use nexus_log::{Damage, Progress, Verification, VerifyOptions, storage::FileStorage, verify_with};
use serde_json::{Value, json};

use crate::{
    Failure,
    cli::{Output, args::Verify, log::read_heads},
    data_dir::log_dir,
};

pub(crate) fn run(verify: &Verify, output: Output) -> Result<(), Failure> {
    let against = match &verify.against {
        Some(file) => read_heads(file)?,
        None => Vec::new(),
    };
    let found = read_log(&log_dir(&verify.data), &against)
        .map_err(|failure| failure.hint("name the data directory of a server that is not running: --data DIR"))?;
    output.value(&document(&found), |_| text(&found, against.len()))?;
    match found.damage.len() {
        0 => Ok(()),
        Verification::MAX_DAMAGE => Err(Failure::refused("the log is damaged in at least 100 places")),
        count => Err(Failure::refused(format_args!("the log is damaged in {count} place(s)"))),
    }
}

/// Reads it all, with a bar on standard error when that is a terminal.
fn read_log(log: &Path, against: &[SignedTreeHead]) -> Result<Verification, Failure> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("verifying {bar:40} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let tell = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.bytes);
    };
    let options = VerifyOptions { against, progress: Some(&tell) };
    let found = verify_with(&FileStorage, log, options);
    bar.finish_and_clear();
    found.map_err(Failure::usage)
}

fn document(found: &Verification) -> Value {
    json!({
        "intact": found.is_intact(),
        "segments": found.segments,
        "events": found.events,
        "bytes": found.bytes,
        "head": found.head.get(),
        "hash": found.hash.to_string(),
        "root": found.root.map(|root| root.to_string()),
        "logId": found.log_id.map(|id| id.to_string()),
        "heads": found.heads,
        "tornBytes": found.torn_bytes,
        "damage": found.damage.iter().map(place).collect::<Vec<_>>(),
    })
}

fn place(damage: &Damage) -> Value {
    json!({
        "file": damage.file.display().to_string(),
        "offset": damage.offset,
        "position": damage.position,
        "reason": damage.reason,
    })
}

fn text(found: &Verification, given: usize) -> String {
    let mut lines = vec![format!(
        "{}: {} events in {} segments, {} bytes, head {}",
        if found.is_intact() { "intact" } else { "damaged" },
        found.events,
        found.segments,
        found.bytes,
        found.head.get()
    )];
    lines.push(format!("chain hash {}", found.hash));
    if let Some(root) = found.root {
        lines.push(format!("tree root  {root}"));
    }
    lines.push(format!("agrees with {} signed heads, of {given} given and those saved beside the log", found.heads));
    if found.torn_bytes > 0 {
        lines.push(format!("{} bytes of writes that were never acknowledged were torn by a crash", found.torn_bytes));
    }
    lines.extend(found.damage.iter().map(ToString::to_string));
    lines.join("\n")
}
