//! The main job on real input: the Online Retail months through the HTTP command API.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use nexus_e2e::{Http, Ledger, OrderTotals, Server, binary, data};
use serde_json::Value;
use tempfile::TempDir;

fn import(server: &Server) -> (nexus_e2e::Finished, Duration) {
    let files = data().files;
    let mut arguments = vec!["orders", "import", "--connections", "8", "-o", "json"];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let started = Instant::now();
    (server.cli(&arguments), started.elapsed())
}

/// The read model, in the shape of the ledger.
fn read_model(http: &Http) -> BTreeMap<String, OrderTotals> {
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    let order = |row: Value| {
        let totals = OrderTotals {
            country: row["country"].as_str().unwrap().to_owned(),
            month: row["placedAt"].as_str().unwrap()[..7].to_owned(),
            lines: number(&row, "lineCount"),
            total: number(&row, "totalMinor"),
            cancelled: number(&row, "cancelledMinor"),
        };
        (row["id"].as_str().unwrap().trim_start_matches("retail-").to_owned(), totals)
    };
    http.all("orders").into_iter().map(order).collect()
}

/// The fold of the log, in the shape of the ledger.
fn fold(events: &[Value]) -> BTreeMap<String, OrderTotals> {
    let mut orders: BTreeMap<String, OrderTotals> = BTreeMap::new();
    for event in events {
        let id = event["aggregateId"].as_str().unwrap().trim_start_matches("retail-").to_owned();
        let payload = &event["payload"];
        match event["eventType"].as_str().unwrap() {
            "OrderPlaced" => {
                let placed = OrderTotals {
                    country: payload["country"].as_str().unwrap().to_owned(),
                    month: payload["placedAt"].as_str().unwrap()[..7].to_owned(),
                    lines: payload["lines"].as_array().unwrap().len() as u64,
                    total: payload["totalMinor"].as_u64().unwrap(),
                    cancelled: 0,
                };
                assert_eq!(orders.insert(id.clone(), placed), None, "{id} is placed twice");
            }
            "OrderItemsCancelled" | "OrderCancelled" => {
                orders.get_mut(&id).unwrap().cancelled += payload["amountMinor"].as_u64().unwrap();
            }
            _ => {}
        }
    }
    orders
}

fn assert_equals_ledger(orders: &BTreeMap<String, OrderTotals>, ledger: &Ledger) {
    let sums = |orders: &BTreeMap<String, OrderTotals>, key: fn(&OrderTotals) -> &String| {
        let mut groups: BTreeMap<String, (u64, u64, u64, u64)> = BTreeMap::new();
        for order in orders.values() {
            let group = groups.entry(key(order).clone()).or_default();
            *group = (group.0 + 1, group.1 + order.lines, group.2 + order.total, group.3 + order.cancelled);
        }
        groups
    };
    assert_eq!(sums(orders, |order| &order.month), ledger.grouped(|order| &order.month), "by month");
    assert_eq!(sums(orders, |order| &order.country), ledger.grouped(|order| &order.country), "by country");
    assert_eq!(*orders, ledger.orders, "order by order");
}

#[test]
fn the_months_become_orders_that_equal_an_independent_computation_and_importing_again_writes_nothing() {
    let server = Server::dev(&[]);
    let http = server.http();
    let (imported, took) = import(&server);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let report: Value = serde_json::from_str(&imported.stdout).unwrap();
    let ledger = Ledger::of(&data().files);
    assert!(ledger.orders.len() > 20, "the data is there");
    assert_equals_ledger(&read_model(&http), &ledger);

    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("rows"), ledger.rows);
    assert_eq!((count("placedRows"), count("cancelledRows")), (ledger.placed, ledger.cancelled));
    assert_eq!(count("placedRows") + count("cancelledRows") + count("rejectedRows"), count("rows"));
    assert_eq!(report["rejected"].as_array().unwrap().len() as u64, count("rejectedRows"), "each one is named");
    assert!(!report["rejected"].to_string().contains("refused-by-the-server"), "the plan and the domain agree");
    eprintln!("{} rows, {} commands in {took:?}", ledger.rows, count("commandsStored"));
    if data().whole {
        assert!(took < Duration::from_mins(1), "the import took {took:?}");
    }

    let head = http.head();
    let (again, _) = import(&server);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(report["commandsStored"], 0);
    assert_eq!(http.head(), head, "importing again wrote events");
}

#[test]
fn killed_in_the_middle_and_taken_up_again_nothing_is_missing_and_nothing_is_doubled() {
    let dir = TempDir::new().unwrap();
    let files = data().files;
    let mut acknowledged = 0;
    for round in 1..=3_u64 {
        let server = Server::kept(dir.path());
        let before = server.http().head();
        let mut importing = Command::new(binary());
        importing.args(["orders", "import", "--server", &server.url()]).args(&files);
        importing.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut importing = importing.spawn().unwrap();
        // Kill once this round has written something, the further in the later the round.
        let enough = before + 40 * round * round;
        let http = server.http();
        let patience = Instant::now();
        loop {
            let head = http.head();
            acknowledged = acknowledged.max(head);
            if head >= enough || importing.try_wait().unwrap().is_some() {
                break;
            }
            assert!(patience.elapsed() < Duration::from_mins(2), "the import does not get on");
        }
        server.kill();
        let code = importing.wait().unwrap().code();
        assert!(matches!(code, Some(9 | 0)), "an interrupted import says so: {code:?}");
    }
    let server = Server::kept(dir.path());
    let http = server.http();
    assert!(http.head() >= acknowledged, "head {} was seen, now it is {}", acknowledged, http.head());
    let (imported, _) = import(&server);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let report: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert!(report["commandsKnown"].as_u64().unwrap() > 0, "something was there already");
    let events = http.events();
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "no event twice");
    let positions: Vec<_> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=events.len() as u64).collect::<Vec<_>>(), "positions are dense");
    let (rows, ledger) = (read_model(&http), Ledger::of(&files));
    assert_eq!(rows, fold(&events), "the read model is the fold of the log");
    assert_equals_ledger(&rows, &ledger);
}

#[test]
fn every_acknowledged_command_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..5 {
        let server = Server::kept(dir.path());
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let url = server.url();
                std::thread::spawn(move || place_until_gone(&Http::new(&url), &format!("r{round}-c{client}")))
            })
            .collect();
        // waits: for the clients to be in full swing, a little longer in each round
        std::thread::sleep(Duration::from_millis(150 + 70 * round));
        server.kill();
        acknowledged.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
    }
    assert!(acknowledged.len() > 50, "only {} commands were acknowledged: the run is void", acknowledged.len());
    let server = Server::kept(dir.path());
    let orders: BTreeMap<_, _> = fold(&server.http().events());
    let lost: Vec<_> = acknowledged.iter().filter(|id| !orders.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged orders are lost: {lost:?}", lost.len(), acknowledged.len());
    assert_eq!(read_model(&server.http()), orders);
    eprintln!("5 kills, {} acknowledged, 0 lost", acknowledged.len());
}

/// Places orders until the server is gone; answers the ids of those that were acknowledged.
fn place_until_gone(http: &Http, name: &str) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let id = format!("{name}-{number}");
        let body = serde_json::json!({ "aggregateId": id, "payload": { "customerId": "1", "country": "France",
            "lines": [{ "productId": "p", "quantity": 1, "unitPriceMinor": 5 }] } });
        match http.try_request("POST", "/api/commands/PlaceOrder", &[], Some(body.to_string().as_bytes())) {
            Some(answer) if answer.status == 202 => acknowledged.push(id),
            Some(answer) => panic!("unexpected answer: {}", answer.body),
            None => break,
        }
    }
    acknowledged
}

#[test]
fn months_imported_one_after_the_other_end_where_all_at_once_ends() {
    let server = Server::dev(&[]);
    let files = data().files;
    let first_two = &files[..2];
    for file in first_two {
        let ended = server.cli(&["orders", "import", file.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_equals_ledger(&read_model(&server.http()), &Ledger::of(first_two));
}

#[test]
fn files_that_cannot_be_imported_are_refused_before_anything_is_sent() {
    let server = Server::dev(&[]);
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
    let head = server.http().head();
    let missing = dir.path().join("missing.csv");
    let cases = [
        (missing.to_str().unwrap().to_owned(), "No such file"),
        (write("columns.csv", b"a,b\n1,2\n"), "InvoiceNo"),
        (write("broken.csv.gz", b"not gzip at all"), "broken.csv.gz"),
        (write("empty.csv", b""), "InvoiceNo"),
    ];
    for (path, text) in cases {
        let ended = server.cli(&["orders", "import", &path]);
        assert_eq!(ended.code, Some(2), "{path}: {ended:?}");
        assert!(ended.stderr.contains(text), "{path}: {}", ended.stderr);
    }
    let twice = write("twice.csv", header.as_bytes());
    assert_eq!(server.cli(&["orders", "import", &twice, &twice]).code, Some(2));
    assert_eq!(server.http().head(), head);
    assert!(Path::new(&twice).exists());
}
