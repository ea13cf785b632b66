//! What a crash leaves of a disk.

use std::collections::BTreeMap;

use super::{file::SimulatedFile, image::Image};
use crate::random::Random;

/// Which part of what was not flushed outlives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survival {
    /// Nothing.
    Nothing,
    /// Everything, as after a kill of the process alone.
    Everything,
    /// All data, no entry.
    DataOnly,
    /// All entries, no data.
    EntriesOnly,
    /// All but one sector.
    AllButOne,
    /// One sector, and any entries.
    One,
    /// Any sectors, lengths and entries.
    Any,
}

impl Survival {
    /// Each kind, the open-ended ones last.
    pub(crate) const KINDS: [Self; 7] =
        [Self::Nothing, Self::Everything, Self::DataOnly, Self::EntriesOnly, Self::AllButOne, Self::One, Self::Any];
}

impl Image {
    /// The disk as the next start of the machine finds it.
    pub(crate) fn crash(&self, survival: Survival, random: &mut Random) -> Self {
        let mut entries = self.durable_entries.clone();
        for change in &self.changes {
            let kept = match survival {
                Survival::Nothing | Survival::DataOnly => false,
                Survival::Everything | Survival::EntriesOnly | Survival::AllButOne => true,
                Survival::One | Survival::Any => random.chance(50),
            };
            if kept {
                change.apply(&mut entries);
            }
        }
        let mut files = BTreeMap::new();
        for file in entries.values() {
            files.insert(*file, SimulatedFile::settled(content(&self.files[file], survival, random)));
        }
        Self { dirs: self.dirs.clone(), files, durable_entries: entries.clone(), entries, changes: Vec::new() }
    }

    /// Whether a crash leaves the same whatever survives.
    pub(crate) fn is_settled(&self) -> bool {
        self.changes.is_empty() && self.files.values().all(SimulatedFile::is_settled)
    }
}

fn content(file: &SimulatedFile, survival: Survival, random: &mut Random) -> Vec<u8> {
    let mut turn = 0;
    // The length is asked for first, so a single sector is never counted before it.
    let chosen = random.below(file.dirty_sectors() + 1);
    match survival {
        Survival::Nothing | Survival::EntriesOnly => file.durable().to_vec(),
        // What is seen, also where a failed flush left the device behind.
        Survival::Everything | Survival::DataOnly => file.live.clone(),
        Survival::AllButOne => file.after_crash(random, |_| {
            turn += 1;
            turn - 1 != chosen
        }),
        Survival::One => file.after_crash(random, |_| {
            turn += 1;
            turn - 1 == chosen
        }),
        Survival::Any => file.after_crash(random, |random| random.chance(50)),
    }
}
