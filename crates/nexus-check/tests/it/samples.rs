//! Findings made by hand, and the files they are about.

use std::fs;

use nexus_check::{Evidence, Excepted, Finding, GateReport, Level, Place, Point, Sources, Subject};
use tempfile::TempDir;

pub(crate) fn place(file: &str, line: u32, columns: std::ops::Range<u32>) -> Place {
    let point = |column| Point { line, column };
    Place { file: file.to_owned(), start: point(columns.start), end: point(columns.end) }
}

pub(crate) fn finding(rule: &'static str, level: Level, place: Place, pointer: &str, message: &str) -> Finding {
    Finding {
        rule,
        level,
        message: message.to_owned(),
        place,
        pointer: pointer.to_owned(),
        evidence: Vec::new(),
        remediation: "mend it".to_owned(),
        owner: None,
    }
}

/// A call from one service to another, with evidence elsewhere.
pub(crate) fn call() -> Finding {
    let declared = Evidence {
        text: "`billing` is a service of this repository".to_owned(),
        place: Some(place("services/billing/nexus.service.toml", 2, 8..17)),
    };
    Finding {
        evidence: vec![declared, Evidence { text: "orders → billing".to_owned(), place: None }],
        remediation: "consume the events of `billing`".to_owned(),
        owner: Some("team-orders".to_owned()),
        ..finding(
            "NX-ARCH-001",
            Level::Error,
            place("services/orders/src/client.rs", 2, 24..48),
            "orders/billing",
            "`orders` calls `billing`",
        )
    }
}

pub(crate) fn unnamed() -> Finding {
    let at = place("schemas/event/PlaceOrder/1.json", 1, 1..2);
    finding("NX-EVT-004", Level::Warning, at, "PlaceOrder", "`PlaceOrder` is not in the past tense")
}

pub(crate) fn affected() -> Finding {
    let at = place("schemas/event/OrderPlaced/2.json", 1, 1..2);
    finding("NX-SCH-004", Level::Note, at, "OrderPlaced", "the change reaches 1 service")
}

/// One finding of each kind, one excepted, one known, and what was looked at.
pub(crate) fn report() -> GateReport {
    let excepted = finding("NX-EVT-001", Level::Error, place("old.sql", 1, 1..7), "events", "DELETE on `events`");
    let known = finding("NX-ARCH-002", Level::Error, place("b.sql", 3, 1..7), "billing/orders", "reads `orders`");
    let subject = |rule, name: &str, findings| Subject { rule, name: name.to_owned(), findings };
    GateReport {
        findings: vec![affected(), unnamed(), call()],
        excepted: vec![Excepted {
            finding: excepted,
            owner: "team-platform".to_owned(),
            reason: "before the first customer".to_owned(),
            expires: "2026-12-31".parse().unwrap(),
        }],
        known: vec![known],
        subjects: vec![
            subject("NX-ARCH-001", "orders", 1),
            subject("NX-ARCH-001", "billing", 0),
            subject("NX-EVT-004", "OrderPlaced", 0),
        ],
        ..GateReport::default()
    }
    .sorted()
}

/// The files of [`report`], as far as they exist.
pub(crate) fn repository() -> (TempDir, Sources) {
    let directory = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "services/orders/src/client.rs",
        "async fn invoice(client: &Client) {\n    client.post(url, \"für\", \"http://billing/invoices\").await;\n}\n",
    );
    write("schemas/event/PlaceOrder/1.json", "{}\n");
    let sources = Sources::below(directory.path());
    (directory, sources)
}
