//! The backup archive: who gets it, and what a client sees when it breaks off.

use std::{
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use axum::{
    body::BodyDataStream,
    http::{Method, StatusCode},
};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use nexus_api::BackupSource;
use tower::ServiceExt as _;

use crate::{
    credentials::Guarded,
    server::{Server, request},
};

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

/// Writes chunks and does not come to an end: after so many each next one waits for a word.
struct Endless {
    at_once: usize,
    next: Mutex<mpsc::Receiver<()>>,
    /// Told how it ended.
    ended: mpsc::Sender<io::ErrorKind>,
}

impl BackupSource for Endless {
    fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let next = self.next.lock().unwrap();
        for number in 0.. {
            if number >= self.at_once {
                next.recv().map_err(io::Error::other)?;
            }
            out.write_all(&[7; 256 * 1024]).inspect_err(|error| self.ended.send(error.kind()).unwrap())?;
        }
        Ok(())
    }
}

/// A download under way, what lets its source go on, and how the source ended.
struct Download {
    guarded: Guarded,
    token: String,
    archive: BodyDataStream,
    go_on: mpsc::Sender<()>,
    ended: mpsc::Receiver<io::ErrorKind>,
}

impl Download {
    async fn start(at_once: usize) -> Self {
        let (go_on, next) = mpsc::channel();
        let (told, ended) = mpsc::channel();
        let source = Arc::new(Endless { at_once, next: Mutex::new(next), ended: told });
        let guarded = Guarded::configured(|config| {
            config.backups = Some(source);
            config.feed_patience = Duration::from_hours(1);
        })
        .await;
        let (header, token) = guarded.issue("ann");
        let asked = request(Method::GET, "/api/backup", &[("authorization", &header)], "");
        let response = guarded.server.respond(asked).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self { guarded, token, archive: response.into_body().into_data_stream(), go_on, ended }
    }

    async fn next(&mut self) -> Option<Result<usize, axum::Error>> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.archive.next()).await;
        Some(next.expect("the download neither goes on nor ends")?.map(|chunk| chunk.len()))
    }

    /// The download is cut, not ended, and its source lets go of it.
    async fn expect_cut(mut self) {
        let cut = self.next().await;
        assert!(matches!(cut, Some(Err(_))), "{cut:?}");
        assert!(self.next().await.is_none());
        let _ = self.go_on.send(());
        let ended = tokio::task::spawn_blocking(move || self.ended.recv_timeout(Duration::from_secs(20)));
        assert_eq!(ended.await.unwrap(), Ok(io::ErrorKind::BrokenPipe), "the source still writes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_cut_when_its_token_is_revoked_while_nothing_is_sent() {
    let mut download = Download::start(2).await;
    for _ in 0..2 {
        assert_eq!(download.next().await.unwrap().unwrap(), 256 * 1024);
    }
    assert!(download.guarded.issuer.revoke(&download.token));
    download.expect_cut().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_cut_when_its_token_expires() {
    let mut download = Download::start(1).await;
    assert_eq!(download.next().await.unwrap().unwrap(), 256 * 1024);
    download.guarded.server.clock.advance_micros(3600 * 1_000_000);
    download.expect_cut().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_client_is_not_sent_once_its_token_is_revoked() {
    let mut download = Download::start(usize::MAX).await;
    assert_eq!(download.next().await.unwrap().unwrap(), 256 * 1024);
    assert!(download.guarded.issuer.revoke(&download.token));
    download.expect_cut().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_of_a_client_that_does_not_read_is_let_go_with_the_token() {
    let download = Download::start(usize::MAX).await;
    assert!(download.guarded.issuer.revoke(&download.token));
    let ended = tokio::task::spawn_blocking(move || {
        let ended = download.ended.recv_timeout(Duration::from_secs(20));
        (download, ended)
    });
    let (download, ended) = ended.await.unwrap();
    assert_eq!(ended, Ok(io::ErrorKind::BrokenPipe), "the source still writes");
    drop(download);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_does_not_end_a_download() {
    let mut download = Download::start(1).await;
    let (_, other) = download.guarded.issue("bob");
    assert_eq!(download.next().await.unwrap().unwrap(), 256 * 1024);
    assert!(download.guarded.issuer.revoke(&other));
    for _ in 0..10 {
        download.go_on.send(()).unwrap();
        assert_eq!(download.next().await.unwrap().unwrap(), 256 * 1024);
    }
}

/// Fails when as much waits for the client as there is room for, and tells it.
struct Failing(mpsc::Sender<()>);

impl BackupSource for Failing {
    fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        for _ in 0..4 {
            out.write_all(&[7; 256 * 1024])?;
        }
        self.0.send(()).map_err(io::Error::other)?;
        Err(io::Error::other("the disk is gone"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_behind_a_full_queue_is_an_error_as_well() {
    let (told, failed) = mpsc::channel();
    let server = Server::configured(|config| config.backups = Some(Arc::new(Failing(told)))).await;
    let response = server.respond(request(Method::GET, "/api/backup", &[], "")).await;
    let mut archive = response.into_body().into_data_stream();
    let failed = tokio::task::spawn_blocking(move || failed.recv_timeout(Duration::from_secs(20)));
    failed.await.unwrap().unwrap();
    let mut received = 0;
    let last = loop {
        match archive.next().await {
            Some(Ok(chunk)) => received += chunk.len(),
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(_))), "{received} bytes and a clean end");
}
