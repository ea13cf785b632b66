//! What is known to have been tried against JWT libraries, one test each.

use nexus_core::ports::{AuthenticationError, MAX_TOKEN_BYTES};
use nexus_identity::{Algorithm, Key, KeySet, KeySource};
use serde_json::{Value, json};

use crate::support::{
    STRANGER, TRUSTED, assemble, base64, claims, header, hmac_of, issuer_with, pem, present, present_to, refused,
    signed, trusting,
};

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// A token of the trusted issuer with this header.
fn with_header(algorithm: Algorithm, header: &Value) -> String {
    assemble(&header.to_string(), &claims().to_string(), |message| TRUSTED.sign(algorithm, message))
}

/// The ordinary header with one more member.
fn header_and(algorithm: Algorithm, name: &str, value: Value) -> Value {
    let mut header = header(algorithm);
    header.as_object_mut().unwrap().insert(name.to_owned(), value);
    header
}

#[test]
fn a_token_without_algorithm_is_refused() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        for kid in Algorithm::ALL {
            let header = json!({ "alg": name, "typ": "JWT", "kid": kid.name() });
            let token = assemble(&header.to_string(), &claims().to_string(), |_| Vec::new());
            assert_eq!(refused(&token), AuthenticationError::WrongAlgorithm, "{name} for {kid:?}");
        }
    }
    let token = assemble(&json!({ "typ": "JWT" }).to_string(), &claims().to_string(), |_| Vec::new());
    assert!(matches!(refused(&token), AuthenticationError::Malformed(_)));
}

#[test]
fn a_public_key_is_no_secret() {
    for algorithm in ASYMMETRIC {
        let der = TRUSTED.public_der(algorithm);
        let text = pem("PUBLIC KEY", &der);
        let secrets = [der.clone(), text.clone().into_bytes(), text.trim().as_bytes().to_vec()];
        for secret in secrets {
            for named in ["HS256", "HS384", "HS512"] {
                let header = json!({ "alg": named, "typ": "JWT", "kid": algorithm.name() });
                let token = assemble(&header.to_string(), &claims().to_string(), |message| hmac_of(&secret, message));
                assert_eq!(refused(&token), AuthenticationError::WrongAlgorithm, "{named} with {algorithm:?}");
            }
        }
    }
}

#[test]
fn the_algorithm_is_that_of_the_key_whatever_the_header_says() {
    for signing in Algorithm::ALL {
        for named in ["RS256", "ES256", "EdDSA", "HS256", "RS384", "PS256", "ES384", "ES256K", "Ed25519", "rs256"] {
            let header = json!({ "alg": named, "typ": "JWT", "kid": signing.name() });
            let token = with_header(signing, &header);
            match named == signing.name() {
                true => assert!(present(&token).is_ok(), "{named} is refused for its own key"),
                false => assert_eq!(refused(&token), AuthenticationError::WrongAlgorithm, "{named} for {signing:?}"),
            }
        }
    }
}

#[test]
fn a_key_id_is_only_looked_up() {
    let ids = [
        "../../../../../../etc/passwd",
        "/dev/null",
        "file:///dev/null",
        "https://attacker.example/key",
        "x' UNION SELECT 'key",
        "'; DROP TABLE keys; --",
        "RS256\0",
        "rs256",
        " RS256",
        "",
        "$(id)",
        "\u{202e}",
    ];
    for id in ids {
        for algorithm in Algorithm::ALL {
            let token = with_header(algorithm, &json!({ "alg": algorithm.name(), "kid": id }));
            assert_eq!(refused(&token), AuthenticationError::UnknownKey, "{id:?}");
        }
    }
    for id in [json!(1), json!(["RS256"]), json!({ "$ne": "" }), json!(null), json!(true)] {
        let token = with_header(Algorithm::Rs256, &json!({ "alg": "RS256", "kid": id }));
        assert!(matches!(refused(&token), AuthenticationError::Malformed(_)), "{id}");
    }
    let huge = with_header(Algorithm::Rs256, &json!({ "alg": "RS256", "kid": "k".repeat(1 << 20) }));
    assert_eq!(refused(&huge), AuthenticationError::TooLarge);
}

#[test]
fn a_key_id_is_needed_where_there_are_several_keys() {
    for algorithm in Algorithm::ALL {
        let token = with_header(algorithm, &json!({ "alg": algorithm.name() }));
        assert_eq!(refused(&token), AuthenticationError::UnknownKey, "{algorithm:?}");
        let one = KeySet::new([crate::support::key(algorithm, Some("only"))]).unwrap();
        let alone = trusting(issuer_with(KeySource::Configured(one)));
        assert!(present_to(&alone, &token).is_ok(), "{algorithm:?} with a single key");
    }
}

#[test]
fn the_key_of_one_algorithm_does_not_stand_in_for_another() {
    for signing in Algorithm::ALL {
        for named in Algorithm::ALL.into_iter().filter(|named| *named != signing) {
            let token = with_header(signing, &json!({ "alg": named.name(), "kid": named.name() }));
            assert_eq!(refused(&token), AuthenticationError::BadSignature, "{signing:?} as {named:?}");
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    for algorithm in ASYMMETRIC {
        let own = STRANGER.jwk(algorithm, algorithm.name());
        let token =
            assemble(&header_and(algorithm, "jwk", own.clone()).to_string(), &claims().to_string(), |message| {
                STRANGER.sign(algorithm, message)
            });
        assert!(matches!(refused(&token), AuthenticationError::Malformed(_)), "{algorithm:?}");
    }
}

#[test]
fn a_token_that_says_where_its_key_is_is_refused_even_when_it_is_genuine() {
    for name in ["jwk", "jku", "x5u"] {
        for algorithm in Algorithm::ALL {
            let token = with_header(algorithm, &header_and(algorithm, name, json!("https://attacker.example/keys")));
            assert!(matches!(refused(&token), AuthenticationError::Malformed(_)), "{name}");
        }
    }
    // A fingerprint of the certificate does no harm, and issuers send it.
    let token = with_header(Algorithm::Rs256, &header_and(Algorithm::Rs256, "x5t", json!("dGVzdA")));
    assert!(present(&token).is_ok());
}

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    for demanded in [json!(["b64"]), json!(["exp"]), json!([]), json!("exp"), json!(null)] {
        let mut header = header_and(Algorithm::EdDsa, "crit", demanded.clone());
        header.as_object_mut().unwrap().insert("b64".to_owned(), json!(false));
        assert!(matches!(refused(&with_header(Algorithm::EdDsa, &header)), AuthenticationError::Malformed(_)));
    }
}

#[test]
fn a_token_for_another_purpose_is_refused() {
    for purpose in ["logout+jwt", "secevent+jwt", "dpop+jwt", "JWE", ""] {
        let token = with_header(Algorithm::EdDsa, &json!({ "alg": "EdDSA", "kid": "EdDSA", "typ": purpose }));
        assert!(matches!(refused(&token), AuthenticationError::Malformed(_)), "{purpose}");
    }
    for purpose in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        let token = with_header(Algorithm::EdDsa, &json!({ "alg": "EdDSA", "kid": "EdDSA", "typ": purpose }));
        assert!(present(&token).is_ok(), "{purpose}");
    }
}

#[test]
fn a_signature_cannot_be_left_out_or_swapped() {
    for algorithm in Algorithm::ALL {
        let token = signed(algorithm, &claims());
        let (message, signature) = token.rsplit_once('.').unwrap();
        assert!(present(&token).is_ok());
        assert_eq!(refused(&format!("{message}.")), AuthenticationError::BadSignature, "{algorithm:?} stripped");
        assert!(matches!(refused(message), AuthenticationError::Malformed(_)), "{algorithm:?} cut off");
        assert!(matches!(refused(&format!("{token}.")), AuthenticationError::Malformed(_)));
        assert!(matches!(refused(&format!("{token}.{signature}")), AuthenticationError::Malformed(_)));
        let other = signed(algorithm, &crate::support::claims_with(json!({ "sub": "bob" })));
        let swapped = format!("{message}.{}", other.rsplit_once('.').unwrap().1);
        assert_eq!(refused(&swapped), AuthenticationError::BadSignature, "{algorithm:?} swapped");
    }
}

#[test]
fn claims_cannot_be_changed_under_a_signature() {
    for algorithm in Algorithm::ALL {
        let token = signed(algorithm, &claims());
        let parts: Vec<&str> = token.split('.').collect();
        let raised = base64(crate::support::claims_with(json!({ "sub": "admin" })).to_string().as_bytes());
        let changed = format!("{}.{raised}.{}", parts[0], parts[2]);
        assert_eq!(refused(&changed), AuthenticationError::BadSignature, "{algorithm:?}");
    }
}

/// CVE-2022-21449: r = s = 0 verifies everything where nobody checks the range.
#[test]
fn an_ecdsa_signature_of_zeros_is_refused() {
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (zero, mut one) = ([0_u8; 32], [0_u8; 32]);
    one[31] = 1;
    for (r, s) in [(&zero, &zero), (&zero, &one), (&one, &zero), (&order, &order), (&order, &one), (&one, &order)] {
        let signature = [&r[..], &s[..]].concat();
        let token = assemble(&header(Algorithm::Es256).to_string(), &claims().to_string(), |_| signature.clone());
        assert_eq!(refused(&token), AuthenticationError::BadSignature);
    }
    // The form with lengths inside (X9.62) is not that of JWT.
    let token =
        assemble(&header(Algorithm::Es256).to_string(), &claims().to_string(), |_| vec![48, 6, 2, 1, 1, 2, 1, 1]);
    assert_eq!(refused(&token), AuthenticationError::BadSignature);
}

/// S + L verifies as well as S where nobody checks that S < L (RFC 8032, section 5.1.7).
#[test]
fn an_ed25519_signature_has_one_form() {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let token = signed(Algorithm::EdDsa, &claims());
    assert!(present(&token).is_ok());
    let other = assemble(&header(Algorithm::EdDsa).to_string(), &claims().to_string(), |message| {
        let mut signature = TRUSTED.sign(Algorithm::EdDsa, message);
        let mut carry = 0_u16;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        assert_eq!(carry, 0, "S + L has 32 bytes");
        signature
    });
    assert_ne!(other, token);
    assert_eq!(refused(&other), AuthenticationError::BadSignature);
}

#[test]
fn a_member_that_appears_twice_is_refused() {
    let twice = claims().to_string().replacen('{', "{\"sub\":\"admin\",", 1);
    let escaped = claims().to_string().replacen('{', "{\"s\\u0075b\":\"admin\",", 1);
    for claims in [twice, escaped] {
        let token =
            assemble(&header(Algorithm::EdDsa).to_string(), &claims, |message| TRUSTED.sign(Algorithm::EdDsa, message));
        assert!(matches!(refused(&token), AuthenticationError::Malformed(_)), "{claims}");
    }
    let header = r#"{"alg":"none","alg":"EdDSA","kid":"EdDSA"}"#;
    let token = assemble(header, &claims().to_string(), |message| TRUSTED.sign(Algorithm::EdDsa, message));
    assert!(matches!(refused(&token), AuthenticationError::Malformed(_)));
}

#[test]
fn a_token_of_more_than_8_kib_is_refused_although_it_is_genuine() {
    let long = |bytes: usize| crate::support::claims_with(json!({ "more": "m".repeat(bytes) }));
    let base = signed(Algorithm::Hs256, &long(0)).len();
    let most = (MAX_TOKEN_BYTES - base) / 4 * 3;
    assert!(present(&signed(Algorithm::Hs256, &long(most - 3))).is_ok());
    let token = signed(Algorithm::Hs256, &long(most + 3));
    assert!(token.len() > MAX_TOKEN_BYTES && token.len() < MAX_TOKEN_BYTES + 16);
    assert_eq!(refused(&token), AuthenticationError::TooLarge);
}

#[test]
fn parts_are_base64url_in_their_one_form() {
    let token = signed(Algorithm::EdDsa, &claims());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for changed in [
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}=="),
        format!(" {header}.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}\r\n.{payload}.{signature}"),
        token.replace('-', "+").replace('_', "/") + "x",
    ] {
        assert!(present(&changed).is_err(), "{changed:?}");
    }
    // Also when the issuer signed it so.
    for (header, payload) in [(format!("{header}="), payload.to_owned()), (header.to_owned(), format!("{payload}="))] {
        let message = format!("{header}.{payload}");
        let signed = format!("{message}.{}", base64(&TRUSTED.sign(Algorithm::EdDsa, message.as_bytes())));
        assert!(matches!(refused(&signed), AuthenticationError::Malformed(_)), "{signed}");
    }
}

#[test]
fn keys_of_one_issuer_do_not_sign_for_another() {
    let other = Key::from_pem(Some("EdDSA".to_owned()), Algorithm::EdDsa, &STRANGER.public_pem(Algorithm::EdDsa));
    let keys = KeySource::Configured(KeySet::new([other.unwrap()]).unwrap());
    let second = nexus_identity::IssuerOptions {
        issuer: "https://other.example".to_owned(),
        actor_prefix: "other:".to_owned(),
        ..issuer_with(keys)
    };
    let first = nexus_identity::IssuerOptions { actor_prefix: "first:".to_owned(), ..crate::support::issuer() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let both = runtime.block_on(nexus_identity::JwtAuthenticator::start(vec![first, second], &stop)).unwrap();
    let by_stranger = |issuer: &str| {
        let claims = crate::support::claims_with(json!({ "iss": issuer })).to_string();
        assemble(&header(Algorithm::EdDsa).to_string(), &claims, |message| STRANGER.sign(Algorithm::EdDsa, message))
    };
    let own = present_to(&both, &by_stranger("https://other.example")).unwrap();
    assert_eq!(&*own.actor.id, "other:ann");
    let forged = present_to(&both, &by_stranger(crate::support::ISSUER));
    assert_eq!(forged.err(), Some(AuthenticationError::BadSignature));
    let genuine = present_to(&both, &signed(Algorithm::EdDsa, &claims())).unwrap();
    assert_eq!(&*genuine.actor.id, "first:ann");
}

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|index| u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).unwrap())
}
