//! The saved heads of a log, in one file that only grows.

use std::{path::Path, sync::Arc};

use nexus_core::ports::SignedTreeHead;
use uuid::Uuid;

use super::{
    key::LogSigner,
    key_file::random,
    record::{HEADER, RECORD, Record, VERSION, decode_header, encode_header},
};
use crate::{
    error::{Damage, OpenError},
    storage::{Storage, StorageFile},
};

/// The file of saved heads, beside the segments.
pub(crate) const HEADS_FILE: &str = "heads.nxheads";
const NEXT_HEADS: &str = "heads.tmp";

/// What a file of heads holds.
pub(crate) struct ReadHeads {
    /// The log.
    pub(crate) log_id: Uuid,
    /// The whole records, with their offsets.
    pub(crate) records: Vec<(u64, Record)>,
    /// Where the next record goes.
    pub(crate) end: u64,
    /// Bytes behind that, of a record that a crash tore.
    pub(crate) torn: u64,
}

impl ReadHeads {
    /// The newest key.
    pub(crate) fn public_key(&self) -> Option<[u8; 32]> {
        self.records.iter().rev().find_map(|(_, record)| match record {
            Record::Key(public_key) => Some(*public_key),
            Record::Head(_) => None,
        })
    }
}

/// Reads all heads in `log`; `None` when there is no file of them.
pub(crate) fn read_heads(storage: &dyn Storage, log: &Path) -> Result<Option<ReadHeads>, OpenError> {
    let path = log.join(HEADS_FILE);
    let file = match storage.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io("open", &path)(error)),
    };
    let len = file.len().map_err(OpenError::io("read", &path))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0).map_err(OpenError::io("read", &path))?;
    parse(&bytes, &path).map(Some)
}

/// Only the last record can be torn: each is flushed before the next one is written.
fn parse(bytes: &[u8], path: &Path) -> Result<ReadHeads, OpenError> {
    let corrupt = |offset: u64, position: u64, reason: &str| {
        OpenError::Corrupt(Damage { file: path.to_path_buf(), offset, position, reason: reason.to_owned() })
    };
    let Some((version, log_id)) = decode_header(bytes) else {
        return Err(corrupt(0, 1, "the header of the file of tree heads is damaged; restore the file from a backup"));
    };
    if version > VERSION {
        return Err(OpenError::NewerFormat { file: path.to_path_buf(), found: version, supported: VERSION });
    }
    let mut heads = ReadHeads { log_id, records: Vec::new(), end: HEADER as u64, torn: 0 };
    let mut size = 0;
    let mut chunks = bytes.get(HEADER..).unwrap_or_default().chunks(RECORD).peekable();
    while let Some(chunk) = chunks.next() {
        match Record::decode(chunk, log_id) {
            Some(Record::Head(signed)) if signed.head.tree_size <= size => {
                return Err(corrupt(heads.end, signed.head.tree_size, "the tree heads are not in order"));
            }
            Some(record) => {
                if let Record::Head(signed) = record {
                    size = signed.head.tree_size;
                }
                heads.records.push((heads.end, record));
                heads.end += RECORD as u64;
            }
            None if chunks.peek().is_none() => heads.torn = chunk.len() as u64,
            None => return Err(corrupt(heads.end, size + 1, "a saved tree head fails its checksum")),
        }
    }
    Ok(heads)
}

/// The heads of an open log.
pub(crate) struct HeadsFile {
    file: Arc<dyn StorageFile>,
    end: u64,
    heads: Vec<SignedTreeHead>,
}

impl HeadsFile {
    /// Opens the heads in `log`, making the file when there is none. Answers the id of the log as well.
    pub(crate) fn open(storage: &dyn Storage, log: &Path, signer: &LogSigner) -> Result<(Self, Uuid), OpenError> {
        let found = match read_heads(storage, log)? {
            Some(found) => found,
            None => make_heads(storage, log, signer)?,
        };
        let path = log.join(HEADS_FILE);
        if found.torn > 0 {
            tracing::warn!(offset = found.end, "dropping a tree head that was torn by a crash; it is signed again");
        }
        let changed = found.public_key() != Some(signer.public_key());
        let head = |(_, record): &(u64, Record)| match record {
            Record::Head(signed) => Some(*signed),
            Record::Key(_) => None,
        };
        let heads = found.records.iter().filter_map(head).collect();
        let file = storage.open(&path).map_err(OpenError::io("open", &path))?;
        let mut opened = Self { file, end: found.end, heads };
        if changed {
            tracing::warn!("the log signs with another key from now on; the heads so far keep theirs");
            opened.append(&Record::Key(signer.public_key())).map_err(OpenError::io("write", &path))?;
        }
        Ok((opened, found.log_id))
    }

    /// The heads, smallest first.
    pub(crate) fn heads(&self) -> &[SignedTreeHead] {
        &self.heads
    }

    /// Size of the largest tree with a saved head.
    pub(crate) fn last_size(&self) -> u64 {
        self.heads.last().map_or(0, |signed| signed.head.tree_size)
    }

    /// Saves a head, durably.
    pub(crate) fn save(&mut self, signed: SignedTreeHead) -> std::io::Result<()> {
        self.append(&Record::Head(signed))?;
        self.heads.push(signed);
        Ok(())
    }

    /// What failed is written over by the next record: the end moves only with what is durable.
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        self.file.write_all_at(&record.encode(), self.end)?;
        self.file.sync_data()?;
        self.end += RECORD as u64;
        Ok(())
    }
}

fn make_heads(storage: &dyn Storage, log: &Path, signer: &LogSigner) -> Result<ReadHeads, OpenError> {
    let (temporary, path) = (log.join(NEXT_HEADS), log.join(HEADS_FILE));
    let log_id = uuid::Builder::from_random_bytes(random("make an id for", log)?).into_uuid();
    let mut bytes = encode_header(log_id);
    let key = Record::Key(signer.public_key());
    bytes.extend_from_slice(&key.encode());
    let file = storage.create(&temporary).map_err(OpenError::io("create", &temporary))?;
    let written = file.write_all_at(&bytes, 0).and_then(|()| file.sync_data());
    written.map_err(OpenError::io("write", &temporary))?;
    storage.rename(&temporary, &path).map_err(OpenError::io("create", &path))?;
    storage.sync_dir(log).map_err(OpenError::io("flush", log))?;
    let end = bytes.len() as u64;
    Ok(ReadHeads { log_id, records: vec![(HEADER as u64, key)], end, torn: 0 })
}
