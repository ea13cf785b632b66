//! The shipped policies in another implementation of Rego, over the same inputs.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use nexus_core::{
    Json,
    ports::{CompiledPolicy, PolicyModule},
};
use nexus_e2e::ForeignClient;
use nexus_policy::{RegoPolicyEngine, with_shipped};
use serde_json::{Map, Value, json};

const PACKAGE: [&str; 1] = ["regopy==1.5.2"];
const INPUTS: usize = 600;

/// What the shipped rules and the one of the example can say no with.
const RULES: [&str; 9] = [
    "nexus.direct-call",
    "nexus.immutable-events",
    "nexus.query-side-writes",
    "nexus.schema-unregistered",
    "nexus.system-stream",
    "nexus.system-stream-read",
    "nexus.temporal-range",
    "nexus.temporal-rate-limit",
    "orders.large-order",
];

/// The same numbers in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn of(&mut self, all: &[Value]) -> Value {
        all[self.below(all.len())].clone()
    }

    /// Puts a member in, mostly.
    fn maybe(&mut self, object: &mut Map<String, Value>, name: &str, value: Value) {
        if self.below(8) > 0 {
            object.insert(name.to_owned(), value);
        }
    }
}

fn texts(all: &[&str]) -> Vec<Value> {
    all.iter().map(|text| json!(text)).collect()
}

fn roles(draw: &mut Draw) -> Value {
    let all = texts(&[
        "reader",
        "writer",
        "operator",
        "auditor",
        "admin",
        "system",
        "query-service",
        "command-service",
        "orders-approver",
        "stranger",
    ]);
    Value::Array((0..draw.below(3)).map(|_| draw.of(&all)).collect())
}

fn order(draw: &mut Draw) -> Value {
    let line = |draw: &mut Draw| json!({ "quantity": 1 + draw.below(60), "unitPriceMinor": draw.below(1_500_000) });
    json!({ "customerId": "c-1", "lines": (0..draw.below(6)).map(|_| line(draw)).collect::<Vec<_>>() })
}

fn service(draw: &mut Draw) -> Value {
    let sides = texts(&["command", "query"]);
    let call = |draw: &mut Draw| json!({ "name": format!("s{}", draw.below(4)), "side": draw.of(&sides) });
    let calls: Vec<Value> = (0..draw.below(4)).map(|_| call(draw)).collect();
    let endpoint = |draw: &mut Draw| {
        let mut endpoint = Map::new();
        endpoint.insert("path".to_owned(), json!(format!("/e{}", draw.below(5))));
        for (name, values) in [
            ("temporal", vec![json!(true), json!(false)]),
            ("rateLimit", vec![json!(0), json!(10), json!(2.5)]),
            ("maxRange", vec![json!(0), json!(1000)]),
        ] {
            let value = draw.of(&values);
            draw.maybe(&mut endpoint, name, value);
        }
        Value::Object(endpoint)
    };
    let endpoints: Vec<Value> = (0..draw.below(4)).map(|_| endpoint(draw)).collect();
    json!({ "name": "orders", "side": draw.of(&sides), "calls": calls, "endpoints": endpoints })
}

fn input(draw: &mut Draw) -> Value {
    let mut input = Map::new();
    let kinds = ["command", "append", "query", "temporal", "subscribe", "admin", "architecture", "other"];
    let actions = [
        "PlaceOrder",
        "OrderPlaced",
        "delete",
        "update",
        "truncate",
        "events.update",
        "events.truncate",
        "queries.get",
    ];
    let ids = texts(&["order-1", "$schemas", "", "$", "a$b"]);
    let resource = json!({ "type": draw.of(&texts(&["Order", "events", "stream", "event"])), "id": draw.of(&ids) });
    let schema = json!({ "id": 1, "version": 1, "registered": draw.of(&[json!(true), json!(true), json!(false), json!("true")]) });
    let environment = draw.of(&texts(&["production", "production", "dev", ""]));
    let context = json!({ "service": "orders", "time": "2026-01-31T12:00:00Z", "environment": environment });
    let actor = json!({ "id": "ann", "roles": roles(draw) });
    let members = [
        ("kind", draw.of(&texts(&kinds))),
        ("action", draw.of(&texts(&actions))),
        ("resource", resource),
        ("actor", actor),
        ("schema", schema),
        ("context", context),
        ("payload", order(draw)),
        ("service", service(draw)),
    ];
    for (name, value) in members {
        draw.maybe(&mut input, name, value);
    }
    Value::Object(input)
}

/// `allow` as a list of at most one value, and the two sets of denials, in one order.
fn ours(engine: &RegoPolicyEngine, input: &Value) -> [Vec<Value>; 3] {
    let input = Json::from_value(input);
    let at = |path: &str| engine.value_at(path, Some(&input)).unwrap().map(|found| found.to::<Value>().unwrap());
    let denials = |path: &str| sorted(at(path).and_then(|set| set.as_array().cloned()).unwrap_or_default());
    [at("nexus/allow").into_iter().collect(), denials("nexus/deny"), denials("nexus/architecture/deny")]
}

fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by_key(ToString::to_string);
    all
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn another_implementation_of_rego_gives_the_same_answers() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("regopy-1.5.2");
    let Some(client) = ForeignClient::python(&home, &PACKAGE) else { return };
    let orders = include_str!("../../../../examples/orders/policies/orders.rego");
    let modules = with_shipped([PolicyModule { name: "orders.rego".to_owned(), source: orders.to_owned() }]);
    let named: Vec<_> = modules.iter().map(|module| (&module.name, &module.source)).collect();
    let named = file("twin-modules.json", &serde_json::to_string(&named).unwrap());
    let mut draw = Draw(0x0005_eed0_fe7e_7715);
    let inputs: Vec<Value> = (0..INPUTS).map(|_| input(&mut draw)).collect();
    let mut lines = String::new();
    inputs.iter().for_each(|input| writeln!(lines, "{input}").unwrap());
    let lines = file("twin-inputs.jsonl", &lines);

    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/twin/twin.py");
    let finished = client.run(&program, &[named.to_str().unwrap(), lines.to_str().unwrap()]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let theirs: Vec<[Vec<Value>; 3]> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(theirs.len(), INPUTS);

    let engine = RegoPolicyEngine::new(modules).unwrap();
    let (mut allowed, mut fired) = (0, BTreeSet::new());
    for (input, [allow, deny, architecture]) in inputs.iter().zip(theirs) {
        let theirs = [allow, sorted(deny), sorted(architecture)];
        let ours = ours(&engine, input);
        assert_eq!(ours, theirs, "{input}");
        allowed += usize::from(ours[0] == [json!(true)]);
        fired.extend(ours[1].iter().chain(&ours[2]).map(|denial| denial["id"].as_str().unwrap().to_owned()));
    }
    assert!(allowed > 50 && allowed < INPUTS - 50, "{allowed} of {INPUTS} inputs are allowed");
    assert_eq!(fired.iter().map(String::as_str).collect::<Vec<_>>(), RULES);
}
