//! The same data directory under one version of a domain after the other; the domain is `examples/upcasting.rs`.

use std::{collections::BTreeMap, path::Path};

use nexus_e2e::{Finished, Server, run_program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program, which `cargo test` builds beside this one.
pub(crate) fn program() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().join("examples").join(format!("upcasting{}", std::env::consts::EXE_SUFFIX))
}

pub(crate) fn serve(version: &str, data: &Path) -> Server {
    Server::start_program(&program(), &[version, "dev", "--random-ports", "--data", data.to_str().unwrap()])
}

/// A start that is expected to fail.
fn refused(version: &str, data: &Path) -> Finished {
    run_program(&program(), &[version, "dev", "--random-ports", "--data", data.to_str().unwrap()])
}

pub(crate) fn place(server: &Server, id: &str, customer: &str, total: u64) {
    let command = json!({ "aggregateId": id, "customer": customer, "total": total });
    let answer = server.http().post("/api/commands/PlaceOrder", &command);
    assert_eq!(answer.status, 202, "{}", answer.body);
}

fn placed(server: &Server) -> Vec<Value> {
    let events = server.http().events().into_iter();
    events.filter(|event| event["eventType"] == "OrderPlaced").collect()
}

/// Every file of the log that holds events, with its bytes up to the end of what is written now.
fn log_bytes(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(data.join("log/log")).unwrap().map(|entry| entry.unwrap().path());
    let segments = files.filter(|path| path.extension().is_some_and(|extension| extension == "nxlog"));
    segments
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn a_breaking_change_without_an_upcaster_does_not_start_and_says_why() {
    let data = TempDir::new().unwrap();
    let first = serve("first", data.path());
    place(&first, "order-1", "Ann Lee", 1255);
    assert_eq!(first.stop("-TERM"), Some(0));

    let ended = refused("broken", data.path());
    assert_eq!(ended.code, Some(4), "{ended:?}");
    for part in ["`OrderPlaced`", "against version 1", "firstName", "for example: {", "with an upcaster"] {
        assert!(ended.stderr.contains(part), "lacks {part:?}: {}", ended.stderr);
    }
    // Nothing of it stayed behind: the first version goes on.
    let again = serve("first", data.path());
    place(&again, "order-2", "Bo Ek", 5);
    assert_eq!(placed(&again).len(), 2);
}

#[test]
fn a_proven_upcaster_lets_the_new_version_through_and_old_orders_replay() {
    let data = TempDir::new().unwrap();
    let first = serve("first", data.path());
    place(&first, "order-1", "Ann Lee", 1255);
    place(&first, "order-2", "Cher", 5);
    let before = placed(&first);
    assert_eq!(first.stop("-TERM"), Some(0));
    let bytes = log_bytes(data.path());
    assert!(!bytes.is_empty() && bytes.values().all(|bytes| !bytes.is_empty()), "{:?}", bytes.keys());

    let second = serve("second", data.path());
    // The projection reads events of both versions.
    let command = json!({ "aggregateId": "order-3", "customer": "Di Fox", "total": 9, "currency": "EUR" });
    assert_eq!(second.http().post("/api/commands/PlaceOrder", &command).status, 202);
    let mut rows = second.http().all("orders");
    rows.sort_by_key(|row| row["id"].to_string());
    let row = |id: &str, last: &str, total: u64, currency: &str| json!({ "id": id, "lastName": last, "totalMinor": total, "currency": currency });
    let expected = [row("order-1", "Lee", 1255, "GBP"), row("order-2", "", 5, "GBP"), row("order-3", "Fox", 9, "EUR")];
    assert_eq!(rows, expected);
    // The aggregate folds its old events.
    let confirmed = second.http().post("/api/commands/ConfirmOrder", &json!({ "aggregateId": "order-1" }));
    assert_eq!(confirmed.status, 202, "{}", confirmed.body);
    let events = second.http().get("/api/streams/order-1/events").body;
    assert_eq!(events["events"][1]["payload"], json!({ "total": 1255 }));

    // Raw reads show what was stored, under the version it was stored with.
    let after = placed(&second);
    assert_eq!(after[..2], before[..]);
    assert_eq!(after[0]["payload"], json!({ "customer": "Ann Lee", "total": 1255 }));
    let versions: Vec<_> = after.iter().map(|event| event["metadata"]["schemaVersion"].clone()).collect();
    assert_eq!(versions, [1, 1, 2]);
    assert_eq!(second.stop("-TERM"), Some(0));
    // And the bytes that were there are the bytes that are there.
    let later = log_bytes(data.path());
    for (name, bytes) in bytes {
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        assert_eq!(later[&name].get(..written), bytes.get(..written), "{name} was changed");
    }

    // An application that was rolled back does not read what it does not know.
    let rolled_back = serve("first", data.path());
    let old = rolled_back.http().post("/api/commands/ConfirmOrder", &json!({ "aggregateId": "order-2" }));
    assert_eq!(old.status, 202, "{}", old.body);
    let new = rolled_back.http().post("/api/commands/ConfirmOrder", &json!({ "aggregateId": "order-3" }));
    assert_eq!((new.status, new.code()), (500, "UPCAST_FAILED"), "{}", new.body);
    // What it decides goes on under the version it was written for.
    place(&rolled_back, "order-4", "Gus Hall", 7);
    assert_eq!(placed(&rolled_back).last().unwrap()["metadata"]["schemaVersion"], 1);
}

#[test]
fn an_upcaster_that_fails_on_one_stored_event_is_refused_with_the_place_of_that_event() {
    let data = TempDir::new().unwrap();
    let first = serve("first", data.path());
    place(&first, "order-1", "Ann Lee", 1255);
    place(&first, "order-2", "Cher", 5);
    place(&first, "order-3", "Bo Ek", 5);
    let position = placed(&first)[1]["position"].clone();
    assert_eq!(first.stop("-TERM"), Some(0));

    let ended = refused("hasty", data.path());
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let place = format!("position {position}");
    for part in ["1 of 3 stored events fail", "`order-2`", "schema version 1", &place, "lastName"] {
        assert!(ended.stderr.contains(part), "lacks {part:?}: {}", ended.stderr);
    }
}

#[test]
fn a_fresh_log_numbers_the_schema_as_the_application_does() {
    let data = TempDir::new().unwrap();
    let second = serve("second", data.path());
    let schema = second.http().get("/api/schemas/OrderPlaced/versions/latest").body;
    assert_eq!(schema["version"], 2, "{schema}");
}
