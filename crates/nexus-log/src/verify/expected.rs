//! The heads a log must agree with: those saved beside it, and those kept elsewhere.

use std::path::{Path, PathBuf};

use nexus_core::{Digest, ports::SignedTreeHead};

use super::report::Verification;
use crate::{
    error::{Damage, OpenError},
    history::{HEADS_FILE, ReadHeads, Record, check_head, key_id, read_heads},
    storage::Storage,
};

/// A head, and where it is kept.
struct Expected {
    signed: SignedTreeHead,
    offset: u64,
    given: bool,
}

/// Heads in order of their size, while the log is read.
#[derive(Default)]
pub(super) struct ExpectedHeads {
    /// Largest first; those that were reached are gone.
    waiting: Vec<Expected>,
    /// The file of saved heads.
    file: PathBuf,
    /// The largest size at which the log agreed with a head.
    agreed: u64,
    /// The same for heads that were given: whoever rewrote the log could sign the saved ones again.
    agreed_given: u64,
}

impl ExpectedHeads {
    /// Reads the saved heads, and checks the signatures of those and of the ones given.
    pub(super) fn open(
        storage: &dyn Storage,
        log: &Path,
        given: &[SignedTreeHead],
        found: &mut Verification,
    ) -> Result<Self, OpenError> {
        let mut heads = Self { waiting: Vec::new(), file: log.join(HEADS_FILE), agreed: 0, agreed_given: 0 };
        let saved = match read_heads(storage, log) {
            Ok(saved) => saved,
            Err(OpenError::Corrupt(damage)) => {
                found.report(damage);
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(saved) = &saved {
            found.log_id = Some(saved.log_id);
            found.torn_bytes += saved.torn;
            heads.add_saved(saved, found);
        }
        for signed in given {
            heads.add_given(signed, saved.as_ref(), found);
        }
        heads.waiting.sort_by_key(|expected| std::cmp::Reverse(expected.signed.head.tree_size));
        Ok(heads)
    }

    fn add_saved(&mut self, saved: &ReadHeads, found: &mut Verification) {
        let mut key = None;
        for (offset, record) in &saved.records {
            match (record, key) {
                (Record::Key(public_key), _) => key = Some(*public_key),
                (Record::Head(signed), Some(public_key)) => {
                    if let Err(error) = check_head(signed, &public_key) {
                        found.report(self.damage(*offset, signed.head.tree_size, error.to_string()));
                    }
                    self.waiting.push(Expected { signed: *signed, offset: *offset, given: false });
                }
                (Record::Head(signed), None) => {
                    let reason = "a head is saved before any key".to_owned();
                    found.report(self.damage(*offset, signed.head.tree_size, reason));
                }
            }
        }
    }

    fn add_given(&mut self, signed: &SignedTreeHead, saved: Option<&ReadHeads>, found: &mut Verification) {
        let problem = match saved {
            Some(saved) if saved.log_id != signed.head.log_id => {
                Some(format!("the head given is of the log {}, this is the log {}", signed.head.log_id, saved.log_id))
            }
            Some(saved) => given_problem(signed, saved),
            // Without its saved heads a log has no id and no key; events can still be compared.
            None => None,
        };
        if let Some(problem) = problem {
            found.report(self.damage(0, signed.head.tree_size, problem));
        }
        self.waiting.push(Expected { signed: *signed, offset: 0, given: true });
    }

    /// Size of the next head to be reached.
    pub(super) fn next_size(&self) -> Option<u64> {
        self.waiting.last().map(|expected| expected.signed.head.tree_size)
    }

    /// Compares the heads over `size` events with the log. Without `root`, because events are missing, they are passed
    /// over: the gap is reported already.
    pub(super) fn reached(&mut self, size: u64, (root, hash): (Option<Digest>, Digest), found: &mut Verification) {
        while self.next_size().is_some_and(|next| next <= size) {
            let Some(Expected { signed, offset, given }) = self.waiting.pop() else { return };
            let head = signed.head;
            let Some(root) = root.filter(|_| head.tree_size == size) else { continue };
            if head.root == root && head.hash == hash {
                self.agreed = size;
                if given {
                    self.agreed_given = size;
                }
                found.heads += 1;
                continue;
            }
            let what = if given { "the head given" } else { "the saved head" };
            let first = 1 + if given { self.agreed_given } else { self.agreed };
            let reason = format!(
                "the log is not what {what} over {size} events says: an event from position {first} to {size} was \
                 changed (root {root}, signed {})",
                head.root
            );
            found.report(self.damage(offset, first, reason));
        }
    }

    /// Reports the heads that the log does not reach.
    pub(super) fn finish(&mut self, end: u64, found: &mut Verification) {
        while let Some(Expected { signed, offset, .. }) = self.waiting.pop() {
            let size = signed.head.tree_size;
            let reason = format!("a head over {size} events was signed, but the log ends at position {end}");
            found.report(self.damage(offset, end + 1, reason));
        }
    }

    fn damage(&self, offset: u64, position: u64, reason: String) -> Damage {
        Damage { file: self.file.clone(), offset, position, reason }
    }
}

/// What is wrong with the signature of a head of this log that was kept elsewhere.
fn given_problem(signed: &SignedTreeHead, saved: &ReadHeads) -> Option<String> {
    let keys = saved.records.iter().filter_map(|(_, record)| match record {
        Record::Key(public_key) => Some(public_key),
        Record::Head(_) => None,
    });
    let mut named = keys.filter(|public_key| key_id(public_key) == signed.key_id);
    match named.next() {
        Some(public_key) => check_head(signed, public_key).err().map(|error| error.to_string()),
        None => Some(format!("the head given is signed with the key {}, which this log does not have", signed.key_id)),
    }
}
