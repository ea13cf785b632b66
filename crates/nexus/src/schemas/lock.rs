use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use nexus_core::{Digest, ports::SchemaKind};

use super::files::{SchemaFiles, Subject, number};
use crate::Failure;

const HEAD: &str =
    "# Published schemas: kind, name, version, digest. Written by `schema check --lock`; a line never changes.";

/// The versions that were published, each with the digest it was published with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Lock {
    pub(crate) versions: BTreeMap<(Subject, u32), Digest>,
}

impl Lock {
    /// The name of the file, in the directory of schemas.
    pub(crate) const FILE: &'static str = "nexus.schemas.lock";

    /// Reads the lock of a directory; empty when there is none yet.
    ///
    /// # Errors
    /// When a line is not one of a lock.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join(Self::FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let refused = |reason: &dyn std::fmt::Display| Failure::usage(format_args!("{}: {reason}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| refused(&error))?;
        Self::parse(&text).map_err(|reason| refused(&reason))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut versions = BTreeMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let wrong = || format!("line {}: expected `event NAME VERSION DIGEST`", index + 1);
            let parts: Vec<_> = line.split(' ').collect();
            let [kind, name, version, digest] = parts.as_slice() else { return Err(wrong()) };
            let kind = match *kind {
                "event" => SchemaKind::Event,
                "command" => SchemaKind::Command,
                _ => return Err(wrong()),
            };
            let version = number(version).ok_or_else(wrong)?;
            let digest = digest.parse().map_err(|_| wrong())?;
            if versions.insert((Subject::new(kind, *name), version), digest).is_some() {
                return Err(format!("line {}: this version is locked twice", index + 1));
            }
        }
        Ok(Self { versions })
    }

    /// The lock of everything in a directory.
    pub(crate) fn of(files: &SchemaFiles) -> Self {
        let all = files.subjects.iter().flat_map(|(subject, files)| {
            files.versions.iter().map(move |(version, file)| ((subject.clone(), *version), file.digest))
        });
        Self { versions: all.collect() }
    }

    /// Its text: one line a version, in order, so that merges are of lines.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for ((subject, version), digest) in &self.versions {
            _ = writeln!(text, "{} {} {version} {digest}", subject.kind, subject.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reads_what_it_writes_with_versions_in_order_of_their_numbers() {
        let version = |number| ((Subject::new(SchemaKind::Event, "OrderPlaced"), number), Digest::from_bytes([7; 32]));
        let lock = Lock { versions: [version(10), version(9), version(2)].into() };
        let text = lock.text();
        let numbers: Vec<_> = text.lines().skip(1).filter_map(|line| line.split(' ').nth(2)).collect();
        assert_eq!(numbers, ["2", "9", "10"]);
        assert_eq!(Lock::parse(&text), Ok(lock));
    }

    #[test]
    fn a_line_that_is_none_of_a_lock_is_named() {
        let digest = Digest::from_bytes([7; 32]);
        for wrong in [
            "event A 1".to_owned(),
            format!("query A 1 {digest}"),
            format!("event A 01 {digest}"),
            "event A 1 x".to_owned(),
        ] {
            assert!(Lock::parse(&format!("# head\n{wrong}")).unwrap_err().starts_with("line 2"), "{wrong}");
        }
        let twice = format!("event A 1 {digest}\n").repeat(2);
        assert!(Lock::parse(&twice).unwrap_err().contains("twice"));
    }
}
