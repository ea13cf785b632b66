//! Files that only repeat what a segment says: they must say exactly that.

use std::path::PathBuf;

use super::report::Verification;
use crate::{
    error::{Damage, OpenError},
    history::{blocks_of, tree_image, tree_path},
    index::{Seal, image},
    load::load_segment,
    merkle::Hash,
    recovery::{OpenedSegment, Tail},
    segment::index_path,
    storage::Storage,
};

/// Checks the index file of a sound segment that ends at `tail`.
pub(super) fn check_index(
    storage: &dyn Storage,
    segment: &OpenedSegment,
    tail: &Tail,
    found: &mut Verification,
) -> Result<(), OpenError> {
    let path = index_path(&segment.path);
    let Some(file) = Derived::open(storage, path)? else { return Ok(()) };
    let first = segment.header.first_position;
    let seal = Seal { first, salt: segment.salt, chain: tail.chain, last_time: tail.last_time };
    let wanted = image(&load_segment(segment)?.index, seal);
    file.compare(&wanted, first, "the index", found)
}

/// Checks the tree file of a sound segment that ends at position `last`; `roots` are those of all blocks so far.
pub(super) fn check_tree(
    storage: &dyn Storage,
    segment: &OpenedSegment,
    last: u64,
    roots: &[Hash],
    found: &mut Verification,
) -> Result<(), OpenError> {
    let path = tree_path(&segment.path);
    let Some(file) = Derived::open(storage, path)? else { return Ok(()) };
    let first = segment.header.first_position;
    let blocks = blocks_of(first, last);
    let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let roots = roots.get(bound(blocks.start)..bound(blocks.end)).unwrap_or_default();
    file.compare(&tree_image(segment.salt, (first, last), roots), first, "the file of the tree", found)
}

struct Derived {
    path: PathBuf,
    file: std::sync::Arc<dyn crate::storage::StorageFile>,
}

impl Derived {
    /// `None` when it is missing, which is no damage: opening the log makes it.
    fn open(storage: &dyn Storage, path: PathBuf) -> Result<Option<Self>, OpenError> {
        match storage.open(&path) {
            Ok(file) => Ok(Some(Self { path, file })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io("open", &path)(error)),
        }
    }

    fn compare(self, wanted: &[u8], position: u64, what: &str, found: &mut Verification) -> Result<(), OpenError> {
        let len = self.file.len().map_err(OpenError::io("read", &self.path))?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0).min(wanted.len() + 1)];
        self.file.read_exact_at(&mut bytes, 0).map_err(OpenError::io("read", &self.path))?;
        if bytes != wanted {
            let differs = bytes.iter().zip(wanted).take_while(|(is, should)| is == should).count();
            let reason = format!("{what} does not say what its segment says; remove it and open the log to rebuild it");
            found.report(Damage { file: self.path, offset: differs as u64, position, reason });
        }
        Ok(())
    }
}
