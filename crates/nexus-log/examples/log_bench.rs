//! Measures the log beside the bare device, in one run: `cargo run --release -p nexus-log --example log_bench [dir] [seconds]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring program prints, and stops at the first surprise"
)]

use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nexus_core::{
    Admission, Admitted, ExpectedVersion, Json, NewEvent, Timestamp,
    admission::AdmissionContext,
    ports::{Clock, EventStore, LogRead, StreamRead},
};
use nexus_log::{LogEventStore, LogOptions};
use nexus_testkit::fixture::{
    actor, at_once, event_id, event_type, part_of, permissive_admission, proposal_of, request_context, stream_id,
};

/// About 380 bytes, half of it hard to compress, as in the measurements the design rests on.
fn payload(number: u64) -> Json {
    let noise: String = (0..6)
        .map(|part| format!("{:016x}", (number + part).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)))
        .collect();
    Json::from_value(&serde_json::json!({
        "orderId": format!("order-{number}"), "customer": "customer-1042", "currency": "EUR", "amount": 129.95,
        "lines": [{"sku": "SKU-1", "quantity": 2, "price": 49.5}, {"sku": "SKU-2", "quantity": 1, "price": 30.95}],
        "address": {"street": "Main Street 1", "city": "Springfield", "country": "GB"}, "noise": noise,
    }))
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap()).unwrap()
    }
}

struct Load {
    admission: Admission,
    payload: Json,
}

impl Load {
    fn batch(&self, stream: &str, count: usize) -> Admitted {
        let kind = event_type("OrderPlaced");
        let events = (0..count).map(|_| NewEvent {
            event_id: event_id(),
            event_type: kind.clone(),
            payload: self.payload.clone(),
            metadata: nexus_core::Metadata::default(),
        });
        let context = AdmissionContext {
            actor: &actor(),
            decision_id: nexus_core::DecisionId::from_uuid(*event_id().as_uuid()),
            request: &request_context(),
        };
        let proposal = proposal_of([part_of(stream, ExpectedVersion::Any, events)]);
        at_once(self.admission.admit(proposal, context)).unwrap().unwrap()
    }
}

struct Row {
    what: String,
    events: u64,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn print(mut self) -> f64 {
        self.latencies.sort_unstable();
        let at = |share: usize| self.latencies[(self.latencies.len() * share / 1000).min(self.latencies.len() - 1)];
        let rate = self.events as f64 / self.elapsed.as_secs_f64();
        println!("| {:44} | {rate:>10.0} | {:>8} | {:>8} |", self.what, at(500).as_micros(), at(990).as_micros());
        rate
    }
}

/// One write and one flush per group, into a file of zeros, as fast as it goes.
fn bare(dir: &Path, bytes: usize, events: u64, seconds: u64) -> Row {
    let path = dir.join("bare");
    let file = OpenOptions::new().create(true).truncate(true).write(true).read(true).open(&path).unwrap();
    let size = 256 << 20;
    for at in (0..size).step_by(1 << 20) {
        file.write_all_at(&vec![0; 1 << 20], at).unwrap();
    }
    file.sync_all().unwrap();
    let data = vec![7_u8; bytes];
    let (mut at, mut done, mut latencies) = (0, 0, Vec::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let begin = Instant::now();
        file.write_all_at(&data, at).unwrap();
        file.sync_data().unwrap();
        latencies.push(begin.elapsed());
        at = (at + bytes as u64) % (size - bytes as u64);
        done += events;
    }
    let elapsed = start.elapsed();
    std::fs::remove_file(&path).unwrap();
    let what = format!("bare write + fdatasync, {events} events");
    Row { what, events: done, elapsed, latencies }
}

async fn log(store: &Arc<LogEventStore>, producers: usize, count: usize, seconds: u64) -> Row {
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let before = store.head();
    let start = Instant::now();
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (store, latencies) = (Arc::clone(store), Arc::clone(&latencies));
            tokio::spawn(async move {
                let load = Load { admission: permissive_admission(), payload: payload(producer as u64) };
                let mut own = Vec::new();
                let mut round = 0;
                while start.elapsed() < Duration::from_secs(seconds) {
                    let batch = load.batch(&format!("order-{producer}-{}", round % 1000), count);
                    let begin = Instant::now();
                    store.append(batch).await.unwrap();
                    own.push(begin.elapsed());
                    round += 1;
                }
                latencies.lock().unwrap().extend(own);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let latencies = std::mem::take(&mut *latencies.lock().unwrap());
    Row {
        what: format!("log, {producers} producers, batches of {count}"),
        events: store.head().since(before),
        elapsed: start.elapsed(),
        latencies,
    }
}

async fn reads(store: &Arc<LogEventStore>, seconds: u64) {
    let (mut events, mut latencies, mut from) = (0, Vec::new(), nexus_core::Position::START);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let begin = Instant::now();
        let page = store.read_log(LogRead { from, limit: 1000, ..LogRead::default() }).await.unwrap();
        latencies.push(begin.elapsed());
        events += page.events.len() as u64;
        from = if page.events.is_empty() { nexus_core::Position::START } else { page.next };
    }
    let elapsed = start.elapsed();
    Row { what: "read the log, pages of 1000".to_owned(), events, elapsed, latencies }.print();
    let (mut streams, mut latencies) = (0_u64, Vec::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let stream = stream_id(&format!("order-{}-{}", streams % 64, streams % 997));
        let begin = Instant::now();
        let page = store.read_stream(StreamRead::all(stream, 10)).await.unwrap();
        latencies.push(begin.elapsed());
        streams += u64::from(!page.events.is_empty());
    }
    let elapsed = start.elapsed();
    Row { what: "read streams of up to 10 events (streams/s)".to_owned(), events: streams, elapsed, latencies }.print();
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("nexus-log-bench");
    let seconds = arguments.next().map_or(3, |seconds| seconds.parse().unwrap());
    std::fs::create_dir_all(&dir).unwrap();
    let store = LogEventStore::open(dir.join("data"), LogOptions::default(), Arc::new(SystemClock)).unwrap();
    let store = Arc::new(store);
    let frame = 700;
    println!("| {:44} | {:>10} | {:>8} | {:>8} |", "what", "events/s", "p50 µs", "p99 µs");
    println!("| {:-<44} | {:->10} | {:->8} | {:->8} |", "", ":", ":", ":");
    bare(&dir, frame, 1, seconds).print();
    log(&store, 1, 1, seconds).await.print();
    let bare_group = bare(&dir, 32 * frame, 32, seconds).print();
    let grouped = log(&store, 64, 1, seconds).await.print();
    for count in [100, 1000] {
        bare(&dir, count * frame, count as u64, seconds).print();
        log(&store, 1, count, seconds).await.print();
    }
    reads(&store, seconds).await;
    println!("64 producers reach {:.0} % of a bare log of groups of 32", 100.0 * grouped / bare_group);
    store.close();
    std::fs::remove_dir_all(&dir).unwrap();
}
