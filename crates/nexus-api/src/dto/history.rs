use nexus_core::{
    Digest, Position, Timestamp,
    ports::{ConsistencyProof, InclusionProof, LogKey, SignedTreeHead, TreeHead},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A signed tree head: all events up to a position, in one hash that somebody vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TreeHeadDto {
    /// The log, a UUID.
    pub log_id: String,
    /// How many events: the position of the last one.
    pub tree_size: u64,
    /// Root of the Merkle tree over their chain hashes (RFC 9162, SHA-256), 64 hexadecimal digits.
    pub root: String,
    /// Chain hash of the last event; zeros when there is none.
    pub hash: String,
    /// When it was signed, RFC 3339.
    pub timestamp: String,
    /// SHA-256 of the key it is signed with.
    pub key_id: String,
    /// Ed25519 signature, 128 hexadecimal digits. What it covers is in `docs/formats/tree-heads.md`.
    pub signature: String,
}

/// Saved tree heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TreeHeadList {
    /// The heads, smallest first.
    pub heads: Vec<TreeHeadDto>,
    /// Size of the last one, to go on after it; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The hashes that lead from one event to the root of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InclusionProofDto {
    /// Position of the event; it is leaf `position - 1`.
    pub position: u64,
    /// Chain hash of the event: the content of the leaf.
    pub hash: String,
    /// Number of events in the tree.
    pub tree_size: u64,
    /// The siblings, from the leaf to the root.
    pub path: Vec<String>,
}

/// The hashes that lead from the root of a tree to the root of a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyProofDto {
    /// Number of events in the earlier tree.
    pub from: u64,
    /// Number of events in the later tree.
    pub to: u64,
    /// The nodes, in the order of RFC 9162.
    pub path: Vec<String>,
}

/// The identity of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogKeyDto {
    /// The log, a UUID.
    pub log_id: String,
    /// SHA-256 of the public key as a `SubjectPublicKeyInfo`.
    pub key_id: String,
    /// `Ed25519`.
    pub algorithm: String,
    /// The public key, 64 hexadecimal digits.
    pub public_key: String,
}

/// A document that does not describe what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProof {
    /// The member that is wrong.
    pub member: &'static str,
}

impl std::fmt::Display for InvalidProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not what it should be", self.member)
    }
}

impl std::error::Error for InvalidProof {}

impl From<SignedTreeHead> for TreeHeadDto {
    fn from(signed: SignedTreeHead) -> Self {
        let head = signed.head;
        Self {
            log_id: head.log_id.to_string(),
            tree_size: head.tree_size,
            root: head.root.to_string(),
            hash: head.hash.to_string(),
            timestamp: head.timestamp.to_string(),
            key_id: signed.key_id.to_string(),
            signature: hex(&signed.signature),
        }
    }
}

impl TryFrom<&TreeHeadDto> for SignedTreeHead {
    type Error = InvalidProof;

    fn try_from(dto: &TreeHeadDto) -> Result<Self, InvalidProof> {
        let head = TreeHead {
            log_id: parsed::<Uuid>(&dto.log_id, "logId")?,
            tree_size: dto.tree_size,
            root: parsed(&dto.root, "root")?,
            hash: parsed(&dto.hash, "hash")?,
            timestamp: parsed::<Timestamp>(&dto.timestamp, "timestamp")?,
        };
        let halves = dto.signature.split_at_checked(64).ok_or(InvalidProof { member: "signature" })?;
        let (first, second) = (parsed::<Digest>(halves.0, "signature")?, parsed::<Digest>(halves.1, "signature")?);
        let mut signature = [0; 64];
        signature.iter_mut().zip(first.as_bytes().iter().chain(second.as_bytes())).for_each(|(to, from)| *to = *from);
        Ok(Self { head, key_id: parsed(&dto.key_id, "keyId")?, signature })
    }
}

impl From<InclusionProof> for InclusionProofDto {
    fn from(proof: InclusionProof) -> Self {
        Self {
            position: proof.position.get(),
            hash: proof.hash.to_string(),
            tree_size: proof.tree_size,
            path: proof.path.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<&InclusionProofDto> for InclusionProof {
    type Error = InvalidProof;

    fn try_from(dto: &InclusionProofDto) -> Result<Self, InvalidProof> {
        let path: Result<_, _> = dto.path.iter().map(|node| parsed(node, "path")).collect();
        Ok(Self {
            position: Position::new(dto.position),
            hash: parsed(&dto.hash, "hash")?,
            tree_size: dto.tree_size,
            path: path?,
        })
    }
}

impl From<ConsistencyProof> for ConsistencyProofDto {
    fn from(proof: ConsistencyProof) -> Self {
        Self { from: proof.from, to: proof.to, path: proof.path.iter().map(ToString::to_string).collect() }
    }
}

impl TryFrom<&ConsistencyProofDto> for ConsistencyProof {
    type Error = InvalidProof;

    fn try_from(dto: &ConsistencyProofDto) -> Result<Self, InvalidProof> {
        let path: Result<_, _> = dto.path.iter().map(|node| parsed(node, "path")).collect();
        Ok(Self { from: dto.from, to: dto.to, path: path? })
    }
}

impl From<LogKey> for LogKeyDto {
    fn from(key: LogKey) -> Self {
        Self {
            log_id: key.log_id.to_string(),
            key_id: key.key_id.to_string(),
            algorithm: "Ed25519".to_owned(),
            public_key: hex(&key.public_key),
        }
    }
}

impl TryFrom<&LogKeyDto> for LogKey {
    type Error = InvalidProof;

    fn try_from(dto: &LogKeyDto) -> Result<Self, InvalidProof> {
        let public_key: Digest = parsed(&dto.public_key, "publicKey")?;
        Ok(Self {
            log_id: parsed(&dto.log_id, "logId")?,
            key_id: parsed(&dto.key_id, "keyId")?,
            public_key: *public_key.as_bytes(),
        })
    }
}

fn parsed<T: std::str::FromStr>(text: &str, member: &'static str) -> Result<T, InvalidProof> {
    text.parse().map_err(|_| InvalidProof { member })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_proofs_and_keys_come_back_from_their_documents() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let head = TreeHead {
            log_id: Uuid::from_u128(1),
            tree_size: 3,
            root: digest(1),
            hash: digest(2),
            timestamp: Timestamp::from_micros(1_700_000_000_123_456).unwrap(),
        };
        let signed =
            SignedTreeHead { head, key_id: digest(3), signature: std::array::from_fn(|i| u8::try_from(i).unwrap()) };
        assert_eq!(SignedTreeHead::try_from(&TreeHeadDto::from(signed)), Ok(signed));
        let path = vec![digest(4), digest(5)];
        let proof = InclusionProof { position: Position::new(2), hash: digest(6), tree_size: 3, path: path.clone() };
        assert_eq!(InclusionProof::try_from(&InclusionProofDto::from(proof.clone())), Ok(proof));
        let proof = ConsistencyProof { from: 2, to: 3, path };
        assert_eq!(ConsistencyProof::try_from(&ConsistencyProofDto::from(proof.clone())), Ok(proof));
        let key = LogKey { log_id: Uuid::from_u128(1), key_id: digest(3), public_key: [9; 32] };
        assert_eq!(LogKey::try_from(&LogKeyDto::from(key.clone())), Ok(key));
        let cut = TreeHeadDto { signature: "00".repeat(63), ..TreeHeadDto::from(signed) };
        assert_eq!(SignedTreeHead::try_from(&cut), Err(InvalidProof { member: "signature" }));
    }
}
