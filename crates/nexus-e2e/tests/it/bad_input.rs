//! What a hostile or mistaken client is told, and that nothing of it is written.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use nexus_e2e::{Http, Server};
use serde_json::{Value, json};

fn order() -> Value {
    json!({ "customerId": "17850", "country": "France",
        "lines": [{ "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 }] })
}

/// Sends one request and requires status, code, a whole problem, and an unchanged log.
fn refuse(
    http: &Http,
    (method, path, headers, body): (&str, &str, &[(&str, &str)], Option<&[u8]>),
    status: u16,
    code: &str,
) -> Value {
    let (head, started) = (http.head(), Instant::now());
    let answer = http.request(method, path, headers, body);
    let what = format!("{method} {path:.80} {:.80?}", body.map(String::from_utf8_lossy));
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    if !code.is_empty() {
        assert_eq!(answer.code(), code, "{what}: {}", answer.body);
    }
    assert!(answer.header("content-type").starts_with("application/problem+json"), "{what}");
    for member in ["type", "title", "status", "detail", "code", "traceId"] {
        assert!(answer.body.get(member).is_some(), "{what} lacks `{member}`: {}", answer.body);
    }
    let text = answer.body.to_string();
    assert!(!text.contains("/tmp") && !text.contains("src/"), "{what} tells a path: {text}");
    assert!(started.elapsed() < Duration::from_secs(5), "{what} took {:?}", started.elapsed());
    assert_eq!(http.head(), head, "{what} wrote something");
    answer.body
}

#[test]
fn malformed_and_oversized_documents_are_refused() {
    let server = Server::dev(&[]);
    let http = server.http();
    let deep = format!("{{\"payload\":{}", "[".repeat(100_000));
    let huge = format!("{{\"customerId\":\"{}\"}}", "x".repeat(3 * 1024 * 1024));
    let cases: [(&[u8], u16); 12] = [
        (b"", 400),
        (b"{", 400),
        (b"nonsense", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{\"customerId\":\"a\",\"customerId\":\"b\"}", 400),
        (b"{\"customerId\":\"\xff\"}", 400),
        (b"{\"customerId\":\"\\ud800\"}", 400),
        (b"{} {}", 400),
        (b"{\"x\":1e400}", 400),
        (deep.as_bytes(), 400),
        (huge.as_bytes(), 413),
    ];
    for (body, status) in cases {
        refuse(&http, ("POST", "/api/commands/PlaceOrder", &[], Some(body)), status, "");
    }
    let text = ("POST", "/api/commands/PlaceOrder", &[("content-type", "text/plain")][..], Some(&b"{}"[..]));
    refuse(&http, text, 415, "");
}

/// Sends a whole body larger than any buffer on the way, and only then reads the answer.
fn answer_after_sending(server: &Server, head: &str, body: &[u8]) -> String {
    let mut client = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(format!("{head}host: x\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    client.write_all(body).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_that_sends_all_of_a_refused_body_still_reads_why() {
    let server = Server::dev(&[]);
    let body = vec![b' '; 24 << 20];
    let declared = format!("content-length: {}\r\n", body.len());
    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend_from_slice(&body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let json = "content-type: application/json\r\n";
    for (path, headers, body, status) in [
        ("/api/commands/PlaceOrder", format!("{json}{declared}"), &body, "413"),
        ("/api/commands/PlaceOrder", format!("{json}transfer-encoding: chunked\r\n"), &chunked, "413"),
        ("/api/commands/PlaceOrder", declared.clone(), &body, "415"),
        ("/api/nothing", format!("{json}{declared}"), &body, "404"),
    ] {
        let answer = answer_after_sending(&server, &format!("POST {path} HTTP/1.1\r\n{headers}"), body);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {headers}: {answer:.300}");
        assert!(answer.contains("application/problem+json"), "{path}: {answer:.300}");
    }
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_refused_at_once() {
    let server = Server::dev(&[]);
    let mut client = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client
        .write_all(
            b"POST /api/commands/PlaceOrder HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
              content-length: 25165824\r\nexpect: 100-continue\r\n\r\n",
        )
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer:.300}");
}

#[test]
fn unknown_names_list_the_nearest_ones() {
    let server = Server::dev(&[]);
    let http = server.http();
    let body = order().to_string();
    let problem = refuse(&http, ("POST", "/api/commands/PlaceOrdr", &[], Some(body.as_bytes())), 404, "");
    assert!(problem.to_string().contains("PlaceOrder"), "{problem}");
    let problem = refuse(&http, ("GET", "/api/queries/ordrs", &[], None), 404, "");
    assert!(problem.to_string().contains("orders"), "{problem}");
    refuse(&http, ("GET", "/api/nothing", &[], None), 404, "");
    refuse(&http, ("DELETE", "/api/events", &[], None), 405, "");
    let event = json!({ "aggregateType": "Order", "expectedVersion": "any",
        "events": [{ "eventType": "OrderPlacd", "payload": {} }] });
    let problem = refuse(&http, ("POST", "/api/streams/s/events", &[], Some(event.to_string().as_bytes())), 404, "");
    assert!(problem.to_string().contains("OrderPlaced"), "{problem}");
}

#[test]
fn wrong_types_are_named_all_at_once_with_their_places() {
    let server = Server::dev(&[]);
    let http = server.http();
    let body = json!({ "customerId": 7, "country": "France", "surprise": true,
        "lines": [{ "productId": "a", "quantity": 0, "unitPriceMinor": -1 }, { "quantity": 1.5 }] });
    let problem = refuse(
        &http,
        ("POST", "/api/commands/PlaceOrder", &[], Some(body.to_string().as_bytes())),
        400,
        "VALIDATION_ERROR",
    );
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for wanted in ["/customerId", "/lines/0/quantity", "/lines/0/unitPriceMinor", "/lines/1/quantity"] {
        assert!(pointers.iter().any(|pointer| pointer.ends_with(wanted)), "{wanted} is not in {pointers:?}");
    }
    assert!(problem.to_string().contains("surprise"), "{problem}");
}

#[test]
fn forged_cursors_limits_and_parameters_are_refused() {
    let server = Server::dev(&[]);
    let http = server.http();
    for index in 0..3 {
        assert_eq!(
            http.post("/api/commands/PlaceOrder", &json!({ "aggregateId": format!("o{index}"), "payload": order() }))
                .status,
            202
        );
    }
    let head = http.head();
    let page = http.get(&format!("/api/queries/orders?limit=1&consistentWith={head}"));
    let token = page.body["nextToken"].as_str().unwrap();
    let flipped: String = token
        .char_indices()
        .map(|(at, c)| if at == token.len() / 2 { if c == 'A' { 'B' } else { 'A' } } else { c })
        .collect();
    let long = "A".repeat(20_000);
    for cursor in [flipped.as_str(), &token[..token.len() - 2], "x", "e30", &long] {
        refuse(
            &http,
            ("GET", &format!("/api/queries/orders?limit=1&cursor={cursor}"), &[], None),
            400,
            "INVALID_CURSOR",
        );
    }
    let other_sort = format!("/api/queries/orders?limit=1&sort=-country&cursor={token}");
    refuse(&http, ("GET", &other_sort, &[], None), 400, "INVALID_CURSOR");
    for query in [
        "limit=0",
        "limit=-1",
        "limit=NaN",
        "limit=99999999999999999999",
        "sort=nothing",
        "filter[nothing]=1",
        "filter[totalMinor]=abc",
        "filter[country][like]=F",
        "surprise=1",
    ] {
        refuse(&http, ("GET", &format!("/api/queries/orders?{query}"), &[], None), 400, "");
    }
}

#[test]
fn what_policy_forbids_is_a_403_with_the_rule_and_the_fix() {
    let server = Server::dev(&[]);
    let http = server.http();
    let large = json!({ "customerId": "1", "country": "France",
        "lines": [{ "productId": "p", "quantity": 10_000, "unitPriceMinor": 1_000_000 }] });
    let problem = refuse(
        &http,
        ("POST", "/api/commands/PlaceOrder", &[], Some(large.to_string().as_bytes())),
        403,
        "POLICY_VIOLATION",
    );
    assert!(problem.to_string().contains("orders.large-order"), "{problem}");
    assert!(problem["decisionId"].is_string());
    let forged = json!({ "aggregateType": "SchemaRegistry", "expectedVersion": "any", "events": [{ "eventType": "SchemaRegistered",
        "payload": { "id": 99, "kind": "event", "name": "Forged", "version": 1, "digest": "0".repeat(64), "schema": {} } }] }).to_string();
    let forged = ("POST", "/api/streams/$schemas/events", &[][..], Some(forged.as_bytes()));
    refuse(&http, forged, 403, "RESERVED_STREAM");
}

#[test]
fn an_append_is_governed_all_or_nothing() {
    let server = Server::dev(&[]);
    let http = server.http();
    let good = json!({ "customerId": "1", "country": "France", "placedAt": "2026-01-31T12:00:00Z", "totalMinor": 5,
        "lines": [{ "productId": "p", "quantity": 1, "unitPriceMinor": 5 }] });
    let append = |events: Value, expected: Value| {
        json!({ "aggregateType": "Order", "expectedVersion": expected, "events": events }).to_string()
    };
    let event = |payload: &Value| json!({ "eventType": "OrderPlaced", "payload": payload });
    let mut bad = good.clone();
    bad["lines"][0]["quantity"] = json!("one");
    let path = "/api/streams/appended/events";
    let mixed = append(json!([event(&good), event(&bad)]), json!("none"));
    refuse(&http, ("POST", path, &[], Some(mixed.as_bytes())), 400, "VALIDATION_ERROR");
    let empty = append(json!([]), json!("none"));
    refuse(&http, ("POST", path, &[], Some(empty.as_bytes())), 400, "");
    let stored = http.request("POST", path, &[], Some(append(json!([event(&good)]), json!("none")).as_bytes()));
    assert_eq!(stored.status, 201, "{}", stored.body);
    let stale = append(json!([event(&good)]), json!("none"));
    let problem = refuse(&http, ("POST", path, &[], Some(stale.as_bytes())), 409, "");
    assert_eq!(problem["actualVersion"], 1);
    for expected in [json!(-2), json!(1.5), json!("3x"), json!({})] {
        refuse(&http, ("POST", path, &[], Some(append(json!([event(&good)]), expected).as_bytes())), 400, "");
    }
    let other = json!({ "aggregateType": "Basket", "expectedVersion": "any", "events": [event(&good)] }).to_string();
    refuse(&http, ("POST", path, &[], Some(other.as_bytes())), 409, "");
}

#[test]
fn impossible_stream_ids_are_refused() {
    let server = Server::dev(&[]);
    let http = server.http();
    let long = "x".repeat(60_000);
    for id in [" ", "a\nb", "\u{0}", &"x".repeat(256), &long] {
        let body = json!({ "aggregateId": id, "payload": order() }).to_string();
        refuse(&http, ("POST", "/api/commands/PlaceOrder", &[], Some(body.as_bytes())), 400, "");
    }
    for id in ["%00", "%0a", "%ff"] {
        refuse(&http, ("GET", &format!("/api/streams/{id}/events"), &[], None), 400, "");
    }
}

#[test]
fn a_client_that_never_finishes_its_request_is_let_go_and_disturbs_nobody() {
    let server = Server::dev(&[]);
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(b"POST /api/commands/PlaceOrder HTTP/1.1\r\nhost: x\r\n").unwrap();
            stream
        })
        .collect();
    assert_eq!(server.http().get("/livez").status, 200);
    let stream = &mut slow[0];
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).is_ok(), "the connection is closed by the server in time");
}
