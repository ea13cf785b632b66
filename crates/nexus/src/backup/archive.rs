//! A backup on its way: a tar archive whose last entry is the manifest.

use std::io::{self, Read, Write};

use nexus_core::Timestamp;

use super::{
    manifest::{MANIFEST, MAX_BYTES, Manifest, ManifestError, is_plain},
    source::{Hashing, Target},
};

/// Writes the files of a backup as a tar archive.
pub(crate) struct TarTarget<'a> {
    archive: tar::Builder<&'a mut dyn Write>,
    seconds: u64,
}

impl<'a> TarTarget<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, now: Timestamp) -> Self {
        let seconds = u64::try_from(now.as_micros() / 1_000_000).unwrap_or(0);
        Self { archive: tar::Builder::new(out), seconds }
    }

    /// Adds the manifest and ends the archive.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> io::Result<()> {
        let bytes = manifest.to_bytes();
        self.file(MANIFEST, bytes.len() as u64, &mut bytes.as_slice())?;
        self.archive.finish()
    }
}

impl Target for TarTarget<'_> {
    fn file(&mut self, path: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        self.archive.append_data(&mut header, path, content)
    }
}

/// Unpacks an archive into `target`, trusting nothing in it, and answers its manifest, which every file was compared
/// with. The manifest itself is not written.
pub(crate) fn unpack(archive: &mut dyn Read, target: &mut dyn Target) -> io::Result<Manifest> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut received = Vec::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular || !is_plain(&path) {
            return Err(invalid(format!("the archive holds `{}`, which is no file of a backup", path.escape_debug())));
        }
        let bytes = entry.size();
        if path == MANIFEST {
            return compare(read_manifest(&mut entry, bytes).map_err(invalid)?, &received).map_err(invalid);
        }
        let mut hashing = Hashing::new(&mut entry);
        target.file(&path, bytes, &mut hashing)?;
        let (_, blake3) = hashing.finish();
        received.push((path, blake3));
    }
    Err(invalid("the archive ends without a manifest: it was cut off".to_owned()))
}

fn read_manifest(entry: &mut dyn Read, bytes: u64) -> Result<Manifest, String> {
    if bytes > MAX_BYTES {
        return Err(format!("its manifest of {bytes} bytes is too large to be one"));
    }
    let mut text = Vec::new();
    entry.take(MAX_BYTES).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 != bytes {
        return Err("the archive ends inside its manifest: it was cut off".to_owned());
    }
    Manifest::parse(&text).map_err(|error| match error {
        ManifestError::Damaged(reason) => format!("the manifest is damaged: {reason}"),
        ManifestError::Newer(found) => format!("the layout {found} is newer than this program; use the newer program"),
    })
}

fn compare(manifest: Manifest, received: &[(String, String)]) -> Result<Manifest, String> {
    let promised = manifest.files.iter().map(|entry| (&entry.path, &entry.blake3));
    if promised.eq(received.iter().map(|(path, blake3)| (path, blake3))) {
        Ok(manifest)
    } else {
        Err("what arrived is not what the manifest says: the copy was damaged on its way".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::FileEntry;

    #[derive(Default)]
    struct Memory(Vec<(String, Vec<u8>)>);

    impl Target for Memory {
        fn file(&mut self, path: &str, _bytes: u64, content: &mut dyn Read) -> io::Result<()> {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            self.0.push((path.to_owned(), bytes));
            Ok(())
        }
    }

    fn manifest(files: &[(&str, &[u8])]) -> Manifest {
        let entry = |(path, content): &(&str, &[u8])| FileEntry {
            path: (*path).to_owned(),
            bytes: content.len() as u64,
            blake3: blake3::hash(content).to_hex().to_string(),
        };
        Manifest::new(3, "00".repeat(32), Timestamp::UNIX_EPOCH, files.iter().map(entry).collect())
    }

    fn packed(files: &[(&str, &[u8])], manifest: &Manifest) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = TarTarget::new(&mut bytes, Timestamp::UNIX_EPOCH);
        for (path, content) in files {
            archive.file(path, content.len() as u64, &mut &**content).unwrap();
        }
        archive.finish(manifest).unwrap();
        bytes
    }

    const FILES: &[(&str, &[u8])] = &[("log/log/0000000000000001.nxlog", b"events"), ("cursor.key", b"secret")];

    #[test]
    fn an_archive_unpacks_to_what_was_packed() {
        let (manifest, mut target) = (manifest(FILES), Memory::default());
        let unpacked = unpack(&mut packed(FILES, &manifest).as_slice(), &mut target).unwrap();
        assert_eq!(unpacked, manifest);
        let files: Vec<_> = target.0.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        assert_eq!(files, FILES);
    }

    #[test]
    fn an_archive_cut_off_anywhere_before_the_end_of_its_manifest_is_refused() {
        let manifest = manifest(FILES);
        let bytes = packed(FILES, &manifest);
        // Padding and the two empty blocks behind the manifest say nothing.
        let needed = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for end in (0..needed).step_by(7).chain([needed - 1]) {
            assert!(unpack(&mut &bytes[..end], &mut Memory::default()).is_err(), "cut at {end} of {needed}");
        }
        assert!(unpack(&mut &bytes[..needed], &mut Memory::default()).is_ok());
    }

    #[test]
    fn files_that_are_changed_missing_or_too_many_are_refused() {
        let wrong: [&[(&str, &[u8])]; 4] = [
            &[("log/log/0000000000000001.nxlog", b"eventz"), FILES[1]],
            &[FILES[0]],
            &[FILES[0], FILES[1], ("other.key", b"")],
            &[FILES[1], FILES[0]],
        ];
        for files in wrong {
            let error = unpack(&mut packed(files, &manifest(FILES)).as_slice(), &mut Memory::default()).unwrap_err();
            assert!(error.to_string().contains("damaged on its way"), "{error}");
        }
    }

    #[test]
    fn entries_that_lead_out_of_the_directory_or_are_no_files_are_refused_before_they_are_written() {
        let hostile = |path: &str, kind: tar::EntryType| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            let mut bytes = header.as_bytes().to_vec();
            bytes.resize(3 * 512, 0);
            bytes
        };
        for path in ["../evil", "/tmp/evil", "log/../../evil", ".ssh", "log/./x"] {
            let mut target = Memory::default();
            assert!(unpack(&mut hostile(path, tar::EntryType::Regular).as_slice(), &mut target).is_err(), "{path}");
            assert!(target.0.is_empty(), "{path}");
        }
        for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Char] {
            let mut target = Memory::default();
            assert!(unpack(&mut hostile("plain", kind).as_slice(), &mut target).is_err(), "{kind:?}");
            assert!(target.0.is_empty(), "{kind:?}");
        }
    }
}
