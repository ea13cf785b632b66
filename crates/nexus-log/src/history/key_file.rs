//! The secret key of a log, in a file that only its owner reads, and its public part beside it.

use std::path::Path;

use super::key::{LogSigner, public_key_pem};
use crate::{
    error::{Damage, OpenError},
    format::Reader,
    storage::{Storage, StorageFile},
};

/// The secret key, in the directory of the log's lock.
pub(crate) const KEY_FILE: &str = "log.key";
/// The public key as PEM.
pub(crate) const PUBLIC_KEY_FILE: &str = "log.pub";
const NEXT_KEY: &str = "log.key.tmp";
const MAGIC: &[u8; 8] = b"NXKEY\0\0\0";
const VERSION: u32 = 1;
const LEN: usize = 8 + 4 + 32 + 4;

/// Reads the key of the log in `dir`, making one when there is none.
pub(crate) fn open_key(storage: &dyn Storage, dir: &Path) -> Result<LogSigner, OpenError> {
    let path = dir.join(KEY_FILE);
    let seed = match storage.open(&path) {
        Ok(file) => read_key(&*file, &path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(storage, dir)?,
        Err(error) => return Err(OpenError::io("open", &path)(error)),
    };
    let signer = LogSigner::from_seed(&seed);
    publish(storage, dir, &signer)?;
    Ok(signer)
}

fn read_key(file: &dyn StorageFile, path: &Path) -> Result<[u8; 32], OpenError> {
    let mut bytes = [0; LEN];
    let read = file.read_exact_at(&mut bytes, 0);
    let damaged = || {
        let reason = "the key file is damaged; restore it, or remove it so that a new key is made".to_owned();
        OpenError::Corrupt(Damage { file: path.to_path_buf(), offset: 0, position: 1, reason })
    };
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(damaged()),
        other => other.map_err(OpenError::io("read", path))?,
    }
    parse(&bytes).ok_or_else(damaged)
}

fn parse(bytes: &[u8; LEN]) -> Option<[u8; 32]> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let mut reader = Reader(content);
    let known = reader.array()? == *MAGIC && reader.u32()? == VERSION;
    let holds = crc32c::crc32c(content) == u32::from_le_bytes(*crc);
    (known && holds).then(|| reader.array()).flatten()
}

fn make_key(storage: &dyn Storage, dir: &Path) -> Result<[u8; 32], OpenError> {
    let (temporary, path) = (dir.join(NEXT_KEY), dir.join(KEY_FILE));
    let seed = random("make a key for", dir)?;
    let mut bytes = Vec::with_capacity(LEN);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&seed);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    storage.remove(&temporary).map_err(OpenError::io("remove", &temporary))?;
    let file = storage.create_private(&temporary).map_err(OpenError::io("create", &temporary))?;
    let written = file.write_all_at(&bytes, 0).and_then(|()| file.sync_data());
    written.map_err(OpenError::io("write", &temporary))?;
    storage.rename(&temporary, &path).map_err(OpenError::io("create", &path))?;
    storage.sync_dir(dir).map_err(OpenError::io("flush", dir))?;
    tracing::info!("made a key to sign the heads of the log with");
    Ok(seed)
}

/// Writes the public key where it is missing or another one.
fn publish(storage: &dyn Storage, dir: &Path, signer: &LogSigner) -> Result<(), OpenError> {
    let path = dir.join(PUBLIC_KEY_FILE);
    let pem = public_key_pem(&signer.public_key());
    let mut there = vec![0; pem.len()];
    let known = storage.open(&path).and_then(|file| file.read_exact_at(&mut there, 0));
    if known.is_ok() && there == pem.as_bytes() {
        return Ok(());
    }
    let file = storage.create(&path).map_err(OpenError::io("create", &path))?;
    file.write_all_at(pem.as_bytes(), 0).and_then(|()| file.sync_data()).map_err(OpenError::io("write", &path))
}

/// Random bytes of the operating system. Keys and the id of a log are the only things in this crate that are not handed
/// in or derived: whoever could choose them could sign.
pub(crate) fn random<const N: usize>(action: &'static str, path: &Path) -> Result<[u8; N], OpenError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| OpenError::io(action, path)(error.into()))?;
    Ok(bytes)
}
