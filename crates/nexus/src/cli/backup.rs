use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    Client, Failure,
    backup::{self, Manifest, Report},
    cli::{Output, args::BackupVerb, output::text_of},
};

pub(crate) async fn run(
    verb: BackupVerb,
    client: impl FnOnce() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        BackupVerb::Create { directory, data: Some(data) } => {
            let bar = progress("copied");
            let to = directory.clone();
            let made = blocking(move || backup::from_data(&data, &to, &bar)).await?;
            output.value(&facts(&directory, &made), created)
        }
        BackupVerb::Create { directory, data: None } => {
            let made = backup::from_server(&client()?, &directory, &progress("received")).await?;
            output.value(&facts(&directory, &made), created)
        }
        BackupVerb::Verify { directory } => {
            let (bar, from) = (progress("checked"), directory.clone());
            let report = blocking(move || backup::check(&from, &bar)).await?;
            verified(&directory, &report, output)
        }
        BackupVerb::Restore { directory, data } => {
            let (bar, to) = (progress("checked and copied"), data.clone());
            let restored = blocking(move || backup::restore(&directory, &to, &bar)).await?;
            output.value(&facts(&data, &restored), |facts| {
                let (path, position) = (text_of(facts, "directory"), text_of(facts, "position"));
                format!(
                    "{path} holds everything up to position {position}, chain hash {}\n\
                     read models are built again when a server first opens it: serve --data {path}",
                    text_of(facts, "hash")
                )
            })
        }
    }
}

/// Runs work on files where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Failure::usage(format_args!("the work broke off: {error}")))?
}

fn facts(directory: &Path, manifest: &Manifest) -> Value {
    json!({
        "directory": directory,
        "position": manifest.position,
        "hash": manifest.hash,
        "createdAt": manifest.created_at,
        "programVersion": manifest.program_version,
        "files": manifest.files.len(),
        "bytes": manifest.bytes(),
    })
}

fn created(facts: &Value) -> String {
    let part = |name| text_of(facts, name);
    format!(
        "{} holds everything up to position {}, chain hash {}\n{} files, {} bytes, verified; it holds the server's \
         keys, so keep it where only operators can read it",
        part("directory"),
        part("position"),
        part("hash"),
        part("files"),
        part("bytes")
    )
}

fn verified(directory: &Path, report: &Report, output: Output) -> Result<(), Failure> {
    let mut document = facts(directory, &report.manifest);
    if let Value::Object(members) = &mut document {
        members.insert("intact".to_owned(), json!(report.findings.is_empty()));
        members.insert("findings".to_owned(), report.findings.iter().map(backup::Finding::to_json).collect());
    }
    output.value(&document, |facts| {
        if report.findings.is_empty() {
            let (position, hash) = (text_of(facts, "position"), text_of(facts, "hash"));
            return format!("intact: everything up to position {position} is there, chain hash {hash}");
        }
        report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })?;
    if report.findings.is_empty() {
        return Ok(());
    }
    let problem = format!("{} is damaged in {} place(s)", directory.display(), report.findings.len());
    Err(Failure::refused(problem).hint("do not restore it; use another backup"))
}

/// A bar on standard error; invisible where that is not a terminal.
fn progress(done: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template(&format!("{{bytes}} {done}  {{bytes_per_sec}}  {{elapsed}}"));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
