use std::collections::BTreeSet;

use nexus_core::Timestamp;
use serde::{Deserialize, Serialize};

/// The file that says what a backup holds. It is written last: a directory without it is no backup.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The layout this program writes, and the newest it reads.
const FORMAT: u32 = 1;

/// Largest manifest that is read: room for a hundred thousand segments.
pub(crate) const MAX_BYTES: u64 = 32 << 20;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Version of the layout.
    pub(crate) format: u32,
    /// Position of the last event.
    pub(crate) position: u64,
    /// Chain hash of that event, in hexadecimal.
    pub(crate) hash: String,
    /// When the backup was begun.
    pub(crate) created_at: Timestamp,
    /// Version of the program that wrote it.
    pub(crate) program_version: String,
    /// Every file but the manifest.
    pub(crate) files: Vec<FileEntry>,
    /// BLAKE3 of the manifest without this member, as compact JSON.
    pub(crate) checksum: String,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    /// Its path in the backup and in the data directory, with `/`.
    pub(crate) path: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its hash, in hexadecimal.
    pub(crate) blake3: String,
}

/// Why bytes are not a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ManifestError {
    /// They were damaged or are something else.
    Damaged(String),
    /// A newer program wrote them.
    Newer(u32),
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// The manifest of a backup whose last event is at `position` with this chain hash.
    pub(crate) fn new(position: u64, hash: String, created_at: Timestamp, files: Vec<FileEntry>) -> Self {
        let program_version = env!("CARGO_PKG_VERSION").to_owned();
        let checksum = String::new();
        let mut manifest = Self { format: FORMAT, position, hash, created_at, program_version, files, checksum };
        manifest.checksum = manifest.computed();
        manifest
    }

    /// The bytes of its file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads and checks the bytes of a manifest file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let damaged = |reason: &dyn std::fmt::Display| ManifestError::Damaged(reason.to_string());
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
        if format > FORMAT {
            return Err(ManifestError::Newer(format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
        if manifest.checksum != manifest.computed() {
            return Err(damaged(&"it fails its own checksum"));
        }
        let mut seen = BTreeSet::new();
        for entry in &manifest.files {
            if !is_plain(&entry.path) || entry.path == MANIFEST || !seen.insert(&entry.path) {
                return Err(damaged(&format_args!("it names `{}`", entry.path.escape_debug())));
            }
        }
        Ok(manifest)
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }

    fn computed(&self) -> String {
        let bare = Self { checksum: String::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&bare).unwrap_or_default();
        blake3::hash(&bytes).to_hex().to_string()
    }
}

/// Whether a path stays inside its directory on every system: up to four plain names with `/` between them.
pub(crate) fn is_plain(path: &str) -> bool {
    let plain = |name: &str| {
        let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        first && name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    path.split('/').count() <= 4 && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str| FileEntry { path: path.to_owned(), bytes: 5, blake3: "ab".repeat(32) };
        let files = vec![file("log/log/0000000000000001.nxlog"), file("cursor.key")];
        Manifest::new(7, "00".repeat(32), Timestamp::UNIX_EPOCH, files)
    }

    #[test]
    fn a_manifest_comes_back_as_written() {
        assert_eq!(Manifest::parse(&manifest().to_bytes()), Ok(manifest()));
    }

    #[test]
    fn every_changed_byte_of_a_manifest_is_noticed_unless_it_is_white_space() {
        let good = manifest().to_bytes();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1;
            assert!(Manifest::parse(&bad).is_err(), "byte {index}: {}", String::from_utf8_lossy(&bad));
        }
    }

    #[test]
    fn a_newer_layout_is_told_apart_from_damage() {
        assert_eq!(Manifest::parse(br#"{"format":2,"anything":[]}"#), Err(ManifestError::Newer(2)));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for bad in ["", "/etc/x", "../x", "a/../b", "a//b", "a\\b", "C:x", ".hidden", "a/b/c/d/e", MANIFEST] {
            let entry = FileEntry { path: bad.to_owned(), bytes: 0, blake3: String::new() };
            let manifest = Manifest::new(0, String::new(), Timestamp::UNIX_EPOCH, vec![entry]);
            assert!(Manifest::parse(&manifest.to_bytes()).is_err(), "{bad}");
        }
    }
}
