//! Tokens as passwords, for clients of the registry that know nothing else.

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nexus_core::ports::MAX_TOKEN_BYTES;

use crate::{
    credentials::Guarded,
    server::{Answer, request},
};

const SUBJECTS: &str = "/registry/subjects";

fn basic(user_and_password: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

async fn ask(guarded: &Guarded, path: &str, authorization: &str) -> Answer {
    guarded.server.get_with(path, &[("authorization", authorization)]).await
}

#[tokio::test]
async fn a_token_is_a_password_under_the_registry_whatever_the_user_name_says() {
    let guarded = Guarded::start().await;
    let (bearer, token) = guarded.issue("ann");
    let users = ["", "ann", "admin", "$nexus", "system", "é", "a b", &"u".repeat(255)];
    for user in users {
        let header = basic(format!("{user}:{token}"));
        for path in [SUBJECTS, "/registry", "/registry/", "/registry/contexts/.elsewhere/subjects"] {
            assert_eq!(ask(&guarded, path, &header).await.status, 200, "`{user}` at {path}");
        }
    }
    let lower = basic(format!("u:{token}")).replace("Basic ", "basic   ");
    assert_eq!(ask(&guarded, SUBJECTS, &lower).await.status, 200, "the scheme has no case");
    assert_eq!(ask(&guarded, SUBJECTS, &bearer).await.status, 200, "bearer tokens as before");
    let latin = basic([b"\xe9:", token.as_bytes()].concat());
    assert_eq!(ask(&guarded, SUBJECTS, &latin).await.status, 200, "nobody reads the user name");
}

#[tokio::test]
async fn the_token_says_who_it_is_and_not_the_user_name() {
    let guarded = Guarded::start().await;
    let (bearer, token) = guarded.issue("ann");
    let headers = [("content-type", "application/json"), ("authorization", &*basic(format!("bob:{token}")))];
    let body = r#"{"schemaType":"JSON","schema":"{\"type\":\"object\"}"}"#;
    let path = "/registry/subjects/Thing/versions";
    let answer = guarded.server.send(request(Method::POST, path, &headers, body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let stored = ask(&guarded, "/api/streams/$schemas/events?direction=backward&limit=1", &bearer).await.json();
    assert_eq!(stored["events"][0]["metadata"]["userId"], "ann", "{stored}");
}

#[tokio::test]
async fn basic_is_refused_everywhere_else() {
    let guarded = Guarded::start().await;
    let (_, token) = guarded.issue("ann");
    let header = basic(format!("ann:{token}"));
    for path in ["/api/streams", "/api/events", "/metrics", "/opa/v1/data", "/api/queries/accounts", "/api/tokens"] {
        let answer = ask(&guarded, path, &header).await;
        let problem = answer.problem(401, "UNAUTHENTICATED");
        assert!(problem.detail.contains("/registry"), "{problem:?}");
        assert_eq!(all(&answer), ["Bearer error=\"invalid_request\""], "{path}");
    }
    for path in ["/registryx", "/api/../registry/subjects", "/registry/../api/streams", "//registry/subjects"] {
        let status = ask(&guarded, path, &header).await.status.as_u16();
        assert!(matches!(status, 401 | 404), "{status} at {path}");
    }
}

/// Every challenge of an answer.
fn all(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_both_ways() {
    let guarded = Guarded::start().await;
    let answer = guarded.server.get(SUBJECTS).await;
    assert_eq!(answer.status, 401);
    assert_eq!(all(&answer), ["Bearer", "Basic realm=\"registry\""]);
    assert_eq!(answer.json()["error_code"], 40101);
    assert!(answer.json()["message"].as_str().unwrap().contains("Basic"), "{answer:?}");
    let wrong = ask(&guarded, SUBJECTS, &basic("ann:memory.t9.wrong")).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(all(&wrong), ["Bearer error=\"invalid_token\"", "Basic realm=\"registry\""]);
}

#[tokio::test]
async fn what_is_not_one_token_in_base64_is_refused_and_not_repeated() {
    let guarded = Guarded::start().await;
    let (bearer, token) = guarded.issue("ann");
    let good = STANDARD.encode(format!("ann:{token}"));
    let bad = [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {token}"),
        format!("Basic {good}x"),
        format!("Basic {}", good.trim_end_matches('=').split_at(good.len() / 2).0),
        format!("Basic {good} {good}"),
        format!("Basic {good}, {bearer}"),
        format!("Basic {bearer}"),
        format!("Digest {good}"),
        basic(&token),
        basic("ann:"),
        basic(":"),
        basic(""),
        basic(format!("ann:{token} ")),
        basic(format!("ann:{token}\n")),
        basic(format!("ann:{token}\0")),
        basic(format!("ann:Bearer {token}")),
        basic(format!("ann:x:{token}")),
        basic([b"ann:\xff".as_slice(), token.as_bytes()].concat()),
        basic(format!("{}:{token}", "u".repeat(256))),
        basic(format!("ann:{}", "a".repeat(MAX_TOKEN_BYTES + 1))),
        format!("Basic {}", "A".repeat(64 * 1024)),
    ];
    for header in bad {
        let answer = ask(&guarded, SUBJECTS, &header).await;
        assert_eq!(answer.status, 401, "{header:.60}");
        assert_eq!(all(&answer), ["Bearer error=\"invalid_request\"", "Basic realm=\"registry\""], "{header:.60}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains(&token) && !body.contains(&good), "{body}");
    }
    let long = basic(format!("{}:{}", "u".repeat(255), "a".repeat(MAX_TOKEN_BYTES)));
    assert_eq!(all(&ask(&guarded, SUBJECTS, &long).await)[0], "Bearer error=\"invalid_token\"", "the longest is read");
}

#[tokio::test]
async fn two_headers_are_refused_in_either_order() {
    let guarded = Guarded::start().await;
    let (bearer, token) = guarded.issue("ann");
    let basic = basic(format!("ann:{token}"));
    for [first, second] in [[&bearer, &basic], [&basic, &bearer], [&basic, &basic]] {
        let headers = [("authorization", first.as_str()), ("authorization", second.as_str())];
        let answer = guarded.server.get_with(SUBJECTS, &headers).await;
        assert_eq!(answer.status, 401);
        assert!(answer.json()["message"].as_str().unwrap().contains("more than once"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_no_password_any_more() {
    let guarded = Guarded::start().await;
    let (_, token) = guarded.issue("ann");
    let header = basic(format!("ann:{token}"));
    assert_eq!(ask(&guarded, SUBJECTS, &header).await.status, 200);
    assert!(guarded.issuer.revoke(&token));
    assert_eq!(ask(&guarded, SUBJECTS, &header).await.status, 401);
}
