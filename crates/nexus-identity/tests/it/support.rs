//! Issuers with keys of every kind, and tokens with any header, claims and signature.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac, rand,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use nexus_core::{
    Timestamp,
    ports::{Authenticated, AuthenticationError, Authenticator as _},
};
use nexus_identity::{Algorithm, IssuerOptions, JwtAuthenticator, Key, KeySet, KeySource};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "nexus";
pub(crate) const SECRET: &[u8] = b"a secret of the tests, 32 bytes or more";

/// The second at which tokens are presented: 2026-01-31T12:00:00Z.
pub(crate) const NOW: i64 = 1_769_860_800;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}

/// A key pair of each kind, made once.
pub(crate) struct Pairs {
    pub(crate) rsa: RsaKeyPair,
    pub(crate) ec: EcdsaKeyPair,
    pub(crate) ed: Ed25519KeyPair,
}

impl Pairs {
    fn generate() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// The public key in X.509 DER.
    pub(crate) fn public_der(&self, algorithm: Algorithm) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match algorithm {
            Algorithm::Rs256 => self.rsa.public_key().as_der().unwrap(),
            Algorithm::Es256 => self.ec.public_key().as_der().unwrap(),
            Algorithm::EdDsa => self.ed.public_key().as_der().unwrap(),
            Algorithm::Hs256 => panic!("a secret is not public"),
        };
        der.as_ref().to_vec()
    }

    pub(crate) fn public_pem(&self, algorithm: Algorithm) -> String {
        pem("PUBLIC KEY", &self.public_der(algorithm))
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = rand::SystemRandom::new();
        match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Algorithm::Es256 => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            Algorithm::EdDsa => self.ed.sign(message).as_ref().to_vec(),
            Algorithm::Hs256 => hmac_of(SECRET, message),
        }
    }

    /// The public key as a JWK with this id.
    pub(crate) fn jwk(&self, algorithm: Algorithm, id: &str) -> Value {
        match algorithm {
            Algorithm::Rs256 => {
                let public = self.rsa.public_key();
                let (n, e) = (public.modulus().big_endian_without_leading_zero().to_vec(), vec![1, 0, 1]);
                json!({ "kty": "RSA", "kid": id, "alg": "RS256", "use": "sig", "n": base64(&n), "e": base64(&e) })
            }
            Algorithm::Es256 => {
                let point = self.ec.public_key().as_ref();
                json!({ "kty": "EC", "kid": id, "crv": "P-256", "x": base64(&point[1..33]), "y": base64(&point[33..]) })
            }
            Algorithm::EdDsa => {
                json!({ "kty": "OKP", "kid": id, "crv": "Ed25519", "x": base64(self.ed.public_key().as_ref()) })
            }
            Algorithm::Hs256 => panic!("a secret is not published"),
        }
    }
}

/// The trusted issuer's.
pub(crate) static TRUSTED: LazyLock<Pairs> = LazyLock::new(Pairs::generate);

/// Somebody else's.
pub(crate) static STRANGER: LazyLock<Pairs> = LazyLock::new(Pairs::generate);

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub(crate) fn hmac_of(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// The key of the trusted issuer for this algorithm.
pub(crate) fn key(algorithm: Algorithm, id: Option<&str>) -> Key {
    let id = id.map(str::to_owned);
    match algorithm {
        Algorithm::Hs256 => Key::from_secret(id, SECRET).unwrap(),
        _ => Key::from_pem(id, algorithm, &TRUSTED.public_pem(algorithm)).unwrap(),
    }
}

/// An issuer that may make readers and writers, with one key of each algorithm whose id is the algorithm's name.
pub(crate) fn issuer() -> IssuerOptions {
    let keys = KeySet::new(Algorithm::ALL.map(|algorithm| key(algorithm, Some(algorithm.name())))).unwrap();
    issuer_with(KeySource::Configured(keys))
}

pub(crate) fn issuer_with(keys: KeySource) -> IssuerOptions {
    let roles = ["reader", "writer"].map(str::to_owned).into();
    IssuerOptions { roles, ..IssuerOptions::new(ISSUER, AUDIENCE, keys) }
}

pub(crate) fn trusting(issuer: IssuerOptions) -> JwtAuthenticator {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(JwtAuthenticator::start(vec![issuer], &CancellationToken::new())).unwrap()
}

/// Claims that are all right.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 3600,
        "roles": ["reader", "writer"],
    })
}

/// The claims with some members replaced; null takes one away.
pub(crate) fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(crate) fn header(algorithm: Algorithm) -> Value {
    json!({ "alg": algorithm.name(), "typ": "JWT", "kid": algorithm.name() })
}

/// Header and claims as text, signed by `sign`.
pub(crate) fn assemble(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
    let signature = base64(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// A token of the trusted issuer.
pub(crate) fn signed(algorithm: Algorithm, claims: &Value) -> String {
    assemble(&header(algorithm).to_string(), &claims.to_string(), |message| TRUSTED.sign(algorithm, message))
}

/// What the issuer of [`issuer`] makes of a token now.
pub(crate) fn present(token: &str) -> Result<Authenticated, AuthenticationError> {
    present_to(&AUTHENTICATOR, token)
}

pub(crate) fn present_to(authenticator: &JwtAuthenticator, token: &str) -> Result<Authenticated, AuthenticationError> {
    authenticator.authenticate(token, at(NOW))
}

static AUTHENTICATOR: LazyLock<JwtAuthenticator> = LazyLock::new(|| trusting(issuer()));

/// Why a token is refused.
#[track_caller]
pub(crate) fn refused(token: &str) -> AuthenticationError {
    present(token).expect_err("the token is accepted")
}
