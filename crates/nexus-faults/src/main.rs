//! Appends to a log from several writers until it is killed, and notes every acknowledgement outside of the log.
//!
//! `nexus-faults DIR ACKS FIRST`: the data directory, the file that acknowledgements are added to, and the number that
//! the appends of each writer begin with. A line of the file is the writer, the number of its append and the positions
//! of its first and last event. Prints `ready` once the log is open.
//!
//! **What belongs here:** what must be a process of its own so that tests can kill it. **What does not:** the tests,
//! which are in `tests/it`; its `main.rs` is where to read on.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tests listen to its standard streams")]

use std::{
    error::Error,
    fs::{File, OpenOptions},
    io::Write,
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use nexus_core::{
    ExpectedVersion, Timestamp,
    ports::{Clock, EventStore},
};
use nexus_log::{LogEventStore, LogOptions};
use nexus_testkit::fixture::{admitted, new_event, part_of, proposal_of};
use serde_json::json;

const WRITERS: u64 = 8;

/// The time of the machine.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).ok().and_then(Timestamp::from_micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let error = match run().await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: nexus-faults DIR ACKS FIRST");
    let (dir, acks, first) = (next()?, next()?, next()?.parse()?);
    let options = LogOptions { segment_bytes: 256 << 10, initial_bytes: 64 << 10, ..LogOptions::default() };
    let store = Arc::new(LogEventStore::open(dir, options, Arc::new(SystemClock))?);
    println!("ready");
    let acks = Arc::new(OpenOptions::new().create(true).append(true).open(acks)?);
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&store), Arc::clone(&acks), writer, first)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    Ok(())
}

/// Appends for ever: single events, batches, and appends to two streams.
async fn write(
    store: Arc<LogEventStore>,
    acks: Arc<File>,
    writer: u64,
    first: u64,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    for number in first.. {
        let count = if number % 2 == 0 { 1 } else { 2 + (number + writer) % 5 };
        let streams = if number % 3 == 0 { 2 } else { 1 };
        let event = |index: u64| {
            let (of, text) = (count * streams, "x".repeat(usize::try_from(number % 200).unwrap_or(0)));
            let payload = json!({ "writer": writer, "number": number, "index": index, "of": of, "text": text });
            new_event("OrderPlaced", &payload)
        };
        let parts = (0..streams).map(|part| {
            let stream = format!("order-{}", (writer + number + part) % 11);
            part_of(&stream, ExpectedVersion::Any, (part * count..(part + 1) * count).map(event))
        });
        let appended = store.append(admitted(proposal_of(parts))).await?;
        let line = format!("{writer} {number} {} {}\n", appended.first_position, appended.position);
        // One system call, so that a kill leaves the line whole or absent.
        (&*acks).write_all(line.as_bytes())?;
    }
    Ok(())
}
