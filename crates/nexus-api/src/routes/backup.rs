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
    request::{Caller, Lifeline, Params},
    state::Api,
};

/// Bytes handed on at once.
const CHUNK: usize = 256 * 1024;

/// Streams a backup of the whole data directory: the log up to now and its keys.
///
/// The answer is a tar archive; unpacked into a directory it is a backup for `backup verify` and `backup restore`. Its
/// last entry, `manifest.json`, is there only when the backup is complete. Nobody who writes waits for it. It holds
/// every event and the server's keys, so policy decides who gets it: action `backup` of kind `admin`. When the token is
/// revoked or expires before the end, the connection is cut.
#[utoipa::path(
    get,
    path = "/api/backup",
    tag = "operations",
    responses((status = 200, description = "The archive.", content((Vec<u8> = "application/x-tar"))))
)]
pub(crate) async fn backup_archive(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let Some(source) = api.config.backups.clone() else {
        return Err(Problem::new(Code::NotFound, "this server offers no backups"));
    };
    let (sender, received) = mpsc::channel(4);
    let lifeline = caller.lifeline(&api);
    let out = Chunks {
        sender,
        pending: Vec::new(),
        patience: api.config.feed_patience,
        stop: api.node.stopping().clone(),
        lifeline: lifeline.clone(),
        runtime: Handle::current(),
    };
    tokio::task::spawn_blocking(move || write_archive(&*source, out));
    let mut response = Response::new(archive(received, lifeline));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"nexus-backup.tar\""));
    Ok(response)
}

/// What goes from whoever writes the archive to whoever sends it.
enum Piece {
    Bytes(Bytes),
    /// That was all of it.
    Whole,
}

/// The archive as a body. One that is not whole ends with an error, and so does one whose token is over: the connection is
/// cut, and nobody takes what arrived for a backup.
fn archive(received: mpsc::Receiver<Piece>, lifeline: Lifeline) -> Body {
    Body::from_stream(stream::unfold(Some((received, lifeline)), |state| async move {
        let (mut received, lifeline) = state?;
        let piece = tokio::select! {
            biased;
            () = lifeline.end() => None,
            piece = received.recv() => piece,
        };
        match piece {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some((received, lifeline)))),
            Some(Piece::Whole) => None,
            None => Some((Err(io::Error::new(io::ErrorKind::BrokenPipe, "the backup broke off")), None)),
        }
    }))
}

/// Writes the archive into the channel, and says at the end that it is whole.
fn write_archive(source: &dyn BackupSource, mut out: Chunks) {
    let written = source.write_to(&mut out).and_then(|()| out.flush()).and_then(|()| out.send(Piece::Whole));
    let Err(error) = written else { return };
    if !out.lifeline.holds() {
        tracing::info!("a backup ended with the token it was asked for with");
    } else if out.sender.is_closed() {
        tracing::info!("the client of a backup left before its end");
    } else {
        tracing::error!(%error, "a backup broke off");
    }
}

/// Collects what is written into chunks for a channel, and waits for a client that reads slowly, but not for ever.
struct Chunks {
    sender: mpsc::Sender<Piece>,
    pending: Vec<u8>,
    /// How long the client may take to make room for one chunk.
    patience: Duration,
    stop: CancellationToken,
    lifeline: Lifeline,
    runtime: Handle,
}

impl Chunks {
    fn send(&self, piece: Piece) -> io::Result<()> {
        let ended = |reason: &str| Err(io::Error::new(io::ErrorKind::BrokenPipe, reason.to_owned()));
        let handing_on = tokio::time::timeout(self.patience, self.sender.send(piece));
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => ended("the server stops"),
                () = self.lifeline.end() => ended("the token is over"),
                sent = handing_on => match sent {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) => ended("the client is gone"),
                    Err(_) => ended("the client does not read"),
                },
            }
        })
    }
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
        self.send(Piece::Bytes(chunk.into()))
    }
}
