use std::path::Path;

use nexus_core::{Digest, Position};

use super::{
    expected::ExpectedHeads,
    report::{Progress, Verification, VerifyOptions},
    walk::Verifier,
};
use crate::{
    error::OpenError,
    recovery::segment_firsts,
    segment::{LOCK_FILE, LOG_DIR, segment_path},
    storage::{FileStorage, Storage},
};

/// Verifies the log in the data directory `dir` and changes nothing: checksums, positions, versions, times, receipts, the
/// hash chain, that every index says what its segment says, and that the log is what its saved heads say. The log must
/// not be open.
///
/// # Errors
/// [`OpenError`] when the log cannot be read at all, is open elsewhere, or is of a newer format. Damage is not an error
/// here; it is in the result.
pub fn verify(dir: impl AsRef<Path>) -> Result<Verification, OpenError> {
    verify_with(&FileStorage, dir.as_ref(), VerifyOptions::default())
}

/// [`verify`] on another [`Storage`].
///
/// # Errors
/// As [`verify`].
pub fn verify_on(storage: &dyn Storage, dir: &Path) -> Result<Verification, OpenError> {
    verify_with(storage, dir, VerifyOptions::default())
}

/// [`verify`] that also compares the log with heads that were kept elsewhere, and tells how far it is.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(storage: &dyn Storage, dir: &Path, options: VerifyOptions<'_>) -> Result<Verification, OpenError> {
    let log = dir.join(LOG_DIR);
    let firsts = segment_firsts(storage, &log)?;
    let lock_path = dir.join(LOCK_FILE);
    let lock = storage.lock(&lock_path).map_err(OpenError::io("lock", &lock_path))?;
    let _lock = lock.ok_or_else(|| OpenError::Locked { dir: dir.to_path_buf() })?;
    let mut found = Verification::new(firsts.len());
    let expected = ExpectedHeads::open(storage, &log, options.against, &mut found)?;
    let paths: Vec<_> = firsts.iter().map(|first| segment_path(&log, *first)).collect();
    let mut total = 0;
    for path in &paths {
        total += storage.open(path).and_then(|file| file.len()).unwrap_or(0);
    }
    let mut verifier = Verifier::new(found, expected, (options.progress, Progress { bytes: 0, total }));
    for ((first, next), path) in firsts.iter().zip(firsts.iter().skip(1).map(Some).chain([None])).zip(&paths) {
        verifier.segment(storage, path, (*first, next.copied()))?;
    }
    verifier.done();
    Ok(finish(verifier))
}

fn finish(verifier: Verifier<'_>) -> Verification {
    let Verifier { mut found, mut expected, tail, tree, .. } = verifier;
    found.head = Position::new(tail.head);
    found.hash = Digest::from_bytes(tail.chain);
    found.root = tree.map(|tree| Digest::from_bytes(tree.root()));
    expected.finish(tail.head, &mut found);
    found
}
