//! What a genuine token must say.

use std::time::Duration;

use nexus_core::ports::AuthenticationError::{
    self, Expired, InvalidClaim, NotYetValid, TooLongLived, UnknownIssuer, WrongAudience,
};
use nexus_core::ports::{Authenticator as _, Credential};
use nexus_identity::{Algorithm, IssuerOptions};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, NOW, at, claims, claims_with, issuer, present, present_to, refused, signed, trusting};

fn with(changes: Value) -> String {
    signed(Algorithm::EdDsa, &claims_with(changes))
}

#[test]
fn a_genuine_token_says_who_asks_and_until_when() {
    for algorithm in Algorithm::ALL {
        let known = present(&signed(algorithm, &claims())).unwrap();
        assert_eq!(&*known.actor.id, "ann");
        assert_eq!(known.actor.roles, ["reader", "writer"]);
        assert_eq!(known.actor.claims.unwrap().to_value().unwrap(), claims());
        assert_eq!(known.expires, Some(at(NOW + 3600 + 30)));
        let credential = Credential::Jwt { issuer: crate::support::ISSUER.into(), key: algorithm.name().into() };
        assert_eq!(known.credential, credential);
    }
}

#[test]
fn the_issuer_is_one_of_those_that_are_trusted() {
    for issuer in [json!("https://issuer.example/"), json!("https://ISSUER.example"), json!(""), json!(null), json!([])]
    {
        assert_eq!(refused(&with(json!({ "iss": issuer }))), UnknownIssuer, "{issuer}");
    }
    let several = json!([crate::support::ISSUER]);
    assert_eq!(refused(&with(json!({ "iss": several }))), UnknownIssuer);
}

#[test]
fn the_audience_is_this_server() {
    for audience in [json!("other"), json!(null), json!([]), json!(["other"]), json!("nexus2"), json!({}), json!(1)] {
        assert_eq!(refused(&with(json!({ "aud": audience }))), WrongAudience, "{audience}");
    }
    assert_eq!(refused(&with(json!({ "aud": [AUDIENCE, 1] }))), WrongAudience);
    assert!(present(&with(json!({ "aud": ["other", AUDIENCE] }))).is_ok());
}

#[test]
fn a_token_has_an_end_and_is_refused_after_it() {
    for missing in
        [json!(null), json!("soon"), json!(true), json!([NOW + 60]), json!(-1), json!(1e300), json!(u64::MAX)]
    {
        assert_eq!(refused(&with(json!({ "exp": missing }))), InvalidClaim("exp"), "{missing}");
    }
    assert_eq!(refused(&with(json!({ "exp": 0 }))), Expired);
    assert_eq!(refused(&with(json!({ "exp": NOW - 30 }))), Expired);
    assert_eq!(refused(&with(json!({ "exp": (NOW - 31) as f64 + 0.9 }))), Expired);
    assert!(present(&with(json!({ "exp": NOW - 29 }))).is_ok(), "within the leeway");
    assert!(present(&with(json!({ "exp": NOW as f64 + 0.5 }))).is_ok(), "fractions are allowed");
}

#[test]
fn a_token_is_refused_before_its_time() {
    for claim in ["nbf", "iat"] {
        assert_eq!(refused(&with(json!({ claim: NOW + 31 }))), NotYetValid, "{claim}");
        assert_eq!(refused(&with(json!({ claim: NOW + 1_000_000_000 }))), NotYetValid, "{claim}");
        assert!(present(&with(json!({ claim: NOW + 30 }))).is_ok(), "{claim} within the leeway");
        assert!(matches!(refused(&with(json!({ claim: "now" }))), InvalidClaim(_)), "{claim}");
        assert!(present(&with(json!({ claim: null }))).is_ok(), "{claim} may be missing");
    }
}

#[test]
fn the_leeway_is_the_one_that_was_configured() {
    let strict = trusting(IssuerOptions { leeway: Duration::ZERO, ..issuer() });
    let late = present_to(&strict, &with(json!({ "exp": NOW })));
    assert_eq!(late.err(), Some(Expired));
    assert!(present_to(&strict, &with(json!({ "exp": NOW + 1 }))).is_ok());
    assert_eq!(present_to(&strict, &with(json!({ "nbf": NOW + 1 }))).err(), Some(NotYetValid));
}

#[test]
fn a_token_lives_no_longer_than_its_issuer_may_say() {
    let short = trusting(IssuerOptions { max_lifetime: Some(Duration::from_secs(600)), ..issuer() });
    let fits = json!({ "iat": NOW - 60, "exp": NOW + 540 });
    assert!(present_to(&short, &with(fits)).is_ok());
    let over = json!({ "iat": NOW - 60, "exp": NOW + 541 });
    assert_eq!(present_to(&short, &with(over)).err(), Some(TooLongLived));
    let unknown = json!({ "iat": null });
    assert_eq!(present_to(&short, &with(unknown)).err(), Some(InvalidClaim("iat")));
}

#[test]
fn a_subject_is_a_plain_text_that_is_nobody_of_the_platform() {
    let long = "s".repeat(256);
    for subject in
        [json!(null), json!(""), json!(7), json!("$nexus"), json!("token:x"), json!("a\nb"), json!(" ann"), json!(long)]
    {
        assert_eq!(refused(&with(json!({ "sub": subject }))), InvalidClaim("sub"), "{subject}");
    }
    assert!(present(&with(json!({ "sub": "s".repeat(255) }))).is_ok());
}

fn roles_of(changes: Value) -> Vec<String> {
    let known = present(&with(changes)).unwrap();
    known.actor.roles.iter().map(ToString::to_string).collect()
}

#[test]
fn an_issuer_gives_the_roles_it_may_and_no_others() {
    assert_eq!(roles_of(json!({ "roles": ["admin", "reader", "operator", "system"] })), ["reader"]);
    assert_eq!(roles_of(json!({ "roles": null, "scope": "openid reader writer reader" })), ["reader", "writer"]);
    assert_eq!(roles_of(json!({ "roles": ["reader"], "scope": "writer" })), ["reader", "writer"]);
    for nonsense in [json!(null), json!({ "reader": true }), json!([["reader"], 1]), json!(1), json!("READER")] {
        assert!(roles_of(json!({ "roles": nonsense })).is_empty(), "{nonsense}");
    }
}

#[test]
fn roles_may_be_in_a_claim_of_any_name_and_depth() {
    let role_claims = vec!["groups".to_owned(), "/realm_access/a~1b/1".to_owned()];
    let configured = trusting(IssuerOptions { role_claims, ..issuer() });
    let token = with(json!({ "groups": ["reader"], "realm_access": { "a/b": { "1": "writer" } } }));
    assert_eq!(present_to(&configured, &token).unwrap().actor.roles, ["reader", "writer"]);
    let elsewhere = with(json!({ "roles": ["reader"], "realm_access": [] }));
    assert!(present_to(&configured, &elsewhere).unwrap().actor.roles.is_empty());
}

#[test]
fn a_token_stands_as_long_as_its_key_is_known() {
    let authenticator = trusting(issuer());
    let known = present_to(&authenticator, &signed(Algorithm::Es256, &claims())).unwrap();
    assert!(authenticator.stands(&known.credential));
    let issuer = crate::support::ISSUER;
    for gone in [
        Credential::Jwt { issuer: issuer.into(), key: "old".into() },
        Credential::Jwt { issuer: "https://other.example".into(), key: "ES256".into() },
        Credential::ApiToken { id: "ES256".into() },
    ] {
        assert!(!authenticator.stands(&gone), "{gone:?}");
    }
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let all = [
        AuthenticationError::TooLarge,
        AuthenticationError::Malformed(""),
        UnknownIssuer,
        AuthenticationError::UnknownKey,
        AuthenticationError::WrongAlgorithm,
        AuthenticationError::BadSignature,
        Expired,
        NotYetValid,
        WrongAudience,
        InvalidClaim(""),
        TooLongLived,
        AuthenticationError::Revoked,
        AuthenticationError::Unavailable,
    ];
    let labels: std::collections::BTreeSet<&str> = all.iter().map(|error| error.label()).collect();
    assert_eq!(labels.len(), all.len());
}
