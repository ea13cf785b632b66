use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

use indicatif::ProgressBar;
use nexus_core::ports::EventStore as _;
use nexus_log::{LogEventStore, LogOptions, ReadOnlyStorage, verify_on};
use nexus_runtime::SystemClock;

use super::{
    check::{check, sound_or_refused},
    manifest::Manifest,
    source::{Hashing, Target as _},
    target::{NewDirectory, create, sync_dir, sync_tree},
};
use crate::{Failure, data_dir::DataDir};

/// The file that a directory holds while it is being restored. No server starts on it: half a log would look like a
/// whole, shorter one.
pub(crate) const MARKER: &str = "restore.incomplete";

/// Makes a data directory of a backup, after checking all of it, and opens its log once.
pub(crate) fn restore(from: &Path, to: &Path, bar: &ProgressBar) -> Result<Manifest, Failure> {
    let report = check(from, bar)?;
    sound_or_refused(from, &report)?;
    let manifest = report.manifest;
    bar.reset();
    let mut target = NewDirectory::new(to, bar.clone())?;
    let unwritten = |error: io::Error| {
        Failure::usage(format_args!("{} is not restored: {error}", to.display()))
            .hint("remove the directory and run `backup restore` again")
    };
    copy(from, &manifest, &mut target).map_err(unwritten)?;
    open_once(to, &manifest)?;
    fs::remove_file(to.join(MARKER)).and_then(|()| sync_dir(to)).map_err(unwritten)?;
    Ok(manifest)
}

fn copy(from: &Path, manifest: &Manifest, target: &mut NewDirectory) -> io::Result<()> {
    create(&target.path().join(MARKER))?.sync_all()?;
    sync_dir(target.path())?;
    for entry in &manifest.files {
        let mut hashing = Hashing::new(File::open(from.join(&entry.path))?);
        target.file(&entry.path, entry.bytes, &mut hashing)?;
        if hashing.finish().1 != entry.blake3 {
            return Err(io::Error::other(format!("{} changed while it was copied", entry.path)));
        }
    }
    sync_tree(target.path())
}

/// Opens the restored log as a server would, which also builds its indexes, and looks where it ends.
fn open_once(to: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let dir = to.join(DataDir::LOG);
    let log = LogEventStore::open(&dir, LogOptions::default(), Arc::new(SystemClock)).map_err(Failure::refused)?;
    let head = log.head().get();
    drop(log);
    let found = verify_on(&ReadOnlyStorage, &dir).map_err(Failure::usage)?;
    if head != manifest.position || found.hash.to_string() != manifest.hash || !found.is_intact() {
        return Err(Failure::refused(format_args!("the restored log in {} is not that of the backup", to.display()))
            .hint("restore to another device: what was written there does not come back"));
    }
    Ok(())
}
