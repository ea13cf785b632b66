//! One file: what is seen, what is durable, and what may become durable in between.

use std::collections::BTreeMap;

use crate::random::Random;

/// What a device writes whole or not at all.
pub(crate) const SECTOR: usize = 512;

/// A file of a simulated disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedFile {
    pub(crate) live: Vec<u8>,
    durable: Vec<u8>,
    /// Every content of a sector since the last flush; any of them may reach the device.
    dirty: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Every length since the last flush.
    lengths: Vec<usize>,
    /// Flushes that failed. Every handle that was open then reports it once, at its next flush.
    pub(crate) failures: usize,
}

impl SimulatedFile {
    /// A file with nothing to flush.
    pub(crate) fn settled(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), durable: bytes, ..Self::default() }
    }

    /// Whether a crash would leave it as it is seen.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.lengths.is_empty()
    }

    pub(crate) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.lengths.push(end);
        }
        self.live[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR..end.div_ceil(SECTOR) {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.live.len());
            self.dirty.entry(sector).or_default().push(self.live[range].to_vec());
        }
    }

    pub(crate) fn truncate(&mut self) {
        self.live.clear();
        self.lengths.push(0);
    }

    pub(crate) fn flush(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.live.len());
            if !range.is_empty() {
                self.durable[range.clone()].copy_from_slice(&self.live[range]);
            }
        }
        self.lengths.clear();
    }

    /// A flush that failed: some sectors reached the device. The system now takes all of them for clean, so that no
    /// later flush writes them, and goes on showing them to readers.
    pub(crate) fn fail_to_flush(&mut self, random: &mut Random) {
        self.failures += 1;
        self.durable = self.after_crash(random, |random| random.chance(50));
        self.dirty.clear();
        self.lengths.clear();
    }

    /// What is on the device after a crash; `keep` says for each sector and for the length whether a state newer than
    /// the durable one survived, and which one is drawn.
    pub(crate) fn after_crash(&self, random: &mut Random, mut keep: impl FnMut(&mut Random) -> bool) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if !self.lengths.is_empty() && keep(random) {
            bytes.resize(*random.pick(&self.lengths), 0);
        }
        for (sector, states) in &self.dirty {
            if keep(random) {
                let state: &Vec<u8> = random.pick(states);
                overlay(&mut bytes, *sector, state);
            }
        }
        bytes
    }

    pub(crate) fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// How many sectors a crash may or may not keep.
    pub(crate) fn dirty_sectors(&self) -> usize {
        self.dirty.len()
    }
}

fn overlay(bytes: &mut [u8], sector: usize, state: &[u8]) {
    let start = (sector * SECTOR).min(bytes.len());
    let end = (start + state.len()).min(bytes.len());
    bytes[start..end].copy_from_slice(&state[..end - start]);
}
