//! The whole content of a simulated disk, moved on by operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::file::SimulatedFile;

/// What changed a disk, in a form that can be done again.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    MakeDir(PathBuf),
    Create { path: PathBuf, file: usize },
    Write { file: usize, offset: usize, bytes: Vec<u8> },
    Flush { file: usize },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    FlushDir(PathBuf),
}

/// A change of directory entries that is not durable yet.
#[derive(Debug, Clone)]
pub(crate) struct EntryChange {
    pub(crate) removed: Option<PathBuf>,
    pub(crate) added: Option<(PathBuf, usize)>,
}

impl EntryChange {
    pub(crate) fn apply(&self, entries: &mut BTreeMap<PathBuf, usize>) {
        if let Some(path) = &self.removed {
            entries.remove(path);
        }
        if let Some((path, file)) = &self.added {
            entries.insert(path.clone(), *file);
        }
    }
}

/// Files and entries, as seen and as durable. A file is named by its number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) dirs: BTreeSet<PathBuf>,
    pub(crate) files: BTreeMap<usize, SimulatedFile>,
    pub(crate) entries: BTreeMap<PathBuf, usize>,
    pub(crate) durable_entries: BTreeMap<PathBuf, usize>,
    pub(crate) changes: Vec<EntryChange>,
}

impl Image {
    /// Does an operation again, or for the first time.
    pub(crate) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::MakeDir(path) => {
                self.dirs.insert(path.clone());
            }
            Operation::Create { path, file } => {
                if self.files.contains_key(file) {
                    self.file(*file).truncate();
                } else {
                    self.files.insert(*file, SimulatedFile::default());
                    self.change(None, Some((path.clone(), *file)));
                }
            }
            Operation::Write { file, offset, bytes } => self.file(*file).write(bytes, *offset),
            Operation::Flush { file } => self.file(*file).flush(),
            Operation::Rename { from, to } => {
                let file = self.entries[from];
                self.change(Some(from.clone()), Some((to.clone(), file)));
            }
            Operation::Remove { path } => self.change(Some(path.clone()), None),
            Operation::FlushDir(dir) => self.flush_dir(dir),
        }
    }

    pub(crate) fn file(&mut self, file: usize) -> &mut SimulatedFile {
        self.files.get_mut(&file).expect("a file that was made")
    }

    /// Bytes of all files that have a name.
    pub(crate) fn used(&self) -> usize {
        self.entries.values().map(|file| self.files[file].live.len()).sum()
    }

    fn change(&mut self, removed: Option<PathBuf>, added: Option<(PathBuf, usize)>) {
        let change = EntryChange { removed, added };
        change.apply(&mut self.entries);
        self.changes.push(change);
    }

    fn flush_dir(&mut self, dir: &Path) {
        let inside = |path: &Path| path.parent() == Some(dir);
        self.changes.retain(|change| {
            let path = change.removed.as_ref().or(change.added.as_ref().map(|(path, _)| path));
            let of_dir = path.is_some_and(|path| inside(path));
            if of_dir {
                change.apply(&mut self.durable_entries);
            }
            !of_dir
        });
    }
}
