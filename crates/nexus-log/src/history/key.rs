//! What is signed, with what, and how keys are named.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use nexus_core::{
    Digest,
    ports::{SignedTreeHead, TreeHead},
};
use sha2::{Digest as _, Sha256};

/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The signature type of Ed25519 in a signed note.
const NOTE_ED25519: u8 = 1;

/// The key that a log signs with. Never printed.
pub(crate) struct LogSigner(SigningKey);

impl LogSigner {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs the text of a head.
    pub(crate) fn sign(&self, head: TreeHead) -> SignedTreeHead {
        let signature = self.0.sign(signed_text(&head).as_bytes()).to_bytes();
        SignedTreeHead { head, key_id: key_id(&self.public_key()), signature }
    }
}

fn spki(public_key: &[u8; 32]) -> Vec<u8> {
    [&SPKI[..], public_key].concat()
}

/// How heads name an Ed25519 public key: SHA-256 of its `SubjectPublicKeyInfo`, as RFC 6962 does.
#[must_use]
pub fn key_id(public_key: &[u8; 32]) -> Digest {
    Digest::from_bytes(Sha256::digest(spki(public_key)).into())
}

/// An Ed25519 public key as PEM, which OpenSSL and others read.
#[must_use]
pub fn public_key_pem(public_key: &[u8; 32]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki(public_key)))
}

fn origin(head: &TreeHead) -> String {
    format!("nexus/{}", head.log_id)
}

/// The text that the signature of a head covers: the body of a checkpoint (C2SP `tlog-checkpoint`), five lines.
///
/// ```text
/// nexus/<log id>
/// <tree size>
/// <root, base64>
/// chain <chain hash of the last event, hexadecimal>
/// time <when it was signed, RFC 3339>
/// ```
#[must_use]
pub fn signed_text(head: &TreeHead) -> String {
    format!(
        "{}\n{}\n{}\nchain {}\ntime {}\n",
        origin(head),
        head.tree_size,
        STANDARD.encode(head.root.as_bytes()),
        head.hash,
        head.timestamp
    )
}

/// The head as a signed note (C2SP `signed-note`), for tools and witnesses of transparency logs. `public_key` must be the
/// one it is signed with.
#[must_use]
pub fn checkpoint(signed: &SignedTreeHead, public_key: &[u8; 32]) -> String {
    let name = origin(&signed.head);
    let hint =
        Sha256::new().chain_update(&name).chain_update([b'\n', NOTE_ED25519]).chain_update(public_key).finalize();
    let hint = hint.first_chunk::<4>().copied().unwrap_or_default();
    let signature = STANDARD.encode([&hint[..], &signed.signature].concat());
    format!("{}\n\u{2014} {name} {signature}\n", signed_text(&signed.head))
}
