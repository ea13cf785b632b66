use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use indicatif::ProgressBar;
use nexus_log::{OpenError, ReadOnlyStorage, Verification, verify_on};
use serde_json::{Value, json};

use super::{
    manifest::{FileEntry, MANIFEST, MAX_BYTES, Manifest, ManifestError},
    source::Hashing,
};
use crate::{Failure, data_dir::DataDir};

/// What the check of a backup found.
pub(crate) struct Report {
    /// What the backup says about itself.
    pub(crate) manifest: Manifest,
    /// What is wrong with it, in order; empty when it can be restored.
    pub(crate) findings: Vec<Finding>,
}

/// One thing that is wrong with a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, from the backup's directory on.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) problem: String,
    /// Where in the log and in the file, when that is known.
    pub(crate) place: Option<(u64, u64)>,
}

impl Finding {
    fn new(path: &str, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into(), place: None }
    }

    /// As a JSON document.
    pub(crate) fn to_json(&self) -> Value {
        let place = self.place;
        json!({
            "path": self.path, "problem": self.problem,
            "offset": place.map(|(offset, _)| offset), "position": place.map(|(_, position)| position),
        })
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            None => write!(f, "{}: {}", self.path, self.problem),
            Some((offset, position)) => {
                write!(f, "{} at offset {offset}, position {position}: {}", self.path, self.problem)
            }
        }
    }
}

/// Checks a backup and changes nothing: its manifest, the length and hash of every file, that no file is too many,
/// and then the log itself, record by record.
///
/// # Errors
/// When there is no backup here, it cannot be read, or a newer program wrote it: exit 2. A manifest that is damaged
/// cannot say what else should be there: exit 1.
pub(crate) fn check(dir: &Path, bar: &ProgressBar) -> Result<Report, Failure> {
    let manifest = read_manifest(dir)?;
    bar.set_length(manifest.bytes());
    let unreadable = |error: io::Error| Failure::usage(format_args!("{} cannot be read: {error}", dir.display()));
    let mut there = BTreeMap::new();
    list(dir, "", &mut there).map_err(unreadable)?;
    there.remove(MANIFEST);
    let mut findings = Vec::new();
    for entry in &manifest.files {
        match there.remove(&entry.path) {
            Some(true) => findings.extend(check_file(dir, entry, bar).map_err(unreadable)?),
            Some(false) => findings.push(Finding::new(&entry.path, "it is not a regular file")),
            None => findings.push(Finding::new(&entry.path, "it is missing")),
        }
    }
    findings.extend(there.keys().map(|path| Finding::new(path, "the manifest does not know it")));
    findings.extend(check_log(dir, &manifest)?);
    Ok(Report { manifest, findings })
}

fn read_manifest(dir: &Path) -> Result<Manifest, Failure> {
    let path = dir.join(MANIFEST);
    let bytes = File::open(&path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = bytes.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if dir.is_dir() => {
            let problem = format!("{} has no {MANIFEST}: it is no backup, or one that was interrupted", dir.display());
            Failure::usage(problem).hint("remove it and run `backup create` again")
        }
        _ => Failure::usage(format_args!("{} cannot be read: {error}", path.display()))
            .hint("name the directory that `backup create` wrote"),
    })?;
    Manifest::parse(&bytes).map_err(|error| match error {
        ManifestError::Damaged(reason) => Failure::refused(format_args!("{} is damaged: {reason}", path.display()))
            .hint("use another backup: without its manifest nothing here can be trusted"),
        ManifestError::Newer(found) => {
            Failure::usage(format_args!("{} has layout {found}, which this program does not read", path.display()))
                .hint("use the program that wrote it, or a newer one")
        }
    })
}

/// Paths of everything below `dir`, and whether it is a regular file. Links are not followed.
fn list(dir: &Path, prefix: &str, found: &mut BTreeMap<String, bool>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.insert(path, kind.is_file());
        }
    }
    Ok(())
}

fn check_file(dir: &Path, entry: &FileEntry, bar: &ProgressBar) -> io::Result<Option<Finding>> {
    let file = File::open(dir.join(&entry.path))?;
    let bytes = file.metadata()?.len();
    if bytes != entry.bytes {
        let problem = format!("it has {bytes} bytes, the manifest says {}", entry.bytes);
        return Ok(Some(Finding::new(&entry.path, problem)));
    }
    let mut hashing = Hashing::new(file);
    io::copy(&mut hashing, &mut bar.wrap_write(io::sink()))?;
    let (_, blake3) = hashing.finish();
    let changed = blake3 != entry.blake3;
    Ok(changed.then(|| Finding::new(&entry.path, "its content changed: the hash is not the manifest's")))
}

/// Reads the log of the backup from end to end and compares where it ends with the manifest.
fn check_log(dir: &Path, manifest: &Manifest) -> Result<Vec<Finding>, Failure> {
    let found = match verify_on(&ReadOnlyStorage, &dir.join(DataDir::LOG)) {
        Ok(found) => found,
        Err(OpenError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(vec![Finding::new(DataDir::LOG, "there is no log")]);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let mut findings: Vec<Finding> = found.damage.iter().map(|damage| log_finding(dir, damage)).collect();
    if findings.is_empty() {
        findings.extend(end_of_log(&found, manifest));
    }
    Ok(findings)
}

fn log_finding(dir: &Path, damage: &nexus_log::Damage) -> Finding {
    let path = damage.file.strip_prefix(dir).unwrap_or(&damage.file).to_string_lossy().into_owned();
    Finding { path, problem: damage.reason.clone(), place: Some((damage.offset, damage.position)) }
}

fn end_of_log(found: &Verification, manifest: &Manifest) -> Option<Finding> {
    let (position, hash) = (found.head.get(), found.hash.to_string());
    if position != manifest.position || found.torn_bytes > 0 {
        let problem = format!("the log ends at position {position}, the manifest says {}", manifest.position);
        return Some(Finding::new(DataDir::LOG, problem));
    }
    (hash != manifest.hash)
        .then(|| Finding::new(DataDir::LOG, "the chain hash of its last event is not the manifest's"))
}

/// The one sentence for a person who wanted a sound backup.
pub(crate) fn sound_or_refused(dir: &Path, report: &Report) -> Result<(), Failure> {
    let Some(first) = report.findings.first() else {
        return Ok(());
    };
    let more = match report.findings.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let problem = format!("the backup {} is damaged: {first}{more}", dir.display());
    Err(Failure::refused(problem).hint("`backup verify` lists everything; use another backup"))
}
