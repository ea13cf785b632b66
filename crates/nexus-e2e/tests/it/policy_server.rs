//! Servers that ask another one beside their own policy: what it denies, what is on record, and what holds without it.

use std::fs;

use nexus_e2e::{Http, Server, eventually, run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A rule that only the policy server has, for commands and for events.
const RULES: &str = "package nexus\n\n\
    lines contains count(input.payload.lines)\nlines contains count(input.event.payload.lines)\n\n\
    deny contains {\n\t\"id\": \"teams.lines\",\n\t\"message\": \"a team orders three lines at most\",\n\
    \t\"remediation\": \"split the order\",\n\t\"severity\": \"error\",\n} if {\n\tsome count in lines\n\tcount > 3\n}\n";

struct Asking {
    _dir: TempDir,
    config: String,
    server: Server,
}

/// A server that asks the one at `url`.
fn asking(url: &str, when_unreachable: &str) -> Asking {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("nexus.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"data\"\n\n[policy.server]\nurl = \"{url}/opa\"\n\
         timeout_ms = 5000\nwhen_unreachable = \"{when_unreachable}\"\n"
    );
    fs::write(&path, text).unwrap();
    let config = path.to_str().unwrap().to_owned();
    let server = Server::start(&["serve", "--config", &config, "--insecure-no-auth"]);
    assert!(server.banner.contains(&format!("`nexus` of {url}/opa: both must allow")), "{}", server.banner);
    Asking { _dir: dir, config, server }
}

impl Asking {
    fn http(&self) -> Http {
        self.server.http()
    }

    /// Places an order of so many lines.
    fn place(&self, id: &str, lines: usize) -> nexus_e2e::Answer {
        let line = json!({ "productId": "85123A", "quantity": 1, "unitPriceMinor": 255 });
        let body = json!({ "aggregateId": id, "customerId": "17850", "country": "France", "lines": vec![line; lines] });
        self.http().post("/api/commands/PlaceOrder", &body)
    }

    /// What it says of the policy server.
    fn asked(&self) -> Value {
        self.http().get("/api/policies").body["server"].clone()
    }

    /// The combination of policies that let an order in.
    fn combination(&self, order: &str) -> Option<Value> {
        let events = self.http().get(&format!("/api/streams/{order}/events")).body;
        let digest = events["events"][0]["receipt"]["policyDigest"].clone();
        assert!(digest.is_string(), "{events}");
        let policies = self.http().get("/api/streams/$policies/events?limit=1000").body;
        let all = policies["events"].as_array().unwrap().iter();
        let mut combined = all.filter(|event| event["eventType"] == "PolicyCombined").map(|event| &event["payload"]);
        combined.find(|told| told["digest"] == digest).cloned()
    }
}

#[test]
fn what_another_server_denies_is_denied_and_each_way_to_go_on_without_it_holds_until_it_is_back() {
    let rules = TempDir::new().unwrap();
    fs::write(rules.path().join("teams.rego"), RULES).unwrap();
    let follow = ["--policy", rules.path().to_str().unwrap()];
    let other = Server::dev(&follow);
    let url = other.url();
    let all = ["deny", "embedded", "last-known-good"].map(|way| asking(&url, way));
    let [deny, embedded, mirrored] = &all;
    for one in &all {
        let placed = one.place("a-3", 3);
        assert_eq!(placed.status, 202, "{}", placed.body);
        let refused = one.place("a-4", 4);
        assert_eq!((refused.status, refused.code()), (403, "POLICY_VIOLATION"), "{}", refused.body);
        let text = refused.body.to_string();
        assert!(text.contains("teams.lines") && text.contains("split the order"), "{text}");
        let combination = one.combination("a-3").unwrap();
        assert_eq!((&combination["path"], combination.get("mirror")), (&json!("nexus"), None));
        assert!(combination["revisions"]["local"].is_string(), "{combination}");
        assert_eq!(combination["embedded"], one.http().get("/api/policies").body["digest"]);
        eventually("the denial is on record", || {
            one.server.cli(&["policy", "decisions", "--denied"]).stdout.contains("teams.lines")
        });
        let asked = one.asked();
        assert_eq!((&asked["state"], &asked["url"]), (&json!("answering"), &json!(format!("{url}/opa"))), "{asked}");
    }
    eventually("there is a copy of the other's modules", || {
        let asked = mirrored.asked();
        asked["mirror"]["ready"] == true && asked["revisions"]["local"].is_string()
    });

    other.kill();
    let refused = deny.place("b-1", 1);
    assert_eq!((refused.status, refused.code()), (403, "POLICY_VIOLATION"), "{}", refused.body);
    assert_eq!(embedded.place("b-4", 4).status, 202);
    assert_eq!(embedded.combination("b-4"), None, "the embedded policy decided alone");
    assert_eq!(mirrored.place("b-3", 3).status, 202);
    let refused = mirrored.place("b-4", 4);
    assert!(refused.status == 403 && refused.body.to_string().contains("teams.lines"), "{}", refused.body);
    assert!(mirrored.combination("b-3").unwrap()["mirror"].is_string());
    for one in [embedded, mirrored] {
        let ready = one.http().get("/readyz?verbose=true");
        assert_eq!(ready.status, 200, "an outage of the other is told and takes nobody out of service");
        let checks = ready.body["checks"].as_array().unwrap().clone();
        assert!(checks.iter().any(|check| check["name"] == "policy server" && check["ok"] == false), "{checks:?}");
        let metrics = one.http().get("/metrics").body.to_string();
        assert!(metrics.contains("nexus_policy_server_decisions_total{result=\\\"unreachable\\\"}"), "{metrics}");
    }

    let port = url.rsplit(':').next().unwrap().to_owned();
    let back = Server::start(&[&["dev", "--port", &port], &follow[..]].concat());
    assert_eq!(back.url(), url);
    for one in &all {
        // Never twice the same order, because it may be placed while the other is not asked yet.
        let mut turn = 0;
        eventually("the other is asked again", || {
            turn += 1;
            one.place(&format!("c-{turn}"), 1).status == 202 && one.asked()["state"] == "answering"
        });
        assert_eq!(one.place("d-4", 4).status, 403);
        assert_eq!(one.place("d-3", 3).status, 202);
        assert_eq!(one.combination("d-3").unwrap().get("mirror"), None);
    }
}

#[test]
fn a_policy_server_is_shown_validated_and_refused_where_it_cannot_be_trusted() {
    let other = Server::dev(&[]);
    let asking = asking(&other.url(), "deny");
    let shown = run(&["config", "show", "--config", &asking.config, "--origin"]);
    for part in ["policy.server.url", "policy.server.timeout_ms", "5000", "policy.server.path", "default", "deny"] {
        assert!(shown.stdout.contains(part), "{part} is not in {}", shown.stdout);
    }
    assert_eq!(run(&["config", "validate", "--config", &asking.config]).code, Some(0));
    let text = fs::read_to_string(&asking.config).unwrap().replace("http://127.0.0.1", "http://policy.example");
    fs::write(&asking.config, text).unwrap();
    let refused = run(&["config", "validate", "--config", &asking.config]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("[policy.server]: `url`: a policy server is asked over https only"), "{refused:?}");
    assert_eq!(run(&["serve", "--config", &asking.config, "--insecure-no-auth"]).code, Some(2));
}
