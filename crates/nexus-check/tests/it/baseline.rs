use nexus_check::{Baseline, Finding, Scope};

use crate::samples::{affected, call, place, unnamed};

/// The same finding a second time in the same file.
fn again() -> Finding {
    Finding { place: place("services/orders/src/client.rs", 9, 1..2), ..call() }
}

/// A baseline as it is read, and the text of its file.
fn written(findings: &[Finding]) -> (Baseline, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(Baseline::FILE);
    Baseline::of(findings).create(&path).unwrap();
    (Baseline::read(&path, Baseline::FILE).unwrap(), std::fs::read_to_string(&path).unwrap())
}

#[test]
fn what_a_baseline_knows_does_not_count_and_new_findings_do() {
    let (baseline, _) = written(&[call()]);
    assert_eq!(baseline.apply(vec![call(), unnamed()]), (vec![unnamed()], vec![call()]));
}

#[test]
fn a_moved_finding_stays_known() {
    let (baseline, _) = written(&[call()]);
    assert_eq!(baseline.apply(vec![again()]), (vec![], vec![again()]));
}

#[test]
fn a_second_finding_of_the_same_kind_counts() {
    let (baseline, _) = written(&[call()]);
    assert_eq!(baseline.apply(vec![call(), again()]), (vec![again()], vec![call()]));
    let (both, _) = written(&[call(), again()]);
    assert_eq!((both.len(), both.apply(vec![call(), again()]).0), (2, vec![]));
}

#[test]
fn what_is_gone_is_a_finding_at_its_line() {
    let (baseline, text) = written(&[unnamed(), call(), again()]);
    let stale = baseline.stale(&[call()], Scope::WHOLE);
    assert_eq!(stale.len(), 2);
    for finding in &stale {
        assert_eq!((finding.rule, finding.place.file.as_str()), ("NX-EXC-001", Baseline::FILE));
        let line = text.lines().nth(usize::try_from(finding.place.start.line).unwrap() - 1).unwrap();
        assert!(line.contains("\"fingerprint\""), "{line}");
    }
    let said: Vec<_> = stale.iter().map(|finding| finding.message.as_str()).collect();
    assert!(said.iter().any(|said| said.ends_with("and 1 of 2 is gone")), "{said:?}");
    assert!(said.iter().any(|said| said.ends_with("and it is gone")), "{said:?}");
}

#[test]
fn a_run_over_a_part_proves_nothing_gone() {
    let (baseline, _) = written(&[call()]);
    let part = Scope { all_files: false, ..Scope::WHOLE };
    assert_eq!(baseline.stale(&[], part), []);
    assert_eq!(baseline.shrunk(&[], part), baseline);
}

#[test]
fn a_baseline_shrinks_and_never_grows() {
    let (baseline, _) = written(&[call(), again()]);
    let shrunk = baseline.shrunk(&[call(), unnamed()], Scope::WHOLE);
    assert_eq!(shrunk.len(), 1);
    assert_eq!(shrunk.apply(vec![unnamed()]).0, [unnamed()]);
    assert_eq!(baseline.shrunk(&[call(), again(), again()], Scope::WHOLE), baseline);
    assert!(baseline.shrunk(&[], Scope::WHOLE).is_empty());
}

#[test]
fn notes_and_findings_about_exceptions_are_never_known() {
    let about = Finding { rule: "NX-EXC-001", ..call() };
    assert!(Baseline::of(&[affected(), about.clone()]).is_empty());
    let (baseline, text) = written(&[call()]);
    let forged = text.replace(&call().fingerprint(), &about.fingerprint());
    assert_ne!(forged, text);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("b"), forged).unwrap();
    let forged = Baseline::read(&directory.path().join("b"), "b").unwrap();
    assert_eq!(forged.apply(vec![about.clone()]), (vec![about], vec![]));
    assert_eq!(baseline.len(), 1);
}

#[test]
fn a_first_baseline_does_not_replace_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.json");
    Baseline::of(&[call()]).create(&path).unwrap();
    let error = Baseline::of(&[call(), unnamed()]).create(&path).unwrap_err();
    assert!(error.to_string().starts_with("there is a baseline already"), "{error}");
    assert_eq!(Baseline::read(&path, "b.json").unwrap().len(), 1);
    Baseline::default().replace(&path).unwrap();
    assert!(Baseline::read(&path, "b.json").unwrap().is_empty());
}

#[test]
fn a_file_that_is_no_baseline_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.json");
    let (_, text) = written(&[call()]);
    let entry = text.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    let cases = [
        ("{".to_owned(), "line 1"),
        (text.replace("\"version\": 1", "\"version\": 2"), "its version is 2"),
        (text.replace("\"count\"", "\"cuont\""), "cuont"),
        (text.replace(entry, &format!("{entry},{entry}")), "twice"),
    ];
    for (broken, reason) in cases {
        std::fs::write(&path, &broken).unwrap();
        let error = Baseline::read(&path, "b.json").unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(Baseline::read(&directory.path().join("none"), "none").is_err());
}
