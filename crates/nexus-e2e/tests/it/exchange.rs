//! Events exported from one server and imported into another.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nexus_e2e::{Finished, Server, binary};
use serde_json::{Value, json};
use tempfile::TempDir;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn document(ended: &Finished) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// A server with orders of all kinds, some of them cancelled, and payloads and metadata of unusual form.
fn source() -> Server {
    let server = Server::dev(&[]);
    let http = server.http();
    for number in 0..12 {
        let id = format!("order/{number} ü");
        let order = json!({ "aggregateId": id, "customerId": "17850", "country": "France",
            "lines": [{ "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 }] });
        assert_eq!(http.post("/api/commands/PlaceOrder", &order).status, 202);
        if number % 3 == 0 {
            let cancel = json!({ "aggregateId": id, "payload": { "items": [{ "line": 1, "quantity": 2 }] } });
            let headers = [("x-causation-id", "cause-7"), ("x-correlation-id", "talk-7")];
            let body = cancel.to_string();
            let answer = http.request("POST", "/api/commands/CancelItems", &headers, Some(body.as_bytes()));
            assert_eq!(answer.status, 202, "{}", answer.body);
        }
    }
    // Line breaks and spaces in a payload are part of it; metadata may hold what the platform does not know.
    let odd = "{\"aggregateType\":\"Order\",\"expectedVersion\":\"none\",\"events\":[{\"eventType\":\"OrderCancelled\",
        \"payload\":{\n  \"amountMinor\" :  0,\r\n\t\"reason\": \"\\u00fc \\\"quoted\\\"\" },
        \"metadata\":{\"tenant\":{\"id\":7},\"correlationId\":\"c-1\",
        \"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}}]}";
    let answer = http.request("POST", "/api/streams/odd/events", &[], Some(odd.as_bytes()));
    assert_eq!(answer.status, 201, "{}", answer.body);
    server
}

fn export(server: &Server, dir: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let file = dir.path().join(name);
    let ended = server.cli(&[&["stream", "export", "--out", text(&file), "-o", "json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = fs::read_to_string(&file).unwrap().lines().count();
    assert_eq!(document(&ended)["events"], lines);
    file
}

fn import(server: &Server, file: &Path) -> Finished {
    server.cli(&["stream", "import", text(file), "-o", "json"])
}

/// The events that are not the platform's own, without what belongs to one log: position, time, receipt, hash.
fn portable(server: &Server) -> Vec<Value> {
    let own = |event: &Value| event["aggregateId"].as_str().unwrap().starts_with('$');
    let events = server.http().events().into_iter().filter(|event| !own(event));
    let bare = |mut event: Value| {
        let members = event.as_object_mut().unwrap();
        for name in ["position", "timestamp", "receipt", "hash"] {
            members.remove(name).unwrap();
        }
        let metadata = members["metadata"].as_object_mut().unwrap();
        metadata.remove("origin");
        event
    };
    events.map(bare).collect()
}

/// The payload of the last event as the bytes the server sends.
fn raw_payload(server: &Server) -> String {
    let id = server.http().events().last().unwrap()["eventId"].as_str().unwrap().to_owned();
    let mut client = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    client.write_all(format!("GET /api/events/{id} HTTP/1.0\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let from = answer.find("\"payload\":").unwrap();
    let to = answer.find(",\"metadata\":").unwrap();
    answer[from..to].to_owned()
}

#[test]
fn an_export_imported_into_an_empty_server_gives_the_same_events_in_the_same_order_and_the_same_rows() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let file = export(&from, &dir, "all.jsonl", &["--all"]);
    let imported = import(&to, &file);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let (events, originals) = (portable(&to), portable(&from));
    assert_eq!(originals.len(), 12 + 4 + 1);
    assert_eq!(events, originals, "ids, types, streams, versions, payloads, metadata");
    assert_eq!(raw_payload(&to), raw_payload(&from), "payloads to the byte, line breaks included");
    assert!(raw_payload(&to).contains("{\n  \"amountMinor\" :  0,\r\n\t"));
    assert_eq!(to.http().all("orders"), from.http().all("orders"));
    let totals = document(&imported);
    assert_eq!((totals["stored"].as_u64(), totals["known"].as_u64()), (Some(17), Some(0)));
    let own = from.http().events().len() - 17;
    assert_eq!(totals["system"], own, "the platform's own streams are left out, and counted");
}

#[test]
fn what_cannot_be_kept_is_noted_with_each_event() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    assert_eq!(import(&to, &export(&from, &dir, "all.jsonl", &["--all"])).code, Some(0));
    let originals = from.http().events();
    for event in to.http().events().iter().filter(|event| !event["aggregateId"].as_str().unwrap().starts_with('$')) {
        let original = originals.iter().find(|original| original["eventId"] == event["eventId"]).unwrap();
        let origin = &event["metadata"]["origin"];
        assert_eq!(origin["position"], original["position"]);
        assert_eq!(origin["time"], original["timestamp"]);
        assert_eq!(origin["userId"], original["metadata"]["userId"]);
        assert!(origin["source"].as_str().unwrap().starts_with("urn:nexus:"), "{origin}");
        assert!(event["receipt"]["decisionId"] != original["receipt"]["decisionId"], "it was judged anew");
    }
    // Moved once more, the first origin stays.
    let third = Server::dev(&[]);
    assert_eq!(import(&third, &export(&to, &dir, "again.jsonl", &["--all"])).code, Some(0));
    let origins = |server: &Server| -> Vec<Value> {
        server
            .http()
            .events()
            .iter()
            .map(|event| event["metadata"]["origin"].clone())
            .filter(Value::is_object)
            .collect()
    };
    assert_eq!(origins(&third), origins(&to));
}

#[test]
fn importing_again_writes_nothing_and_an_import_that_broke_off_is_completed() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let file = export(&from, &dir, "all.jsonl", &["--all"]);
    let whole = fs::read_to_string(&file).unwrap();
    let part = dir.path().join("part.jsonl");
    // As an import that was stopped after some events leaves it: in the middle of what is one batch otherwise.
    let lines: Vec<&str> = whole.lines().collect();
    fs::write(&part, lines[..lines.len() - 6].join("\n")).unwrap();
    assert_eq!(import(&to, &part).code, Some(0));
    let rest = document(&import(&to, &file));
    assert_eq!((rest["stored"].as_u64(), rest["known"].as_u64()), (Some(6), Some(11)), "{rest}");
    assert_eq!(portable(&to), portable(&from));
    let head = to.http().head();
    for target in [&to, &from] {
        let before = target.http().head();
        let again = document(&import(target, &file));
        assert_eq!((again["stored"].as_u64(), again["known"].as_u64()), (Some(0), Some(17)), "{again}");
        assert_eq!(target.http().head(), before);
    }
    assert_eq!(to.http().head(), head);
}

#[test]
fn one_stream_or_what_came_after_a_position_can_be_moved_as_well() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let stream = export(&from, &dir, "stream.jsonl", &["order/3 ü"]);
    assert_eq!(document(&import(&to, &stream))["stored"], 2);
    let of = |server: &Server| -> Vec<Value> {
        portable(server).into_iter().filter(|event| event["aggregateId"] == "order/3 ü").collect()
    };
    assert_eq!(of(&to), of(&from));
    let head = from.http().head();
    let before = portable(&from).len();
    let order = json!({ "aggregateId": "late", "customerId": "1", "country": "France",
        "lines": [{ "productId": "85123A", "quantity": 1, "unitPriceMinor": 1 }] });
    assert_eq!(from.http().post("/api/commands/PlaceOrder", &order).status, 202);
    let later = export(&from, &dir, "later.jsonl", &["--all", "--after", &head.to_string()]);
    let line: Value = serde_json::from_str(&fs::read_to_string(&later).unwrap()).unwrap();
    assert_eq!((&line["subject"], portable(&from).len()), (&json!("late"), before + 1));
    assert_eq!(document(&import(&to, &later))["stored"], 1);
    let piped = from.cli(&["stream", "export", "late"]);
    assert_eq!(piped.stdout.trim(), fs::read_to_string(&later).unwrap().trim(), "standard output has the same lines");
}

#[test]
fn events_whose_beginning_is_missing_are_refused_with_their_line() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let stream = export(&from, &dir, "stream.jsonl", &["order/3 ü"]);
    let second = fs::read_to_string(&stream).unwrap().lines().nth(1).unwrap().to_owned();
    let file = dir.path().join("second.jsonl");
    fs::write(&file, second).unwrap();
    let head = to.http().head();
    let refused = import(&to, &file);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("line 1:") && refused.stderr.contains("version 0"), "{}", refused.stderr);
    assert_eq!(to.http().head(), head);
}

#[test]
fn hostile_lines_are_named_with_their_number_and_reason_and_nothing_is_stored() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let file = export(&from, &dir, "all.jsonl", &["--all"]);
    let good = fs::read_to_string(&file).unwrap();
    let sample = good.lines().last().unwrap();
    let mut event: Value = serde_json::from_str(sample).unwrap();
    let mut with = |name: &str, value: Value| {
        let before = event[name].clone();
        event[name] = value;
        let line = event.to_string();
        event[name] = before;
        line
    };
    let cases = [
        ("{\"specversion\":".to_owned(), "not JSON"),
        ("\u{1}\u{2}".to_owned(), "not JSON"),
        ("[".repeat(100_000), "not JSON"),
        ("{\"a\":1,\"a\":2}".to_owned(), "appears twice"),
        ("\"text\"".to_owned(), "not a JSON object"),
        (with("id", Value::Null), "`id` is missing"),
        (with("id", json!(7)), "`id` is not a text"),
        (with("id", json!("x".repeat(64 * 1024))), "not a UUID"),
        (with("type", json!(["OrderPlaced"])), "`type` is not a text"),
        (with("subject", json!("a\u{0}b")), "control character"),
        (with("subject", json!("x".repeat(64 * 1024))), "longer than 255"),
        (with("aggregateversion", json!(-1)), "`aggregateversion`"),
        (format!("{{\"data\":\"{}\"}}", "x".repeat(1 << 20)), "`specversion` is missing"),
        ("y".repeat(1 << 20), "not JSON"),
        ("z".repeat(17 << 20), "longer than"),
    ];
    let head = to.http().head();
    let spoiled = dir.path().join("spoiled.jsonl");
    let lines: Vec<String> = cases.iter().map(|(line, _)| line.clone()).collect();
    fs::write(&spoiled, format!("{}\n{good}", lines.join("\n"))).unwrap();
    let refused = import(&to, &spoiled);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("nothing was stored"), "{}", refused.stderr);
    assert!(refused.stderr.len() < 8 * 1024, "reasons are short");
    let checked = to.cli(&["stream", "import", text(&spoiled), "--check", "-o", "json"]);
    assert_eq!(checked.code, Some(2));
    let report = document(&checked);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), cases.len(), "{report}");
    for (number, (problem, (line, reason))) in problems.iter().zip(&cases).enumerate() {
        assert_eq!(problem["line"], number + 1);
        let said = problem["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{said} for {line:.60}");
        assert!(refused.stderr.contains(&format!("line {}: {said}", number + 1)), "{}", refused.stderr);
    }
    assert_eq!(to.http().head(), head);
}

#[test]
fn schemas_and_policy_judge_imported_events_as_all_others() {
    let (dir, from) = (TempDir::new().unwrap(), source());
    let file = export(&from, &dir, "all.jsonl", &["--all"]);
    let bare = Server::dev(&["--sample", "none"]);
    let head = bare.http().head();
    let refused = import(&bare, &file);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    for name in ["OrderPlaced version 1", "OrderItemsCancelled version 1", "OrderCancelled version 1"] {
        assert!(refused.stderr.contains(name), "{}", refused.stderr);
    }
    assert_eq!(bare.http().head(), head);

    let to = Server::dev(&[]);
    let spoiled = dir.path().join("spoiled.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let third =
        lines.iter().enumerate().filter(|(_, line)| line.contains("OrderPlaced") && !line.contains("\"$")).nth(2);
    let (at, line) = third.unwrap();
    let forged = line.replace("\"totalMinor\":1530", "\"totalMinor\":\"much\"");
    assert_ne!(&forged, line);
    let changed: Vec<&str> =
        lines.iter().enumerate().map(|(n, line)| if n == at { forged.as_str() } else { *line }).collect();
    fs::write(&spoiled, changed.join("\n")).unwrap();
    let refused = import(&to, &spoiled);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(&format!("line {}:", at + 1)), "{}", refused.stderr);
    assert!(refused.stderr.contains("totalMinor"), "{}", refused.stderr);
    let stored = portable(&to);
    assert_eq!(stored, portable(&from)[..stored.len()], "what came before the line is stored, nothing behind it");
    assert!(!stored.is_empty());
    assert_eq!(import(&to, &file).code, Some(0), "mended, the import goes on");
    assert_eq!(portable(&to), portable(&from));
}

#[test]
fn a_tail_goes_on_after_its_server_was_killed_without_a_gap_and_without_a_double() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let server = Server::kept(&data);
    let place = |server: &Server| {
        let order = json!({ "customerId": "1", "country": "France",
            "lines": [{ "productId": "85123A", "quantity": 1, "unitPriceMinor": 1 }] });
        assert_eq!(server.http().post("/api/commands/PlaceOrder", &order).status, 202);
    };
    let wanted = server.http().head() + 20;
    (0..5).for_each(|_| place(&server));
    let mut tail = Command::new(binary());
    tail.args([
        "event",
        "tail",
        "--after",
        "0",
        "--limit",
        &wanted.to_string(),
        "-o",
        "jsonl",
        "--server",
        &server.url(),
    ]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut printed = vec![position(&lines.next().unwrap().unwrap())];
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    server.kill();
    let server = Server::start(&["dev", "--port", &port, "--data", text(&data)]);
    (0..15).for_each(|_| place(&server));
    printed.extend(lines.map(|line| position(&line.unwrap())));
    assert!(tail.wait().unwrap().success());
    assert_eq!(printed, (1..=wanted).collect::<Vec<u64>>());
}

fn position(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["position"].as_u64().unwrap()
}

#[test]
fn an_id_that_is_stored_as_another_event_is_refused() {
    let (dir, from, to) = (TempDir::new().unwrap(), source(), Server::dev(&[]));
    let file = export(&from, &dir, "all.jsonl", &["--all"]);
    assert_eq!(import(&to, &file).code, Some(0));
    let stream = export(&from, &dir, "stream.jsonl", &["order/3 ü"]);
    let elsewhere = fs::read_to_string(&stream).unwrap().replace("order/3 ü", "elsewhere");
    fs::write(dir.path().join("elsewhere.jsonl"), elsewhere).unwrap();
    let refused = import(&to, &dir.path().join("elsewhere.jsonl"));
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("line 1:") && refused.stderr.contains("another event"), "{}", refused.stderr);
}
