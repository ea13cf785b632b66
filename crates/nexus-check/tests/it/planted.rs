//! The repaired shop with one thing broken: the rule that is there for it has to notice, where it was broken.

use nexus_check::CheckOptions;

use crate::support::{Copy, places};

/// What is done to the repaired shop.
enum Change {
    /// In this file, this text becomes that one.
    Replace(&'static str, &'static str, &'static str),
    /// This file is new, or is another one.
    Write(&'static str, &'static str),
    /// This file is gone.
    Remove(&'static str),
}
use Change::{Remove, Replace, Write};

impl Change {
    fn make(&self, shop: &Copy) {
        match self {
            Replace(file, old, new) => shop.replace(file, old, new),
            Write(file, text) => shop.write(file, text),
            Remove(file) => std::fs::remove_file(shop.root().join(file)).unwrap(),
        }
    }
}

const ORDERS: &str = "services/orders/nexus.service.toml";
const BILLING: &str = "services/billing/nexus.service.toml";
const SHIPPING: &str = "services/shipping/nexus.service.toml";
const PROGRAM: &str = "services/orders/src/main.rs";
const SCRIPT: &str = "services/billing/src/index.ts";
const PLACED: &str = "schemas/event/OrderPlaced/2.json";
const SHIPPED: &str = "schemas/event/ParcelShipped/2.json";
const LOCK: &str = "schemas/nexus.schemas.lock";
const POLICY: &str = "policies/shop.rego";
const TEST: &str = "policies/shop_test.rego";

/// The change, the rule, and where it has to be found: file and line.
const PLANTED: &[(Change, &str, &str, u32)] = &[
    (
        Write("services/orders/src/pay.rs", "fn f() { ureq::get(\"http://billing/x\"); }"),
        "NX-ARCH-001",
        "services/orders/src/pay.rs",
        1,
    ),
    (
        Write("services/orders/src/pay.rs", "const B: &str = \"http://billing/x\";\n\nfn f() { client.get(B); }"),
        "NX-ARCH-001",
        "services/orders/src/pay.rs",
        3,
    ),
    (
        Write("services/orders/src/pay.rs", "fn f() { tonic(\n BillingClient::connect(x)) }"),
        "NX-ARCH-001",
        "services/orders/src/pay.rs",
        2,
    ),
    (
        Write("services/orders/src/broken.rs", "fn f( {\n get(\"http://billing/x\") }"),
        "NX-ARCH-001",
        "services/orders/src/broken.rs",
        2,
    ),
    (Replace("deploy/compose.yaml", "http://nexus:4747", "http://billing:80"), "NX-ARCH-001", "deploy/compose.yaml", 9),
    (
        Replace(
            SHIPPING,
            "[[produces]]",
            "[[calls]]\nservice = \"orders\"\nreason = \"asks for addresses\"\n\n[[produces]]",
        ),
        "NX-ARCH-001",
        SHIPPING,
        9,
    ),
    (
        Write(
            "services/billing/Cargo.toml",
            "[package]\nname = \"shop-billing\"\n\n[dependencies]\nshop-orders = { path = \"../orders\" }\n",
        ),
        "NX-ARCH-001",
        "services/billing/Cargo.toml",
        5,
    ),
    (Replace(SHIPPING, "[\"parcels\"]", "[\"parcels\", \"Orders\"]"), "NX-ARCH-002", SHIPPING, 6),
    (Replace(SCRIPT, "'./invoice'", "'../../orders/src/main'"), "NX-ARCH-002", SCRIPT, 1),
    (
        Replace("services/shipping/app.py", "\"\"\"Ships what was paid.\"\"\"", "from orders.model import Order\n"),
        "NX-ARCH-002",
        "services/shipping/app.py",
        1,
    ),
    (Replace(SCRIPT, "FROM invoices", "FROM parcels"), "NX-ARCH-002", SCRIPT, 6),
    (
        Replace(
            ORDERS,
            "[[endpoints]]",
            "[[consumes]]\nevent = \"PaymentReceived\"\nversions = \"1\"\n\n[[endpoints]]",
        ),
        "NX-ARCH-003",
        BILLING,
        17,
    ),
    (Replace(PROGRAM, "UPDATE orders SET open = 0", "UPDATE payment_events SET open = 0"), "NX-EVT-001", PROGRAM, 13),
    (
        Write("services/shipping/src/a.kt", "val a = \"\"\"\n  TRUNCATE events\"\"\""),
        "NX-EVT-001",
        "services/shipping/src/a.kt",
        2,
    ),
    (
        Write("services/orders/src/erase.rs", "fn f() { store.delete_stream(id); }"),
        "NX-EVT-001",
        "services/orders/src/erase.rs",
        1,
    ),
    (
        Write(
            "services/billing/migrations/003.sql",
            "CREATE FUNCTION tidy() RETURNS void AS $$\nBEGIN\n  delete from payment_events where 1=1;\nEND $$;",
        ),
        "NX-EVT-001",
        "services/billing/migrations/003.sql",
        3,
    ),
    (
        Write(
            "services/billing/migrations/003.sql",
            "\u{FEFF}INSERT INTO payment_events VALUES (1)\nON CONFLICT (position) DO UPDATE SET payload = '{}'",
        ),
        "NX-EVT-001",
        "services/billing/migrations/003.sql",
        1,
    ),
    (Replace(LOCK, "event OrderPlaced 2", "event OrderPlaced 9"), "NX-EVT-002", ORDERS, 10),
    (Replace(PLACED, "A customer ordered.", "A customer wanted something."), "NX-EVT-002", ORDERS, 10),
    (Replace(BILLING, "event/PaymentRefunded/1.json", "event/PaymentReceived/1.json"), "NX-EVT-002", BILLING, 14),
    (
        Replace(
            BILLING,
            "event = \"PaymentReceived\"\nversion = 1",
            "event = \"PaymentReceived\"\nversion = 1\ndigest = \"00\"",
        ),
        "NX-EVT-002",
        BILLING,
        10,
    ),
    (Replace(SCRIPT, "eventType: 'PaymentReceived'", "eventType: 'PaymentLost'"), "NX-EVT-002", SCRIPT, 5),
    (
        Write(
            "services/orders/src/events.rs",
            "#[nexus::event]\nenum E {\n  OrderPlaced { a: u8 },\n  OrderForgotten,\n}",
        ),
        "NX-EVT-002",
        "services/orders/src/events.rs",
        4,
    ),
    (Replace(SHIPPING, "event = \"PaymentReceived\"", "event = \"PaymentRecieved\""), "NX-EVT-003", SHIPPING, 17),
    (Replace(SHIPPING, "versions = \"1\"", "versions = \"<1\""), "NX-EVT-003", SHIPPING, 18),
    (Replace(ORDERS, "owner = \"team-sales\"\n", ""), "NX-EVT-004", ORDERS, 8),
    (
        Write(
            "schemas/event/PlaceOrder/1.json",
            "{\"description\": \"x\", \"x-nexus-owner\": \"a\", \"type\": \"object\"}",
        ),
        "NX-EVT-004",
        "schemas/event/PlaceOrder/1.json",
        1,
    ),
    (
        Replace(PLACED, "\"total\": { \"type\": \"integer\"", "\"total\": { \"type\": \"string\""),
        "NX-SCH-001",
        PLACED,
        7,
    ),
    (Remove("schemas/event/ParcelShipped/1.upcast.json"), "NX-SCH-001", SHIPPED, 9),
    (
        Write("schemas/event/OrderPlaced/3.json", "{ \"type\": \"obj"),
        "NX-SCH-001",
        "schemas/event/OrderPlaced/3.json",
        1,
    ),
    (
        Replace("schemas/event/ParcelShipped/1.upcast.json", "/carrierCode", "/carriercode"),
        "NX-SCH-002",
        "schemas/event/ParcelShipped/1.upcast.json",
        1,
    ),
    (
        Write("schemas/event/ParcelShipped/1.upcast.json", "[{\"op\": \"sing\"}]"),
        "NX-SCH-002",
        "schemas/event/ParcelShipped/1.upcast.json",
        1,
    ),
    (Replace(PLACED, "A customer ordered.", "A customer wanted something."), "NX-SCH-002", PLACED, 1),
    (Remove("schemas/command/CancelOrder/1.json"), "NX-SCH-002", LOCK, 2),
    (Replace(SHIPPED, "[\"carrier\"]", "[\"carrier\", \"orderId\"]"), "NX-SCH-003", SHIPPED, 5),
    (Replace(PLACED, "{ \"key\": \"/customerId\" }", "true"), "NX-SCH-005", PLACED, 6),
    (Replace(PLACED, "/customerId\" }", "/nobody\" }"), "NX-SCH-005", PLACED, 6),
    (Replace(ORDERS, "rate-limit = \"10/s\"", "rate-limit = \"0/s\""), "NX-TMP-001", ORDERS, 16),
    (Replace(ORDERS, "authorization = \"role:operator\"", "authorization = \"public\""), "NX-TMP-002", ORDERS, 24),
    (Replace(POLICY, "\"id\": \"shop.refund-needs-money-team\",\n", ""), "NX-POL-001", POLICY, 4),
    (Replace(POLICY, "} if {", "} iff {"), "NX-POL-001", POLICY, 9),
    (Replace(TEST, "refund([\"money\"])", "refund([\"writer\"])"), "NX-POL-001", TEST, 12),
    (
        Write("policies/untested.rego", "package nexus.untested\n\nnext(x) := y if {\n\ty := x + 1\n\ty < 10\n}\n"),
        "NX-POL-001",
        "policies/untested.rego",
        3,
    ),
    (Remove(TEST), "NX-POL-001", POLICY, 1),
    (
        Write("policies/text.rego", "package nexus\n\ndeny contains \"no\" if {\n\tinput.x == 1\n}\n"),
        "NX-POL-001",
        "policies/text.rego",
        3,
    ),
    (
        Write(
            "policies/var.rego",
            "package nexus\n\ndeny contains d if {\n\tinput.x == 1\n\td := {\"id\": \"a\"}\n}\n",
        ),
        "NX-POL-001",
        "policies/var.rego",
        3,
    ),
];

#[test]
fn every_planted_violation_is_found_by_its_rule_where_it_was_planted() {
    let mut missed = Vec::new();
    for (change, rule, file, line) in PLANTED {
        let shop = Copy::of("repaired");
        change.make(&shop);
        let checked = shop.checked();
        let found = places(&checked);
        if !found.iter().any(|(found, at, on, _)| (found, at, on) == (rule, file, line)) {
            missed.push(format!("{rule} at {file}:{line}, found {found:?}"));
        }
    }
    assert_eq!(missed, [] as [String; 0]);
}

#[test]
fn every_rule_is_planted() {
    let shop = Copy::of("repaired");
    let rules: std::collections::BTreeSet<_> = shop.checked().subjects.iter().map(|subject| subject.rule).collect();
    // These two need something to compare with; they have tests of their own.
    let elsewhere = ["NX-SCH-004", "NX-POL-002"];
    for rule in rules.into_iter().filter(|rule| !elsewhere.contains(rule)) {
        assert!(PLANTED.iter().any(|(_, planted, ..)| *planted == rule), "{rule}");
    }
}

#[test]
fn what_is_allowed_stays_allowed() {
    for change in [
        Write(
            "services/orders/src/a.rs",
            "//! DELETE FROM payment_events\nfn f() { log(\"no UPDATE or DELETE on payment_events\"); }",
        ),
        Write("services/orders/tests/it.rs", "fn f() { run(\"TRUNCATE payment_events\"); get(\"http://billing\"); }"),
        Write("services/gateway/src/b.go", "var b = \"http://billing:80\""),
        Write("services/billing/src/own.ts", "fetch('http://billing/health'); const text = 'events from orders';"),
        Write(
            "services/orders/src/b.rs",
            "fn f() { get(\"https://billing.example.com\"); let billing = \"billing\"; }",
        ),
        Write(
            "services/billing/migrations/003.sql",
            "SELECT * FROM payment_events FOR UPDATE; INSERT INTO payment_events VALUES (1) ON CONFLICT DO NOTHING;",
        ),
        Write("schemas/command/CancelOrder/README.md", "not a schema"),
        Write("notes/event/draft.json", "{ not json"),
    ] {
        let shop = Copy::of("repaired");
        change.make(&shop);
        let checked = shop.checked();
        assert_eq!(places(&checked), []);
    }
}

#[test]
fn only_what_was_asked_for_is_reported() {
    let shop = Copy::of("broken");
    let only = |paths: &[&str]| {
        let paths = paths.iter().map(Into::into).collect();
        let checked = nexus_check::check(&CheckOptions { paths, ..shop.options() }).unwrap();
        checked.findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(only(&["services/shipping"]), ["NX-ARCH-002", "NX-EVT-003"]);
    assert_eq!(only(&["./services/shipping/app.py"]), ["NX-ARCH-002"]);
    assert_eq!(only(&["services/ship"]), [] as [&str; 0]);
}

#[test]
fn of_the_sources_only_those_that_changed_are_read_when_asked_so() {
    let shop = Copy::of("broken");
    let changed = |files: &[&str]| {
        let changed_only = Some(files.iter().map(Into::into).collect());
        nexus_check::check(&CheckOptions { changed_only, ..shop.options() }).unwrap()
    };
    let none = changed(&[]);
    assert_eq!((none.facts.sources, none.facts.sql), (0, 0));
    assert!(none.findings.iter().all(|finding| !["NX-ARCH-001", "NX-ARCH-002", "NX-EVT-001"].contains(&finding.rule)));
    let one = changed(&["services/orders/src/main.rs"]);
    assert_eq!(one.facts.sources, 1);
    assert!(one.findings.iter().any(|finding| finding.rule == "NX-ARCH-001"));
}

#[test]
fn two_findings_about_the_same_have_two_fingerprints() {
    let shop = Copy::of("repaired");
    shop.write("services/orders/src/a.rs", "fn f() { get(\"http://billing/a\"); get(\"http://billing/b\"); }");
    let checked = shop.checked();
    let prints: std::collections::BTreeSet<_> =
        checked.findings.iter().map(nexus_check::Finding::fingerprint).collect();
    assert_eq!((checked.findings.len(), prints.len()), (2, 2));
}

#[test]
fn a_file_belongs_to_the_service_of_the_nearest_manifest() {
    let shop = Copy::of("repaired");
    shop.write("services/orders/inner/nexus.service.toml", "[service]\nname = \"inner\"\nowner = \"team-inner\"\n");
    shop.write("services/orders/inner/a.rs", "fn f() { get(\"http://billing\"); }");
    let checked = shop.checked();
    assert_eq!(places(&checked), [("NX-ARCH-001", "services/orders/inner/a.rs", 1, 14)]);
    assert_eq!(checked.findings[0].message, "`inner` calls the service `billing`");
    assert_eq!(checked.findings[0].owner.as_deref(), Some("team-inner"));
}
