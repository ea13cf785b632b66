//! A small shop with one violation of each rule, and the same shop without.

use nexus_check::{CheckOptions, check};

use crate::support::{fixture, options, places};

/// Every finding of the broken shop, and what its fix has to speak of. The bundle in force is an option of the check.
const FINDINGS: &[(&str, &str, u32, u32, &str)] = &[
    ("NX-POL-002", "policies/shop.rego", 1, 1, "bring the tested policies into force"),
    ("NX-POL-001", "policies/shop.rego", 4, 1, "remediation"),
    ("NX-SCH-002", "schemas/command/CancelOrder/1.json", 1, 1, "2.json"),
    ("NX-SCH-005", "schemas/event/OrderPlaced/2.json", 6, 5, "x-nexus-pii"),
    ("NX-SCH-001", "schemas/event/OrderPlaced/2.json", 10, 3, "make `currency` optional"),
    ("NX-SCH-003", "schemas/event/ParcelShipped/2.json", 1, 1, "x-nexus-reserved"),
    ("NX-SCH-004", "schemas/event/PaymentReceived/2.json", 1, 1, "let `shipping` read version 2"),
    ("NX-EVT-004", "schemas/event/PaymentRefunded/1.json", 1, 1, "description"),
    ("NX-EVT-001", "services/billing/migrations/002_settle.sql", 2, 1, "store a further event"),
    ("NX-EVT-002", "services/billing/nexus.service.toml", 13, 11, "add the schema"),
    ("NX-ARCH-003", "services/billing/nexus.service.toml", 17, 9, "which context leads"),
    ("NX-TMP-001", "services/orders/nexus.service.toml", 18, 8, "max-range"),
    ("NX-TMP-002", "services/orders/nexus.service.toml", 25, 8, "authorization"),
    ("NX-ARCH-001", "services/orders/src/main.rs", 13, 39, "let `billing` publish"),
    ("NX-ARCH-002", "services/shipping/app.py", 8, 10, "read model of its own"),
    ("NX-EVT-003", "services/shipping/nexus.service.toml", 14, 12, "a version that is published"),
];

fn broken() -> CheckOptions {
    CheckOptions { bundle_digest: Some("0".repeat(64)), ..options(&fixture("broken")) }
}

#[test]
fn every_violation_of_the_broken_repository_is_found_at_its_place_with_its_fix() {
    let checked = check(&broken()).unwrap();
    let expected: Vec<_> =
        FINDINGS.iter().map(|(rule, file, line, column, _)| (*rule, *file, *line, *column)).collect();
    assert_eq!(places(&checked), expected);
    for (finding, (.., fix)) in checked.findings.iter().zip(FINDINGS) {
        assert!(finding.remediation.contains(fix), "{}: {}", finding.rule, finding.remediation);
        assert!(finding.place.end > finding.place.start, "{}", finding.rule);
        assert!(!finding.message.is_empty() && !finding.pointer.is_empty(), "{finding:?}");
    }
}

#[test]
fn the_broken_repository_breaks_every_rule_once() {
    let checked = check(&broken()).unwrap();
    let mut broken: Vec<_> = checked.findings.iter().map(|finding| finding.rule).collect();
    broken.sort_unstable();
    let mut rules: Vec<_> = checked.subjects.iter().map(|subject| subject.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(broken, rules);
    assert_eq!(rules.len(), 16);
}

#[test]
fn the_repaired_repository_has_no_finding() {
    let checked = check(&options(&fixture("repaired"))).unwrap();
    assert_eq!(places(&checked), []);
    assert!(checked.subjects.iter().all(|subject| subject.findings == 0));
}

#[test]
fn the_bundle_in_force_is_well_when_it_is_the_one_that_was_tested() {
    let checked = check(&broken()).unwrap();
    let finding = checked.findings.iter().find(|finding| finding.rule == "NX-POL-002").unwrap();
    let known: Vec<_> =
        finding.evidence.iter().filter_map(|evidence| evidence.text.strip_prefix("policies: ")).collect();
    // By itself, and with the policy that is shipped.
    assert_eq!(known.len(), 2);
    for digest in known {
        let running = CheckOptions { bundle_digest: Some(digest.to_uppercase()), ..broken() };
        let found = check(&running).unwrap().findings;
        assert!(found.iter().all(|finding| finding.rule != "NX-POL-002"), "{digest}");
    }
}

const CHECKOUT: &str = "services/orders/src/main/java/com/shop/orders/Checkout.java";
const TOTALS: &str = "services/billing/src/main/kotlin/Totals.kt";

#[test]
fn contexts_in_java_and_kotlin_that_import_from_each_other_are_found_and_their_repair_is_well() {
    let checked = check(&options(&fixture("jvm-broken"))).unwrap();
    assert_eq!(places(&checked), [("NX-ARCH-002", TOTALS, 3, 1), ("NX-ARCH-002", CHECKOUT, 3, 1)]);
    let messages: Vec<_> = checked.findings.iter().map(|finding| finding.message.as_str()).collect();
    let said = |from, to| format!("code of the context `{from}` imports from the context `{to}`");
    assert_eq!(messages, [said("payments", "sales"), said("sales", "payments")]);
    let repaired = check(&options(&fixture("jvm-repaired"))).unwrap();
    assert_eq!(places(&repaired), []);
    let looked = |subject: &&nexus_check::Subject| subject.rule == "NX-ARCH-002";
    assert!(repaired.subjects.iter().filter(looked).count() > 0);
}

#[test]
fn an_import_of_a_package_that_did_not_change_is_found_in_a_file_that_did() {
    let changed_only = Some(vec![CHECKOUT.into()]);
    let checked = check(&CheckOptions { changed_only, ..options(&fixture("jvm-broken")) }).unwrap();
    assert_eq!(checked.facts.sources, 1);
    assert_eq!(places(&checked), [("NX-ARCH-002", CHECKOUT, 3, 1)]);
}
