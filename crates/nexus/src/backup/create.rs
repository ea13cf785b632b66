use std::{
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use indicatif::ProgressBar;
use nexus_core::ports::Clock as _;
use nexus_log::{LogEventStore, LogOptions, OpenError, ReadOnlyStorage, verify_on};
use nexus_runtime::SystemClock;
use tokio::sync::mpsc;

use super::{archive::unpack, manifest::Manifest, source::Source, target::NewDirectory};
use crate::{Client, Failure, client::Answer, client::Request, data_dir::DataDir};

/// How long a server may be silent while it sends a backup.
const SILENCE: Duration = Duration::from_mins(1);

/// Makes a backup of a data directory that no server has open.
pub(crate) fn from_data(data: &Path, to: &Path, bar: &ProgressBar) -> Result<Manifest, Failure> {
    let mut target = NewDirectory::new(to, bar.clone())?;
    let data = DataDir::existing(data)?;
    let log = LogEventStore::open(data.log(), LogOptions::default(), Arc::new(SystemClock)).map_err(unopened)?;
    let source = Source::new(&data, &log, SystemClock.now()).map_err(Failure::refused)?;
    bar.set_length(source.bytes());
    let manifest = source.copy_to(&mut target).map_err(|error| interrupted(to, &error))?;
    complete(&target, manifest)
}

/// Makes a backup of a running server, which goes on serving meanwhile.
pub(crate) async fn from_server(client: &Client, to: &Path, bar: &ProgressBar) -> Result<Manifest, Failure> {
    let mut target = NewDirectory::new(to, bar.clone())?;
    let request = Request { path: "/api/backup", query: &[], headers: &[], body: None };
    let response = client.start_long(request).await?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        let body = response.json().await.unwrap_or(serde_json::Value::Null);
        return Err(Answer { status, headers: Default::default(), body }.failure());
    }
    let (sender, received) = mpsc::channel(4);
    let sending = tokio::spawn(pass_on(response, sender));
    let shown = to.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        let mut arriving = Arriving { received, rest: Bytes::new() };
        let manifest = unpack(&mut arriving, &mut target).map_err(|error| interrupted(&shown, &error))?;
        complete(&target, manifest)
    });
    let outcome = written.await.map_err(|error| Failure::usage(format_args!("the backup broke off: {error}")))?;
    sending.abort();
    outcome
}

/// Verifies what was written and makes a backup of it by its manifest.
fn complete(target: &NewDirectory, manifest: Manifest) -> Result<Manifest, Failure> {
    let shown = target.path().display();
    let found = verify_on(&ReadOnlyStorage, &target.path().join(DataDir::LOG)).map_err(Failure::usage)?;
    if let Some(damage) = found.damage.first() {
        let problem = format!("the log is damaged, so this is no backup: {damage}");
        return Err(Failure::refused(problem)
            .hint(format_args!("what could be read is in {shown}, without a manifest; restore an earlier backup")));
    }
    if (found.head.get(), found.hash.to_string()) != (manifest.position, manifest.hash.clone()) {
        return Err(Failure::refused(format_args!("the copy of the log in {shown} does not end where the log did"))
            .hint("remove it and run `backup create` again"));
    }
    target.finish(&manifest).map_err(|error| interrupted(target.path(), &error))?;
    Ok(manifest)
}

fn unopened(error: OpenError) -> Failure {
    match error {
        OpenError::Locked { .. } => Failure::usage("a server has this data directory open")
            .hint("name the server instead, which need not stop for it: --server URL without --data"),
        OpenError::Corrupt(_) => {
            Failure::refused(&error).hint("restore an earlier backup; this log cannot become a sound one")
        }
        error => Failure::usage(error),
    }
}

fn interrupted(to: &Path, error: &io::Error) -> Failure {
    let problem = format!("the backup in {} is not complete: {error}", to.display());
    Failure::usage(problem).hint("remove the directory and run `backup create` again")
}

/// Hands the chunks of a response on until it ends or nobody takes them.
async fn pass_on(mut response: reqwest::Response, sender: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let chunk = match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(chunk))) => Ok(chunk),
            Ok(Ok(None)) => return,
            Ok(Err(error)) => Err(io::Error::other(format!("the connection broke off: {error}"))),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the server fell silent")),
        };
        let last = chunk.is_err();
        if sender.send(chunk).await.is_err() || last {
            return;
        }
    }
}

/// Reads, outside the asynchronous runtime, what arrives inside it.
struct Arriving {
    received: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.received.blocking_recv() {
                Some(chunk) => self.rest = chunk?,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buf.len());
        self.rest.copy_to_slice(buf.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
