//! Policies of a real server: followed in a directory, pushed and rolled back, tested and tried on what is stored.

use std::{fs, path::Path, time::Duration};

use nexus_e2e::{ForeignClient, Http, Server, eventually, run};
use serde_json::json;
use tempfile::TempDir;

const TESTS: &str = "package nexus.limit_test\n\
    test_few_may_be_placed if {\n\tdenials := data.nexus.deny with input as {\"action\": \"PlaceOrder\", \"payload\": {\"lines\": [1]}}\n\
    \tnot \"limit.lines\" in {denial.id | some denial in denials}\n}\n";

fn write(dir: &Path, most: usize) {
    fs::write(dir.join("limit.rego"), rule_of(most)).unwrap();
    fs::write(dir.join("limit_test.rego"), TESTS).unwrap();
}

/// The rule for commands and for events.
fn rule_of(most: usize) -> String {
    let one = |lines: &str| {
        format!(
            "deny contains {{\"id\": \"limit.lines\", \"message\": \"too many lines\"}} if count({lines}) > {most}\n"
        )
    };
    format!("package nexus\n\n{}\n{}", one("input.payload.lines"), one("input.event.payload.lines"))
}

/// Places an order of so many lines; answers the status.
fn place(http: &Http, id: &str, lines: usize) -> u16 {
    let line = json!({ "productId": "85123A", "quantity": 1, "unitPriceMinor": 255 });
    let body = json!({ "aggregateId": id, "customerId": "17850", "country": "France", "lines": vec![line; lines] });
    http.post("/api/commands/PlaceOrder", &body).status
}

#[test]
fn a_directory_is_followed_and_what_fails_its_tests_changes_nothing() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), 3);
    let server = Server::dev(&["--policy", dir.path().to_str().unwrap()]);
    let http = server.http();
    assert_eq!((place(&http, "a-1", 3), place(&http, "a-2", 4)), (202, 403));
    write(dir.path(), 4);
    let digest = http.get("/api/policies").body["digest"].clone();
    eventually("the new limit is in force", || http.get("/api/policies").body["digest"] != digest);
    assert_eq!((place(&http, "b-1", 4), place(&http, "b-2", 5)), (202, 403));
    let digest = http.get("/api/policies").body["digest"].clone();
    fs::write(dir.path().join("limit.rego"), rule_of(0)).unwrap();
    let revisions =
        || http.get("/api/streams/$policies/events?limit=1000").body["events"].as_array().map_or(0, Vec::len);
    let before = revisions();
    // waits: for the server to look at the directory three times
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((http.get("/api/policies").body["digest"].clone(), revisions()), (digest, before));
    assert_eq!(place(&http, "c-1", 4), 202, "a bundle whose test fails is not in force");
    write(dir.path(), 2);
    eventually("the mended bundle is in force", || place(&http, &format!("d-{}", uuid()), 3) == 403);
}

/// A name that is used once.
fn uuid() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

#[test]
fn a_bundle_is_tested_pushed_and_rolled_back_from_the_command_line() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), 3);
    let path = dir.path().to_str().unwrap();
    let tested = run(&["policy", "test", path, "--as", "limits", "-o", "json"]);
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("nexus.limit_test.test_few_may_be_placed"), "{}", tested.stdout);
    let data = TempDir::new().unwrap();
    let server = Server::kept(data.path());
    let pushed = server.cli(&["policy", "push", "limits", path]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    assert!(pushed.stdout.contains("limits is in force"), "{}", pushed.stdout);
    assert_eq!((place(&server.http(), "a-1", 3), place(&server.http(), "a-2", 4)), (202, 403));
    write(dir.path(), 9);
    assert_eq!(server.cli(&["policy", "push", "limits", path]).code, Some(0));
    assert_eq!(place(&server.http(), "a-3", 9), 202);
    let back = server.cli(&["policy", "rollback", "limits"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    server.kill();

    let server = Server::kept(data.path());
    assert_eq!(place(&server.http(), "a-4", 4), 403, "what was rolled back to is in force after a kill");
    let list = server.cli(&["policy", "list"]);
    assert!(list.stdout.contains("limits") && list.stdout.contains("rollback"), "{}", list.stdout);
    let input = json!({
        "kind": "command", "action": "PlaceOrder", "actor": { "id": "ann", "roles": ["writer"] },
        "payload": { "lines": [1, 2, 3, 4] }, "schema": { "registered": true }, "context": { "environment": "x" },
    });
    let explained = server.cli(&["policy", "explain", "--input", &input.to_string()]);
    assert!(explained.stdout.contains("fired     nexus.deny at limits/limit.rego:3"), "{}", explained.stdout);
    let mut listed = String::new();
    eventually("the denial is written", || {
        listed = server.cli(&["policy", "decisions", "--denied"]).stdout;
        listed.contains("limit.lines")
    });
    fs::write(dir.path().join("limit.rego"), rule_of(0)).unwrap();
    let refused = server.cli(&["policy", "push", "limits", path]);
    assert!(refused.stderr.contains("POLICY_REFUSED") && refused.code == Some(1), "{}", refused.stderr);
    let failing = run(&["policy", "test", path, "--as", "limits"]);
    assert_eq!(failing.code, Some(5), "{}", failing.stderr);
}

#[test]
fn a_bundle_is_tried_on_what_is_stored_with_and_without_a_server() {
    let (dir, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::kept(data.path());
    for (id, lines) in [("small", 2), ("large", 7)] {
        assert_eq!(place(&server.http(), id, lines), 202);
    }
    write(dir.path(), 5);
    let bundle =
        ["policy", "eval", "--history", "--bundle", dir.path().to_str().unwrap(), "--as", "limits", "-o", "json"];
    let asked = server.cli(&bundle);
    assert_eq!(asked.code, Some(1), "{}\n{}", asked.stdout, asked.stderr);
    let found: serde_json::Value = serde_json::from_str(&asked.stdout).unwrap();
    let [one] = found.as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!((&one["stream"], &one["version"], &one["what"]), (&json!("large"), &json!(1), &json!("OrderPlaced")));
    assert_eq!((&one["wouldBe"], &one["rules"]), (&json!("denied"), &json!(["limit.lines"])));
    assert_eq!(server.stop("-TERM"), Some(0));
    let offline = run(&[&bundle[..], &["--data", data.path().to_str().unwrap()]].concat());
    assert_eq!((offline.code, offline.stdout), (Some(1), asked.stdout));
    write(dir.path(), 50);
    let nothing = run(&[&bundle[..], &["--data", data.path().to_str().unwrap()]].concat());
    assert_eq!(nothing.code, Some(0), "{}\n{}", nothing.stdout, nothing.stderr);
}

#[test]
fn the_unmodified_client_of_opa_is_answered() {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opa-javascript-2.0.0");
    let Some(client) = ForeignClient::node(&installed, &["@open-policy-agent/opa@2.0.0"]) else { return };
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let token = run(&["token", "create", "--data", data, "--expires-in", "1d", "--role", "operator"]).stdout;
    let server = Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--api-tokens"]);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/opa.cjs");
    let finished = client.run(&program, &[&format!("{}/opa", server.url()), token.trim()]);
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("opa client: ok"), "{}", finished.stdout);
}
