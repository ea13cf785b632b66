use jiff::civil::{Date, date};
use nexus_check::{Excepted, Exceptions, Finding, Level, Scope};

use crate::samples::{call, place, unnamed};

const TODAY: Date = date(2026, 11, 26);

const GOOD: &str = r#"[[exception]]
rule = "NX-ARCH-001"
place = "services/orders/**"
owner = "team-orders"
reason = "billing publishes its events in March"
expires = 2027-03-31
"#;

fn applied(text: &str, findings: Vec<Finding>, scope: Scope) -> (Vec<Finding>, Vec<Excepted>) {
    Exceptions::parse("nexus.exceptions.toml", text).unwrap().apply(findings, scope, TODAY)
}

/// Line, column and message of what is wrong with exceptions.
fn wrong(text: &str) -> Vec<(u32, u32, String)> {
    let (counting, _) = applied(text, vec![call()], Scope::WHOLE);
    let about = |finding: &&Finding| finding.rule == "NX-EXC-001";
    let told = |finding: &Finding| (finding.place.start.line, finding.place.start.column, finding.message.clone());
    counting.iter().filter(about).map(told).collect()
}

#[test]
fn an_exception_lets_its_finding_pass_and_no_other() {
    let (counting, excepted) = applied(GOOD, vec![call(), unnamed()], Scope::WHOLE);
    assert_eq!(counting, [unnamed()]);
    assert_eq!(excepted.len(), 1);
    assert_eq!((excepted[0].owner.as_str(), excepted[0].expires), ("team-orders", date(2027, 3, 31)));
}

#[test]
fn rule_place_and_pointer_must_all_fit() {
    for (from, to) in [
        ("NX-ARCH-001", "NX-ARCH-002"),
        ("services/orders/**", "services/*.rs"),
        ("place = \"services/orders/**\"", "pointer = \"orders/shipping\""),
        ("owner", "pointer = \"orders/shipping\"\nowner"),
    ] {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        let (counting, excepted) = applied(&text, vec![call()], Scope::WHOLE);
        assert_eq!(excepted, [], "{text}");
        assert!(counting.contains(&call()), "{text}");
    }
    let by_pointer = GOOD.replace("place = \"services/orders/**\"", "pointer = \"orders/billing\"");
    assert_eq!(applied(&by_pointer, vec![call()], Scope::WHOLE).1.len(), 1);
}

#[test]
fn the_line_that_a_finding_suggests_is_its_exception_once_filled_in() {
    let odd = Finding { place: place("a[1]/{b}*\\\"ü\u{1b}.rs", 1, 1..2), ..call() };
    for suggested in [call(), odd] {
        let report = nexus_check::GateReport { findings: vec![suggested.clone()], ..Default::default() };
        let sources = nexus_check::Sources::below(".");
        let told = nexus_check::render(&report, nexus_check::Rendering::Text, &sources, false).unwrap();
        let (_, line) = told.split_once("= except: ").unwrap();
        let line = line.lines().next().unwrap();
        let unfilled = format!("exception = [\n  {line},\n]\n");
        let said: Vec<_> = wrong(&unfilled).into_iter().map(|(line, _, said)| (line, said)).collect();
        assert_eq!(said, [(2, "`reason` is empty".to_owned()), (2, "`expires` is empty".to_owned())]);
        let filled =
            unfilled.replace("reason = \"\"", "reason = \"r\"").replace("expires = \"\"", "expires = 2026-12-01");
        let other = Finding { place: place("a/b.rs", 1, 1..2), ..suggested.clone() };
        let (counting, excepted) = applied(&filled, vec![suggested, other.clone()], Scope::WHOLE);
        assert_eq!((counting, excepted.len()), (vec![other], 1), "{filled}");
    }
}

#[test]
fn an_incomplete_exception_is_a_finding_and_not_in_force() {
    let entry = |member: &str| GOOD.lines().filter(|line| !line.starts_with(member)).collect::<Vec<_>>().join("\n");
    for member in ["rule", "owner", "reason", "expires"] {
        let (counting, excepted) = applied(&entry(member), vec![call()], Scope::WHOLE);
        assert_eq!(excepted, [], "{member}");
        assert!(counting.contains(&call()), "{member}");
        assert_eq!(wrong(&entry(member)), [(1, 1, format!("an exception has no `{member}`"))]);
    }
    let everywhere = wrong(&entry("place"));
    assert!(everywhere[0].2.contains("whole rule"), "{everywhere:?}");
}

#[test]
fn what_is_wrong_is_pointed_at() {
    let said = |from: &str, to: &str| wrong(&GOOD.replace(from, to));
    assert_eq!(said("\"team-orders\"", "\" \""), [(4, 9, "`owner` is empty".to_owned())]);
    assert_eq!(said("\"team-orders\"", "7"), [(4, 9, "`owner` is not a text".to_owned())]);
    assert_eq!(
        said("NX-ARCH-001", "NX-ARHC-001"),
        [(2, 8, "`rule` names no rule; is `NX-ARCH-001` meant?".to_owned())]
    );
    assert_eq!(
        said("NX-ARCH-001", "NX-EXC-001"),
        [(2, 8, "`rule` is NX-EXC-001, to which there are no exceptions".to_owned())]
    );
    assert_eq!(
        said("2027-03-31", "\"in March\""),
        [(6, 11, "`expires` is `in March`, which is no day such as 2027-03-31".to_owned())]
    );
    assert!(said("services/orders/**", "services/[")[0].2.contains("no pattern of files"));
    let typo = said("reason", "raeson");
    assert_eq!(typo[1], (5, 1, "`raeson` says nothing here; is `reason` meant?".to_owned()));
    assert_eq!(wrong(&format!("{GOOD}\n[[exeption]]\n"))[0].2, "`exeption` is not an exception");
    assert_eq!(wrong("exception = 1\n")[0].2, "`exception` is not a list of tables");
    assert_eq!(wrong("exception = [1]\n")[0].2, "an exception is not a table");
}

#[test]
fn an_exception_holds_on_its_last_day_and_not_after() {
    let until = |day: &str| applied(&GOOD.replace("2027-03-31", day), vec![call()], Scope::WHOLE);
    assert_eq!(until("2026-11-26").1.len(), 1);
    let (counting, excepted) = until("2026-11-25");
    assert_eq!(excepted, []);
    assert_eq!(counting.len(), 2, "what it hid counts again, beside it: {counting:?}");
    let expired = (6, 11, "this exception to NX-ARCH-001 expired on 2026-11-25".to_owned());
    assert_eq!(wrong(&GOOD.replace("2027-03-31", "2026-11-25")), [expired]);
}

#[test]
fn an_exception_for_more_than_a_year_is_a_finding() {
    assert_eq!(wrong(&GOOD.replace("2027-03-31", "2027-11-26")), []);
    let long = wrong(&GOOD.replace("2027-03-31", "2027-11-27"));
    assert_eq!(long, [(6, 11, "this exception to NX-ARCH-001 holds until 2027-11-27, more than a year".to_owned())]);
}

#[test]
fn a_needless_exception_is_a_finding() {
    let needless = |scope| applied(GOOD, Vec::new(), scope).0;
    let found = needless(Scope::WHOLE);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].place.start.line, found[0].level), (1, Level::Error));
    assert!(found[0].message.contains("nothing is left"), "{}", found[0].message);
    let twice = format!("{GOOD}{GOOD}");
    assert_eq!(wrong(&twice).len(), 1, "the second is never needed");
}

#[test]
fn a_run_over_a_part_proves_no_exception_needless() {
    let part = Scope { all_files: false, ..Scope::WHOLE };
    assert_eq!(applied(GOOD, Vec::new(), part).0, []);
    let of_schemas = GOOD.replace("NX-ARCH-001", "NX-SCH-001");
    let without_base = Scope { base: false, ..Scope::WHOLE };
    assert_eq!(applied(&of_schemas, Vec::new(), without_base).0, []);
    assert_eq!(applied(&of_schemas, Vec::new(), Scope::WHOLE).0.len(), 1);
}

#[test]
fn a_file_that_is_no_toml_stops_the_gate_and_names_the_line() {
    let error = Exceptions::parse("nexus.exceptions.toml", "[[exception]]\nrule = \n").unwrap_err();
    assert!(error.to_string().starts_with("nexus.exceptions.toml:2:"), "{error}");
}

#[test]
fn a_repository_without_the_file_has_no_exceptions_and_an_unreadable_one_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    assert!(Exceptions::read(directory.path()).unwrap().entries.is_empty());
    std::fs::create_dir(directory.path().join(Exceptions::FILE)).unwrap();
    assert!(Exceptions::read(directory.path()).is_err());
}

#[test]
fn findings_of_different_exceptions_have_different_fingerprints() {
    let two = format!("{}{}", GOOD.replace("reason", "raeson"), GOOD.replace("owner", "ower"));
    let (counting, _) = applied(&two, Vec::new(), Scope::WHOLE);
    let prints: std::collections::BTreeSet<_> = counting.iter().map(Finding::fingerprint).collect();
    assert_eq!(prints.len(), counting.len());
    assert!(counting.len() >= 4, "{counting:?}");
}
