//! The backup archive: who gets it, and what a client sees when it breaks off.

use std::{io, sync::Arc};

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use nexus_api::BackupSource;
use tower::ServiceExt as _;

use crate::server::{Server, request};

/// Writes this many bytes, then ends or fails.
struct Bytes(usize, bool);

impl BackupSource for Bytes {
    fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        for number in 0..self.0 {
            out.write_all(&[u8::try_from(number % 251).unwrap()])?;
        }
        if self.1 { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

async fn server(source: Bytes) -> Server {
    Server::configured(|config| config.backups = Some(Arc::new(source))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_arrives_byte_for_byte() {
    let size = 3 * 1024 * 1024 + 17;
    let answer = server(Bytes(size, false)).await.get("/api/backup").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/x-tar");
    assert_eq!(answer.body.len(), size);
    assert!(answer.body.iter().enumerate().all(|(number, byte)| usize::from(*byte) == number % 251));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_breaks_off_is_an_error_for_the_client_and_not_a_short_answer() {
    let server = server(Bytes(700_000, true)).await;
    let response = server.router.clone().oneshot(request(Method::GET, "/api/backup", &[], "")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err(), "the connection is cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whom_policy_allows_gets_a_backup() {
    let server = server(Bytes(10, false)).await;
    for client in ["deny", "undefined", "failed"] {
        let answer = server.get_with("/api/backup", &[("x-client-id", client)]).await;
        answer.problem(403, "POLICY_VIOLATION");
    }
}

#[tokio::test]
async fn a_server_without_backups_says_so() {
    Server::start().await.get("/api/backup").await.problem(404, "NOT_FOUND");
}
