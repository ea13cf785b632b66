use std::fmt;

use jsonwebtoken::{
    DecodingKey, DecodingKeyKind, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde_json::Value;

/// How a key signs. The four that are accepted; everything else, `none` above all, is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 padding and SHA-256; keys of 2048 to 8192 bits.
    Rs256,
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::EdDsa, Self::Hs256];

    /// The name in the header of a token.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of this name, written exactly so.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    const fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// Why something is no key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A private key where the public one belongs.
    #[error("this is a private key; only the public one belongs here, and this one should be replaced")]
    Private,
    /// The secret is short enough to be guessed.
    #[error("a secret for HS256 has at least 32 bytes (RFC 7518, section 3.2); this one has {bytes}")]
    ShortSecret {
        /// How many it has.
        bytes: usize,
    },
    /// The text is no key of this algorithm.
    #[error("this is no public key for {algorithm}: {reason}")]
    Unreadable {
        /// The algorithm.
        algorithm: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The key is for something else than the four algorithms, or for encryption.
    #[error("a key for something that is not used here: {0}")]
    Unsupported(String),
    /// The text is no key set.
    #[error("this is no JWK set: {0}")]
    NoSet(String),
    /// A set holds nothing that can be used.
    #[error("the set holds no key that can be used: {0}")]
    Empty(String),
    /// Two keys of a set cannot be told apart.
    #[error("two keys of the set have the id `{0}`")]
    SameId(String),
}

/// A key that verifies tokens, together with the one algorithm it is used with.
///
/// Its `Debug` output shows no part of the key; the memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Key {
    /// Its id (`kid`), if it has one.
    id: Option<String>,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Key {
    /// Fewest bytes of a secret.
    pub const MIN_SECRET_BYTES: usize = 32;

    /// A public key in PEM (`-----BEGIN PUBLIC KEY-----`), for this algorithm.
    ///
    /// # Errors
    /// [`KeyError`], also for [`Algorithm::Hs256`], which has no public key.
    pub fn from_pem(id: Option<String>, algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        if pem.contains("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        let read = match algorithm {
            Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::Es256 => DecodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDsa => DecodingKey::from_ed_pem(pem.as_bytes()),
            Algorithm::Hs256 => return Err(unreadable(algorithm, "it is used with a secret")),
        };
        let material = read.map_err(|error| unreadable(algorithm, &error.to_string()))?;
        Self { id, algorithm, material }.checked()
    }

    /// A secret that issuer and server share, for [`Algorithm::Hs256`].
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn from_secret(id: Option<String>, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < Self::MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret { bytes: secret.len() });
        }
        Ok(Self { id, algorithm: Algorithm::Hs256, material: DecodingKey::from_secret(secret) })
    }

    /// A public key as a JWK (RFC 7517). Its algorithm is the one it names, or follows from its type. Secrets are no
    /// public keys, so `kty: oct` is refused.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_jwk(value: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        if value.get("d").is_some() {
            return Err(KeyError::Private);
        }
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err(KeyError::Unsupported("it is not for signatures".to_owned()));
        }
        let operations = value.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|all| !all.iter().any(|one| one == "verify")) {
            return Err(KeyError::Unsupported("it is not for verifying".to_owned()));
        }
        let algorithm = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Algorithm::Rs256,
            (Some("EC"), Some("P-256")) => Algorithm::Es256,
            (Some("OKP"), Some("Ed25519")) => Algorithm::EdDsa,
            (kind, curve) => {
                let kind = [kind, curve].into_iter().flatten().collect::<Vec<_>>().join(" ");
                return Err(KeyError::Unsupported(short(&format!("keys of type `{kind}`"))));
            }
        };
        if let Some(named) = text("alg").filter(|named| *named != algorithm.name()) {
            return Err(KeyError::Unsupported(short(&format!("the algorithm `{named}`"))));
        }
        let jwk: Jwk =
            serde_json::from_value(value.clone()).map_err(|error| unreadable(algorithm, &error.to_string()))?;
        let material = material(&jwk, algorithm)?;
        Self { id: text("kid").map(str::to_owned), algorithm, material }.checked()
    }

    /// Its id, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm it is used with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` (base64url, as in the token) is this key's signature of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.material, self.algorithm.of_library()).unwrap_or(false)
    }

    /// The key, when its size is one that the algorithm can be used with.
    fn checked(self) -> Result<Self, KeyError> {
        let (length, fits) = match self.material.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => (
                bytes.len(),
                match self.algorithm {
                    Algorithm::Rs256 => bytes.len() > 256,
                    Algorithm::Es256 => bytes.len() == 65,
                    Algorithm::EdDsa => bytes.len() == 32,
                    Algorithm::Hs256 => bytes.len() >= Self::MIN_SECRET_BYTES,
                },
            ),
            DecodingKeyKind::RsaModulusExponent { n, .. } => {
                let significant = n.iter().skip_while(|byte| **byte == 0).count();
                (significant, self.algorithm == Algorithm::Rs256 && (256..=1024).contains(&significant))
            }
        };
        if fits { Ok(self) } else { Err(unreadable(self.algorithm, &format!("{length} bytes are not its size"))) }
    }
}

fn material(jwk: &Jwk, algorithm: Algorithm) -> Result<DecodingKey, KeyError> {
    let curve = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(parameters) => Some((&parameters.curve, EllipticCurve::P256)),
        AlgorithmParameters::OctetKeyPair(parameters) => Some((&parameters.curve, EllipticCurve::Ed25519)),
        AlgorithmParameters::RSA(_) => None,
        _ => return Err(unreadable(algorithm, "its parameters are of another type")),
    };
    if curve.is_some_and(|(named, wanted)| *named != wanted) {
        return Err(unreadable(algorithm, "it lies on another curve"));
    }
    DecodingKey::from_jwk(jwk).map_err(|error| unreadable(algorithm, &error.to_string()))
}

fn unreadable(algorithm: Algorithm, reason: &str) -> KeyError {
    KeyError::Unreadable { algorithm: algorithm.name(), reason: short(reason) }
}

/// A text that may quote a foreign document, kept short.
fn short(text: &str) -> String {
    text.chars().take(120).collect()
}
