//! Commands and queries as a client sees them.

use nexus_e2e::{Http, Server};
use serde_json::{Value, json};

fn order() -> Value {
    json!({ "customerId": "17850", "country": "France", "lines": [
        { "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 },
        { "productId": "71053", "quantity": 2, "unitPriceMinor": 339 } ] })
}

fn place(http: &Http, id: &str) -> Value {
    let answer = http.post("/api/commands/PlaceOrder", &json!({ "aggregateId": id, "payload": order() }));
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body
}

#[test]
fn an_order_is_placed_seen_and_cancelled_and_every_event_has_its_receipt() {
    let server = Server::dev(&[]);
    let http = server.http();
    let placed = http.post("/api/commands/PlaceOrder", &order());
    assert_eq!(placed.status, 202, "{}", placed.body);
    let id = placed.body["aggregateId"].as_str().unwrap().to_owned();
    assert_eq!((placed.header("etag"), placed.body["version"].as_u64()), ("\"1\"", Some(1)));
    assert_eq!(placed.header("nexus-position"), placed.body["position"].to_string());
    assert!(placed.header("location").contains(&id));
    assert!(!placed.header("nexus-decision-id").is_empty());

    let read = format!("/api/queries/orders/{id}?consistentWith={}", placed.body["position"]);
    let row = http.get(&read);
    assert_eq!(row.status, 200, "{}", row.body);
    assert_eq!(row.body["totalMinor"], 6 * 255 + 2 * 339);
    assert_eq!(row.body["lineCount"], 2);

    let items = json!({ "aggregateId": id, "payload": { "items": [{ "line": 1, "quantity": 2 }] } });
    assert_eq!(http.post("/api/commands/CancelItems", &items).status, 202);
    let cancel = json!({ "aggregateId": id, "payload": { "reason": "changed my mind" } });
    let cancelled = http.post("/api/commands/CancelOrder", &cancel);
    assert_eq!(cancelled.status, 202, "{}", cancelled.body);
    let again = http.post("/api/commands/CancelOrder", &cancel);
    assert_eq!((again.status, again.code()), (422, "BUSINESS_RULE_VIOLATION"), "{}", again.body);

    let stream = http.get(&format!("/api/streams/{id}/events")).body;
    let types: Vec<_> = stream["events"].as_array().unwrap().iter().map(|event| event["eventType"].clone()).collect();
    assert_eq!(types, ["OrderPlaced", "OrderItemsCancelled", "OrderCancelled"]);
    let policy = http.get("/api/policies").body.to_string();
    for event in stream["events"].as_array().unwrap() {
        let receipt = &event["receipt"];
        assert_eq!(receipt["schemaDigest"].as_str().unwrap().len(), 64);
        assert!(policy.contains(receipt["policyDigest"].as_str().unwrap()), "{policy}");
        assert!(receipt["decisionId"].is_string() && receipt["actor"].is_string());
        assert_eq!(event["hash"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn a_dry_run_decides_and_stores_nothing() {
    let server = Server::dev(&[]);
    let http = server.http();
    let head = http.head();
    let dry = http.post("/api/commands/PlaceOrder?dryRun=true", &order());
    assert_eq!(dry.status, 200, "{}", dry.body);
    assert_eq!(dry.body["events"][0]["eventType"], "OrderPlaced");
    assert!(dry.body["decision"].is_object());
    assert_eq!(http.head(), head);
}

#[test]
fn an_idempotency_key_makes_a_repeated_command_one_command_even_after_a_kill() {
    let dir = tempfile::TempDir::new().unwrap();
    let server = Server::kept(dir.path());
    let body = order().to_string();
    let send = |http: &Http, body: &str| {
        http.request("POST", "/api/commands/PlaceOrder", &[("idempotency-key", "k-1")], Some(body.as_bytes()))
    };
    let first = send(&server.http(), &body);
    let second = send(&server.http(), &body);
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.body["eventIds"], second.body["eventIds"]);
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    let head = server.http().head();
    server.kill();
    let server = Server::kept(dir.path());
    let third = send(&server.http(), &body);
    assert_eq!((third.status, third.header("idempotency-replayed")), (202, "true"), "{}", third.body);
    assert_eq!(third.body["aggregateId"], first.body["aggregateId"]);
    let other = send(&server.http(), &body.replace("France", "Spain"));
    assert_eq!(other.status, 422, "{}", other.body);
    assert_eq!(server.http().head(), head);
}

#[test]
fn versions_can_be_pinned_in_the_body_and_in_headers() {
    let server = Server::dev(&[]);
    let http = server.http();
    place(&http, "order-1");
    let head = http.head();
    let body = |expected: Value| json!({ "aggregateId": "order-1", "expectedVersion": expected, "payload": {} });
    let stale = http.post("/api/commands/CancelOrder", &body(json!(7)));
    assert_eq!(
        (stale.status, &stale.body["expectedVersion"], &stale.body["actualVersion"]),
        (409, &json!(7), &json!(1))
    );
    let text = json!({ "aggregateId": "order-1", "payload": {} }).to_string();
    let if_match =
        |value: &str| http.request("POST", "/api/commands/CancelOrder", &[("if-match", value)], Some(text.as_bytes()));
    assert_eq!(if_match("\"9\"").status, 412);
    assert_eq!(http.head(), head);
    assert_eq!(if_match("\"1\"").status, 202);
    let duplicate = http.post("/api/commands/PlaceOrder", &json!({ "aggregateId": "order-1", "payload": order() }));
    assert_eq!(duplicate.status, 409, "{}", duplicate.body);
}

#[test]
fn of_many_clients_changing_one_order_nobody_is_lost() {
    let server = Server::dev(&[]);
    let http = server.http();
    let big = json!({ "aggregateId": "busy", "payload": { "customerId": "1", "country": "France",
        "lines": [{ "productId": "p", "quantity": 1000, "unitPriceMinor": 1 }] } });
    assert_eq!(http.post("/api/commands/PlaceOrder", &big).status, 202);
    let url = server.url();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let http = Http::new(&url);
            std::thread::spawn(move || {
                let cancel = json!({ "aggregateId": "busy", "payload": { "items": [{ "line": 1, "quantity": 1 }] } });
                (0..20).filter(|_| http.post("/api/commands/CancelItems", &cancel).status == 202).count()
            })
        })
        .collect();
    let accepted: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let rows = http.all("orders");
    assert_eq!(rows[0]["cancelledMinor"], json!(accepted), "every accepted cancellation counts once");
    let version = http.get("/api/streams/busy/events?limit=1").body["version"].as_u64().unwrap();
    assert_eq!(version, 1 + accepted as u64);
    assert!(accepted >= 80, "only {accepted} of 160 got through");
}

#[test]
fn lists_filter_sort_and_page() {
    let server = Server::dev(&[]);
    let http = server.http();
    for (index, country) in ["France", "Spain", "France", "Norway", "France"].iter().enumerate() {
        let payload = json!({ "customerId": format!("c{index}"), "country": country,
            "lines": [{ "productId": "p", "quantity": index + 1, "unitPriceMinor": 100 }] });
        let answer =
            http.post("/api/commands/PlaceOrder", &json!({ "aggregateId": format!("o{index}"), "payload": payload }));
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    let head = http.head();
    let list = |query: &str| http.get(&format!("/api/queries/orders?consistentWith={head}&{query}"));
    let ids = |answer: &nexus_e2e::Answer| -> Vec<String> {
        answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let french = list("filter[country]=France&sort=-totalMinor");
    assert_eq!((ids(&french), french.body["total"].as_u64()), (vec!["o4".into(), "o2".into(), "o0".into()], Some(3)));
    assert_eq!(ids(&list("filter[totalMinor][gte]=400&sort=totalMinor")), ["o3", "o4"]);
    assert_eq!(ids(&list("filter[country][in]=Spain,Norway&sort=country")), ["o3", "o1"]);
    let first = list("sort=-totalMinor&limit=2");
    let token = first.body["nextToken"].as_str().unwrap();
    assert!(first.header("link").contains("rel=\"next\""));
    let second = list(&format!("sort=-totalMinor&limit=2&cursor={token}"));
    assert_eq!((ids(&first), ids(&second)), (vec!["o4".into(), "o3".into()], vec!["o2".into(), "o1".into()]));
    let cached = http.request("GET", "/api/queries/orders/o1", &[], None);
    let etag = cached.header("etag").to_owned();
    assert_eq!(http.request("GET", "/api/queries/orders/o1", &[("if-none-match", &etag)], None).status, 304);
}

#[test]
fn the_command_line_speaks_the_same_language() {
    let server = Server::dev(&[]);
    let data = order().to_string();
    let sent = server.cli(&["command", "send", "PlaceOrder", "--data", &data, "--id", "cli-1", "-o", "json"]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    let body: Value = serde_json::from_str(&sent.stdout).unwrap();
    assert_eq!(body["aggregateId"], "cli-1");
    let cases: [(&[&str], i32, &str); 7] = [
        (&["command", "send", "PlaceOrdr"], 8, "PlaceOrder"),
        (&["command", "send", "PlaceOrder", "--data", "{"], 2, "not JSON"),
        (&["command", "send", "PlaceOrder", "--data", "{}"], 2, "customerId"),
        (&["command", "send", "CancelOrder", "--id", "cli-1", "--expect", "9"], 7, ""),
        (&["command", "send", "CancelOrder", "--id", "nobody"], 8, ""),
        (&["query", "list", "ordes"], 8, "orders"),
        (&["query", "get", "orders", "nobody"], 8, ""),
    ];
    for (arguments, code, text) in cases {
        let ended = server.cli(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(text), "{arguments:?} does not say {text:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
    let tail = server.cli(&["event", "tail", "--after", "0", "--types", "OrderPlaced", "--limit", "1", "-o", "jsonl"]);
    assert_eq!(serde_json::from_str::<Value>(tail.stdout.trim()).unwrap()["aggregateId"], "cli-1", "{}", tail.stderr);
    let example = server.cli(&["command", "describe", "PlaceOrder", "--example"]);
    let again = server.cli(&["command", "send", "PlaceOrder", "--data", example.stdout.trim()]);
    assert_eq!(again.code, Some(0), "the printed example is accepted: {}", again.stderr);
}
