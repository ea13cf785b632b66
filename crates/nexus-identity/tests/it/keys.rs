//! What is taken for a key, and what is not.

use nexus_identity::{Algorithm, Key, KeyError, KeySet, KeySource};
use serde_json::{Value, json};

use crate::support::{SECRET, STRANGER, TRUSTED, base64, claims, issuer_with, key, pem, present_to, signed, trusting};

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

fn jwks(keys: &[Value]) -> Result<KeySet, KeyError> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn public_keys_are_read_from_pem_and_from_jwk() {
    for algorithm in ASYMMETRIC {
        let read = Key::from_jwk(&TRUSTED.jwk(algorithm, algorithm.name())).unwrap();
        assert_eq!((read.algorithm(), read.id()), (algorithm, Some(algorithm.name())));
        for key in [read, key(algorithm, Some(algorithm.name()))] {
            let keys = KeySource::Configured(KeySet::new([key]).unwrap());
            let authenticator = trusting(issuer_with(keys));
            assert!(present_to(&authenticator, &signed(algorithm, &claims())).is_ok(), "{algorithm:?}");
        }
    }
}

#[test]
fn a_pem_file_is_taken_for_its_own_algorithm_only() {
    for algorithm in ASYMMETRIC {
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let read = Key::from_pem(None, other, &TRUSTED.public_pem(algorithm));
            assert!(matches!(read, Err(KeyError::Unreadable { .. })), "{algorithm:?} as {other:?}: {read:?}");
        }
        for text in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", &pem("PUBLIC KEY", &[48, 0])] {
            assert!(Key::from_pem(None, algorithm, text).is_err(), "{text:?}");
        }
    }
}

#[test]
fn private_keys_are_refused() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        let read = Key::from_pem(None, Algorithm::Rs256, &pem(label, &TRUSTED.public_der(Algorithm::Rs256)));
        assert_eq!(read.err(), Some(KeyError::Private), "{label}");
    }
    for algorithm in ASYMMETRIC {
        let mut jwk = TRUSTED.jwk(algorithm, "a");
        jwk["d"] = json!("c2VjcmV0");
        assert_eq!(jwks(&[jwk, STRANGER.jwk(algorithm, "b")]).err(), Some(KeyError::Private), "{algorithm:?}");
    }
}

#[test]
fn a_published_secret_is_no_key() {
    let secret = json!({ "kty": "oct", "kid": "a", "alg": "HS256", "k": base64(SECRET) });
    assert!(matches!(jwks(&[secret]).err(), Some(KeyError::Empty(_))));
}

#[test]
fn a_secret_has_at_least_32_bytes() {
    assert_eq!(Key::from_secret(None, &[7; 31]).err(), Some(KeyError::ShortSecret { bytes: 31 }));
    assert!(Key::from_secret(None, &[7; 32]).is_ok());
}

#[test]
fn keys_for_other_purposes_are_passed_over() {
    let mut encryption = TRUSTED.jwk(Algorithm::Rs256, "enc");
    encryption["use"] = json!("enc");
    let mut stronger = TRUSTED.jwk(Algorithm::Rs256, "rs512");
    stronger["alg"] = json!("RS512");
    let mut signing = TRUSTED.jwk(Algorithm::Es256, "ops");
    signing["key_ops"] = json!(["sign"]);
    let other_curve = json!({ "kty": "EC", "kid": "p384", "crv": "P-384", "x": "AA", "y": "AA" });
    let others = [encryption, stronger, signing, other_curve, json!({ "kty": "new" }), json!("text")];
    assert!(matches!(jwks(&others).err(), Some(KeyError::Empty(_))));
    let with_one = [others.as_slice(), &[TRUSTED.jwk(Algorithm::EdDsa, "good")]].concat();
    assert_eq!(jwks(&with_one).unwrap().len(), 1);
}

#[test]
fn a_key_has_the_size_of_its_algorithm() {
    let small = json!({ "kty": "RSA", "kid": "a", "n": base64(&[0xC3; 128]), "e": "AQAB" });
    let padded = json!({ "kty": "RSA", "kid": "a", "n": base64(&[&[0; 128][..], &[0xC3; 128]].concat()), "e": "AQAB" });
    let huge = json!({ "kty": "RSA", "kid": "a", "n": base64(&[0xC3; 4096]), "e": "AQAB" });
    let point = json!({ "kty": "EC", "kid": "a", "crv": "P-256", "x": base64(&[1; 31]), "y": base64(&[1; 32]) });
    let edwards = json!({ "kty": "OKP", "kid": "a", "crv": "Ed25519", "x": base64(&[1; 33]) });
    for wrong in [small, padded, huge, point, edwards] {
        assert!(matches!(Key::from_jwk(&wrong), Err(KeyError::Unreadable { .. })), "{wrong}");
    }
}

#[test]
fn a_set_is_one_whose_keys_can_be_told_apart() {
    let twice = [TRUSTED.jwk(Algorithm::Es256, "a"), STRANGER.jwk(Algorithm::Es256, "a")];
    assert_eq!(jwks(&twice).err(), Some(KeyError::SameId("a".to_owned())));
    assert!(matches!(jwks(&[]).err(), Some(KeyError::Empty(_))));
    let many: Vec<Value> = (0..65).map(|n| TRUSTED.jwk(Algorithm::EdDsa, &n.to_string())).collect();
    assert!(matches!(jwks(&many).err(), Some(KeyError::NoSet(_))));
    for text in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "<html>"] {
        assert!(matches!(KeySet::from_jwks(text.as_bytes()).err(), Some(KeyError::NoSet(_))), "{text}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let shown = format!("{:?}", KeySet::new([Key::from_secret(Some("id-1".to_owned()), SECRET).unwrap()]));
    assert!(shown.contains("id-1") && shown.contains("Hs256"));
    let text = std::str::from_utf8(SECRET).unwrap();
    let numbers: Vec<String> = SECRET[..4].iter().map(u8::to_string).collect();
    assert!(!shown.contains(&text[..8]) && !shown.contains(&numbers.join(", ")), "{shown}");
}
