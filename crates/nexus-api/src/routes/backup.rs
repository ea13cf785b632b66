//! Backups of a running server, as an archive that goes to whoever may ask for it.

use std::{
    io::{self, Write},
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    config::BackupSource,
    problem::{Code, Problem},
    request::Params,
    state::Api,
};

/// Bytes handed on at once.
const CHUNK: usize = 256 * 1024;

/// Streams a backup of the whole data directory: the log up to now and its keys.
///
/// The answer is a tar archive; unpacked into a directory it is a backup for `backup verify` and `backup restore`. Its
/// last entry, `manifest.json`, is there only when the backup is complete. Nobody who writes waits for it. It holds
/// every event and the server's keys, so policy decides who gets it: action `backup` of kind `admin`.
#[utoipa::path(
    get,
    path = "/api/backup",
    tag = "operations",
    responses((status = 200, description = "The archive.", content((Vec<u8> = "application/x-tar"))))
)]
pub(crate) async fn backup_archive(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    params.only(&[])?;
    let Some(source) = api.config.backups.clone() else {
        return Err(Problem::new(Code::NotFound, "this server offers no backups"));
    };
    let (sender, received) = mpsc::channel(4);
    let out = Chunks {
        sender,
        pending: Vec::new(),
        patience: api.config.feed_patience,
        stop: api.node.stopping().clone(),
        runtime: Handle::current(),
    };
    tokio::task::spawn_blocking(move || write_archive(&*source, out));
    let body = stream::unfold(received, |mut received| async move {
        let chunk: io::Result<Bytes> = received.recv().await?;
        Some((chunk, received))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"nexus-backup.tar\""));
    Ok(response)
}

/// Writes the archive into the channel. A failure is passed on as one, so that the connection is cut and nobody takes
/// what arrived for a backup.
fn write_archive(source: &dyn BackupSource, mut out: Chunks) {
    let written = source.write_to(&mut out).and_then(|()| out.flush());
    if let Err(error) = written {
        if out.sender.is_closed() {
            tracing::info!("the client of a backup left before its end");
        } else {
            tracing::error!(%error, "a backup broke off");
        }
        // Where there is no room for it, the archive still lacks its manifest.
        let _ = out.sender.try_send(Err(error));
    }
}

/// Collects what is written into chunks for a channel, and waits for a client that reads slowly, but not for ever.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    pending: Vec<u8>,
    /// How long the client may take to make room for one chunk.
    patience: Duration,
    stop: CancellationToken,
    runtime: Handle,
}

impl Write for Chunks {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(buf);
        if self.pending.len() >= CHUNK {
            self.flush()?;
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK));
        let ended = |reason: &str| Err(io::Error::new(io::ErrorKind::BrokenPipe, reason.to_owned()));
        let handing_on = tokio::time::timeout(self.patience, self.sender.send(Ok(chunk.into())));
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => ended("the server stops"),
                sent = handing_on => match sent {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) => ended("the client is gone"),
                    Err(_) => ended("the client does not read"),
                },
            }
        })
    }
}
