//! What an operator cannot configure by mistake.

use std::time::Duration;

use nexus_identity::{IssuerOptions, JwksAddress, JwtAuthenticator, SetupError};
use tokio_util::sync::CancellationToken;

use crate::support::issuer;

fn refused(issuers: Vec<IssuerOptions>) -> SetupError {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(JwtAuthenticator::start(issuers, &CancellationToken::new())).unwrap_err()
}

#[test]
fn an_issuer_has_a_name_and_an_audience() {
    let unnamed = IssuerOptions { issuer: String::new(), ..issuer() };
    assert!(matches!(refused(vec![unnamed]), SetupError::NoIssuer));
    for audiences in [vec![], vec![String::new()]] {
        let open = IssuerOptions { audiences, ..issuer() };
        assert!(matches!(refused(vec![open]), SetupError::NoAudience { .. }));
    }
}

#[test]
fn an_issuer_makes_nobody_the_platform() {
    let system = IssuerOptions { roles: ["system".to_owned()].into(), ..issuer() };
    assert!(matches!(refused(vec![system]), SetupError::ReservedRole { .. }));
    for prefix in ["$", "$corp:", "token:", "token:x"] {
        let prefixed = IssuerOptions { actor_prefix: prefix.to_owned(), ..issuer() };
        assert!(matches!(refused(vec![prefixed]), SetupError::ReservedPrefix { .. }), "{prefix}");
    }
}

#[test]
fn two_issuers_do_not_share_actors() {
    let second = |prefix: &str| IssuerOptions {
        issuer: "https://other.example".to_owned(),
        actor_prefix: prefix.to_owned(),
        ..issuer()
    };
    let first = IssuerOptions { actor_prefix: "a".to_owned(), ..issuer() };
    for clash in ["a", "", "ab"] {
        assert!(matches!(refused(vec![first.clone(), second(clash)]), SetupError::SamePrefix { .. }), "{clash}");
    }
    assert!(matches!(refused(vec![issuer(), issuer()]), SetupError::SameIssuer { .. }));
}

#[test]
fn the_leeway_is_for_clocks_not_for_lifetimes() {
    let loose = IssuerOptions { leeway: Duration::from_secs(301), ..issuer() };
    assert!(matches!(refused(vec![loose]), SetupError::Leeway { .. }));
}

#[test]
fn keys_come_over_https_or_from_this_machine() {
    for good in ["https://issuer.example/keys", "http://127.0.0.1:8080/keys", "http://localhost/k", "http://[::1]/k"] {
        assert!(JwksAddress::new(good).is_ok(), "{good}");
    }
    for bad in [
        "http://issuer.example/keys",
        "http://127.0.0.1.attacker.example/keys",
        "file:///etc/keys",
        "ftp://localhost/keys",
        "https://user:password@issuer.example/keys",
        "keys",
        "",
    ] {
        assert!(JwksAddress::new(bad).is_err(), "{bad}");
    }
}
