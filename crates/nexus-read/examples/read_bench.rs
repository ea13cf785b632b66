//! Figures of the read store on this machine: `cargo run --release -p nexus-read --example read_bench [rows] [directory]`.
//!
//! Rows are orders of nine fields with ids in random order (the worst case) or in the order of time.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a program for a person")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_core::{
    DecisionId, Digest, EventId, Position, StreamId, Text, Timestamp, Version,
    ports::{
        Column, ColumnKind, Filter, FilterOp, IdempotencyIndex as _, IdempotencyRecord, ReadStore as _, ResourceSpec,
        ResourceStore, RowChange, RowQuery, SortKey,
    },
};
use nexus_read::{SqliteIdempotencyIndex, SqliteReadStore};
use serde_json::{Value, json};
use uuid::Uuid;

const BATCH: u64 = 500;

/// A bijection on 64 bits (the finaliser of SplitMix64): numbers that look random without a generator.
fn scatter(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn key(number: u64, random: bool) -> String {
    let head = if random { scatter(number) } else { number };
    Uuid::from_u64_pair(head, scatter(number)).to_string()
}

fn row(number: u64, random: bool) -> RowChange {
    let noise = scatter(number ^ 0xABCD);
    let elsewhere = if noise % 100 > 91 { noise / 100 % 3 + 1 } else { 0 };
    let country = ["United Kingdom", "Germany", "France", "EIRE"][usize::try_from(elsewhere).unwrap()];
    let status = ["placed", "partially-cancelled", "cancelled"][usize::try_from(noise % 3).unwrap()];
    let row = json!({
        "id": key(number, random),
        "customerId": format!("customer-{}", noise % 5_000),
        "country": country,
        "status": status,
        "lineCount": noise % 30,
        "totalMinor": noise % 1_000_000,
        "cancelledMinor": 0,
        "placedAt": Timestamp::from_micros(i64::try_from(number * 1_000_000).unwrap()).unwrap().to_string(),
        "lines": [{ "productId": "85123A", "quantity": noise % 12, "unitPriceMinor": 255 }],
    });
    match row {
        Value::Object(row) => RowChange::Put(row),
        _ => unreachable!("an object"),
    }
}

fn open(store: &SqliteReadStore, name: &str) -> Arc<dyn ResourceStore> {
    use ColumnKind::{Integer, Json, Text};
    let kinds = [
        ("id", Text),
        ("customerId", Text),
        ("country", Text),
        ("status", Text),
        ("lineCount", Integer),
        ("totalMinor", Integer),
        ("cancelledMinor", Integer),
        ("placedAt", Text),
        ("lines", Json),
    ];
    let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
    let spec = ResourceSpec { name: name.to_owned(), key: "id".to_owned(), columns: kinds.map(column).to_vec() };
    store.open(spec).unwrap()
}

/// Runs `work` so many times and prints the percentiles; answers nothing, the table is the answer.
fn measure(what: &str, times: u64, mut work: impl FnMut(u64)) {
    let mut taken: Vec<Duration> = (0..times)
        .map(|round| {
            let start = Instant::now();
            work(round);
            start.elapsed()
        })
        .collect();
    taken.sort();
    let at = |per_mille: usize| taken[(taken.len() * per_mille / 1000).min(taken.len() - 1)].as_secs_f64() * 1e6;
    println!("{what:<52} p50 {:>9.1} µs  p99 {:>9.1} µs  max {:>9.1} µs", at(500), at(990), at(1000));
}

/// Commits rows in batches; the rows are made beforehand and not counted.
fn load(what: &str, resource: &dyn ResourceStore, numbers: std::ops::Range<u64>, random: bool) {
    let count = numbers.end - numbers.start;
    let rows: Vec<RowChange> = numbers.map(|number| row(number, random)).collect();
    let start = Instant::now();
    for (batch, position) in rows.chunks(usize::try_from(BATCH).unwrap()).zip(1..) {
        resource.commit(batch, Position::new(position * BATCH)).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = count as f64 / seconds;
    println!("{what:<52} {rate:>9.0} rows/s ({seconds:.2} s)");
}

fn query(sort: &str, filter: Option<(&str, FilterOp, Value)>) -> RowQuery {
    let key =
        |field: &str| SortKey { field: field.trim_start_matches('-').to_owned(), descending: field.starts_with('-') };
    RowQuery {
        filters: filter
            .into_iter()
            .map(|(field, op, value)| Filter { field: field.to_owned(), op, values: vec![value] })
            .collect(),
        sort: sort.split(',').filter(|field| !field.is_empty()).map(key).collect(),
        limit: 20,
        after: None,
    }
}

fn lists(resource: &dyn ResourceStore, rows: u64) {
    let first = Instant::now();
    resource.list(&query("-placedAt", None)).unwrap();
    println!("{:<52} {:>12.1} ms", "first list by -placedAt (makes its index)", first.elapsed().as_secs_f64() * 1e3);
    let eq = |field, value: &str| Some((field, FilterOp::Eq, json!(value)));
    for (what, query) in [
        ("list by key", query("", None)),
        ("list by -placedAt", query("-placedAt", None)),
        ("list by status,-totalMinor", query("status,-totalMinor", None)),
        ("list of one customer by -placedAt", query("-placedAt", eq("customerId", "customer-77"))),
        ("list of status=placed by -placedAt", query("-placedAt", eq("status", "placed"))),
        ("list of country=United Kingdom by -placedAt", query("-placedAt", eq("country", "United Kingdom"))),
        (
            "list of totalMinor >= 990000 by -placedAt",
            query("-placedAt", Some(("totalMinor", FilterOp::Gte, json!(990_000)))),
        ),
    ] {
        resource.list(&query).unwrap();
        measure(what, 300, |_| {
            resource.list(&query).unwrap();
        });
    }
    for sort in ["-placedAt", "status,-totalMinor"] {
        let mut query = query(sort, None);
        let probes: Vec<_> = (0..300)
            .map(|round| {
                let number = scatter(round) % rows;
                let row = resource.get(&key(number, true)).unwrap().unwrap();
                let fields = query.sort.iter().map(|key| key.field.as_str()).chain(["id"]);
                fields.map(|field| row[field].clone()).collect::<Vec<_>>()
            })
            .collect();
        measure(&format!("deep page by {sort}"), 300, |round| {
            query.after = Some(probes[usize::try_from(round).unwrap()].clone());
            resource.list(&query).unwrap();
        });
    }
}

fn idempotency(dir: &Path, records: u64) {
    let index = SqliteIdempotencyIndex::open(dir).unwrap();
    let record = |number: u64| IdempotencyRecord {
        key: Text::from(format!("user-1:{}", key(number, true))),
        request: Digest::from_bytes([7; 32]),
        stream: StreamId::new(key(number, false)).unwrap(),
        version: Version::new(1),
        event_ids: vec![EventId::from_uuid(Uuid::from_u64_pair(number, 1)); 2],
        position: Position::new(number),
        decision_id: DecisionId::from_uuid(Uuid::from_u64_pair(number, 2)),
        recorded_at: Timestamp::from_micros(i64::try_from(number).unwrap()).unwrap(),
    };
    let all: Vec<_> = (0..records).map(record).collect();
    let start = Instant::now();
    for batch in all.chunks(100) {
        index.commit(batch, Position::new(1)).unwrap();
    }
    println!(
        "{:<52} {:>12.1} ms",
        format!("idempotency: {records} records in batches of 100"),
        start.elapsed().as_secs_f64() * 1e3
    );
    measure("idempotency: find", 20_000, |round| {
        index.find(&all[usize::try_from(scatter(round) % records).unwrap()].key).unwrap().unwrap();
    });
    measure("idempotency: find, unknown key", 20_000, |round| {
        assert!(index.find(&format!("user-2:{round}")).unwrap().is_none());
    });
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let dir = arguments.next().map_or_else(|| temporary.path().to_owned(), Into::into);
    let store = SqliteReadStore::open(&dir).unwrap();
    println!("{rows} rows of nine fields, batches of {BATCH}");
    load("insert, ids in order of time", &*open(&store, "ordered"), 0..rows, false);
    let resource = open(&store, "random");
    load("insert, random ids", &*resource, 0..rows, true);
    load("replace each, random ids", &*resource, 0..rows, true);
    measure("get", 20_000, |round| {
        resource.get(&key(scatter(round) % rows, true)).unwrap().unwrap();
    });
    measure("commit of one row", 5_000, |round| {
        resource.commit(&[row(scatter(round) % rows, true)], Position::new(round)).unwrap();
    });
    lists(&*resource, rows);
    load("replace each, with the indexes of those queries", &*resource, 0..rows, true);
    for sort in ["customerId", "country", "status", "lineCount", "totalMinor", "cancelledMinor", "placedAt"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            resource.list(&query(&sort, None)).unwrap();
        }
    }
    load("insert, random ids, every field indexed both ways", &*resource, rows..rows * 2, true);
    load("replace each, every field indexed both ways", &*resource, rows..rows * 2, true);
    idempotency(&dir, rows);
}
