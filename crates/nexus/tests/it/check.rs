//! `nexus check` as a process over whole repositories: what it takes, what it prints where, and how it ends. The
//! repositories are the fixtures of `nexus-check`: a shop that breaks every rule, and its repaired twin.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use nexus_e2e::{Finished, run_program};
use serde_json::Value;
use tempfile::TempDir;

use crate::upcasting::program;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nexus-check/tests/fixtures").join(name)
}

/// A copy of a fixture that a test may change.
struct Shop(TempDir);

impl Shop {
    fn of(name: &str) -> Self {
        let directory = TempDir::new().unwrap();
        copy(&fixture(name), directory.path());
        Self(directory)
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts the file in as it is in the repaired twin.
    fn repair(&self, file: &str) {
        fs::copy(fixture("repaired").join(file), self.root().join(file)).unwrap();
    }

    fn check(&self, more: &[&str]) -> Finished {
        check(self.root(), more)
    }

    /// How it ended, and the findings that count.
    fn findings(&self, more: &[&str]) -> (Option<i32>, Vec<Value>) {
        let ended = self.check(&[&["-o", "json"], more].concat());
        let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        (ended.code, document["findings"].as_array().unwrap().clone())
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
        let ended = Command::new("git").current_dir(self.root()).args(identity).args(arguments).output().unwrap();
        assert!(ended.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    fn commit(&self) {
        self.git(&["init", "-q"]);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "as it was"]);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn check(root: &Path, more: &[&str]) -> Finished {
    run_program(&program(), &[&["first", "check", "--root", root.to_str().unwrap()], more].concat())
}

fn rules(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

const DELETE: &str = "DELETE FROM events;\n";
const FORGET: &str = "services/orders/migrations/009_forget.sql";

#[test]
fn a_rule_is_explained_by_its_page() {
    let ended = run_program(&program(), &["first", "check", "--explain", "nx-arch-001"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("# NX-ARCH-001: "), "{}", ended.stdout);
    let unknown = run_program(&program(), &["first", "check", "--explain", "NX-ARCH-01"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("is `NX-ARCH-001` meant?"), "{}", unknown.stderr);
}

#[test]
fn the_services_are_drawn_and_not_judged() {
    let shop = Shop::of("broken");
    let drawn = shop.check(&["--graph", "mermaid"]);
    assert_eq!((drawn.code, drawn.stderr.as_str()), (Some(0), ""));
    assert!(drawn.stdout.starts_with("flowchart LR\n") && drawn.stdout.contains("OrderPlaced"), "{}", drawn.stdout);
    let document: Value = serde_json::from_str(&shop.check(&["--graph", "json"]).stdout).unwrap();
    assert_eq!((&document["version"], document["graph"]["services"].as_array().unwrap().len()), (&Value::from(1), 4));
    assert_eq!(check(TempDir::new().unwrap().path(), &["--graph", "json"]).code, Some(3));
}

#[test]
fn a_wrong_command_line_is_told_from_a_finding() {
    let shop = Shop::of("broken");
    for more in [
        &["--format", "xml"][..],
        &["--format", "sarif", "-o", "json"],
        &["--fail-level", "note"],
        &["--update-baseline"],
        &["--changed", "services"],
        &["--against=-x"],
        &["no-such-folder"],
        &[".."],
    ] {
        let ended = shop.check(more);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{more:?}: {ended:?}");
    }
}

#[test]
fn a_broken_repository_fails_and_its_repaired_twin_passes_in_every_format() {
    let (broken, repaired) = (Shop::of("broken"), Shop::of("repaired"));
    for format in ["text", "json", "jsonl", "sarif", "github", "junit"] {
        let ended = broken.check(&["--format", format]);
        assert_eq!(ended.code, Some(1), "{format}: {ended:?}");
        assert!(ended.stdout.contains("NX-EVT-001") && !ended.stdout.contains('\u{1b}'), "{format}: {}", ended.stdout);
        assert_eq!(ended.stderr, "error: 11 errors, 3 warnings, 1 note\n", "{format}");
        let ended = repaired.check(&["--format", format, "--fail-level", "warning"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{format}: {ended:?}");
    }
    assert!(repaired.check(&[]).stdout.starts_with("nothing found; "));
}

#[test]
fn a_finding_is_told_the_same_in_every_format() {
    let shop = Shop::of("repaired");
    shop.write(FORGET, DELETE);
    let told = |format: &str| shop.check(&["--format", format]).stdout;
    assert!(
        told("text").contains(&format!("error[NX-EVT-001]: DELETE on `events`, which holds events\n --> {FORGET}:1:1"))
    );
    assert!(told("github").contains(&format!("::error file={FORGET},line=1,endLine=1,col=1,")));
    let sarif: Value = serde_json::from_str(&told("sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], FORGET);
    let line: Value = serde_json::from_str(&told("jsonl")).unwrap();
    assert_eq!(line["place"]["file"], FORGET);
    assert_eq!(told("json"), shop.check(&["-o", "json"]).stdout);
    let junit = told("junit");
    assert!(junit.contains("<failure ") && junit.contains(&format!("name=\"{FORGET} ")), "{junit}");
}

#[test]
fn colours_are_for_those_who_ask() {
    let shop = Shop::of("broken");
    assert!(shop.check(&["--color", "always"]).stdout.contains("\u{1b}["));
    assert!(!shop.check(&["--color", "always", "--format", "github"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_step_of_a_workflow_gets_its_summary() {
    let shop = Shop::of("broken");
    let summary = shop.root().join("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let run = |format: &str, file: &Path| {
        let mut command = Command::new(program());
        command.args(["first", "check", "--format", format, "--root"]).arg(shop.root());
        command.env("GITHUB_STEP_SUMMARY", file).output().unwrap().status.code()
    };
    assert_eq!(run("sarif", &summary), Some(1));
    assert_eq!(fs::read_to_string(&summary).unwrap(), "before\n");
    assert_eq!(run("github", &summary), Some(1));
    assert!(fs::read_to_string(&summary).unwrap().starts_with("before\n### nexus check: 11 errors"));
    assert_eq!(run("github", &shop.root().join("no/such/folder")), Some(3));
}

#[test]
fn warnings_fail_only_those_who_ask() {
    let shop = Shop::of("repaired");
    shop.write("schemas/event/OrderRefused/1.json", r#"{ "type": "object", "x-nexus-owner": "team-sales" }"#);
    let (code, findings) = shop.findings(&[]);
    assert_eq!((code, rules(&findings)), (Some(0), vec!["NX-EVT-004"]));
    assert_eq!(shop.check(&["--fail-level", "warning"]).code, Some(1));
}

#[test]
fn only_findings_in_the_named_parts_count() {
    let shop = Shop::of("broken");
    let here = shop.root().join("services/billing");
    let (code, findings) = shop.findings(&[here.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(!findings.is_empty());
    for finding in findings {
        assert!(finding["place"]["file"].as_str().unwrap().starts_with("services/billing/"), "{finding}");
    }
    let policies = shop.root().join("services/gateway");
    assert_eq!(shop.check(&[policies.to_str().unwrap()]).code, Some(0));
}

#[test]
fn a_gate_that_cannot_look_fails_with_its_own_code() {
    let refused = |root: &Path, more: &[&str], reason: &str| {
        let ended = check(root, more);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
        assert!(ended.stderr.starts_with("error: the gate itself failed: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    };
    let empty = TempDir::new().unwrap();
    refused(empty.path(), &[], "nothing to check");
    let shop = Shop::of("repaired");
    shop.commit();
    refused(shop.root(), &["--against", "no-such-revision"], "cannot compare with `no-such-revision`");
    refused(shop.root(), &["--baseline", "no-such-file"], "no-such-file");
    shop.write("nexus.exceptions.toml", "[[exception]\n");
    refused(shop.root(), &[], "nexus.exceptions.toml:1:");
    shop.write("nexus.exceptions.toml", "");
    shop.write("services/billing/nexus.service.toml", "[service]\nnmae = \"billing\"\n");
    refused(shop.root(), &[], "services/billing/nexus.service.toml:2:1");
    shop.repair("services/billing/nexus.service.toml");
    let large = fs::File::create(shop.root().join("large.sql")).unwrap();
    large.set_len(17 << 20).unwrap();
    refused(shop.root(), &[], "large.sql");
}

#[test]
fn a_name_that_wants_to_be_more_than_a_name_does_not_reach_the_terminal() {
    let shop = Shop::of("repaired");
    let hostile = "a\u{1b}]0;owned\u{7}\n::error::forged.sql";
    shop.write(hostile, DELETE);
    for format in ["text", "json", "jsonl", "sarif", "github", "junit"] {
        let ended = shop.check(&["--format", format]);
        assert_eq!(ended.code, Some(1), "{format}");
        assert!(!ended.stdout.contains(['\u{1b}', '\u{7}']), "{format}: {}", ended.stdout);
        assert!(!ended.stdout.lines().any(|line| line.starts_with("::error::")), "{format}: {}", ended.stdout);
    }
    fs::File::options().write(true).open(shop.root().join(hostile)).unwrap().set_len(17 << 20).unwrap();
    let ended = shop.check(&["--format", "github"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    assert!(!ended.stderr.contains(['\u{1b}', '\u{7}']), "{}", ended.stderr);
}

#[test]
fn a_policy_that_does_not_load_does_not_pass() {
    let shop = Shop::of("repaired");
    shop.write("policies/shop.rego", "package nexus\n\ndeny contains {\n");
    let (code, findings) = shop.findings(&[]);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-POL-001"]), "{findings:?}");
}

#[test]
fn exceptions_let_pass_what_somebody_answers_for_and_nothing_more() {
    let shop = Shop::of("broken");
    let (_, findings) = shop.findings(&[]);
    let day = |finding: &Value| {
        // A text of JSON is one of TOML as well.
        let text = |pointer: &str| finding.pointer(pointer).unwrap().to_string();
        format!(
            "[[exception]]\nrule = {}\nplace = {}\npointer = {}\nowner = \"ada\"\nreason = \"a trial\"\nexpires = {}\n",
            text("/rule"),
            text("/place/file"),
            text("/pointer"),
            in_a_week()
        )
    };
    let all: String = findings.iter().map(day).collect();
    shop.write("nexus.exceptions.toml", &all);
    let ended = shop.check(&["--fail-level", "warning"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("nothing found; 15 excepted; "), "{}", ended.stdout);
    shop.write(FORGET, DELETE);
    let (code, findings) = shop.findings(&[]);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-EVT-001"]));
    fs::remove_file(shop.root().join(FORGET)).unwrap();
    shop.repair("services/billing/migrations/002_settle.sql");
    let (code, findings) = shop.findings(&[]);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-EXC-001"]), "its exception is needless now");
    assert_eq!(findings[0]["place"]["file"], "nexus.exceptions.toml");
}

/// A day as TOML has it.
fn in_a_week() -> String {
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    day.checked_add(jiff::Span::new().weeks(1)).unwrap().to_string()
}

#[test]
fn a_baseline_passes_over_what_is_known_and_only_shrinks() {
    let shop = Shop::of("broken");
    let file = shop.root().join("nexus.baseline.json");
    let baseline = ["--baseline", file.to_str().unwrap(), "--fail-level", "warning"];
    let created = shop.check(&["--create-baseline"]);
    assert_eq!(created.code, Some(0), "{created:?}");
    assert!(created.stderr.contains("with 14 finding(s)"), "notes are not in it: {}", created.stderr);
    assert_eq!(shop.check(&["--create-baseline"]).code, Some(2));
    assert_eq!(shop.check(&baseline).code, Some(0));
    assert_eq!(shop.check(&[]).code, Some(1), "it counts only where it is named");
    shop.write(FORGET, DELETE);
    let update = [&baseline[..], &["--update-baseline"]].concat();
    let (code, findings) = shop.findings(&update);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-SCH-004", "NX-EVT-001"]), "what is new is not taken in");
    fs::remove_file(shop.root().join(FORGET)).unwrap();
    shop.repair("services/billing/migrations/002_settle.sql");
    let (code, findings) = shop.findings(&baseline);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-EXC-001", "NX-SCH-004"]));
    assert_eq!(findings[0]["place"]["file"], "nexus.baseline.json");
    assert_eq!(shop.check(&update).code, Some(0));
    assert_eq!(shop.check(&baseline).code, Some(0));
    shop.write("services/billing/migrations/002_settle.sql", "DELETE FROM payment_events;\n");
    assert_eq!(shop.check(&baseline).code, Some(1), "what was taken out counts again");
}

#[test]
fn only_what_is_staged_is_looked_at_before_a_commit() {
    let shop = Shop::of("repaired");
    shop.commit();
    shop.write(FORGET, DELETE);
    let ended = shop.check(&["--changed"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "nothing is staged\n"), "{ended:?}");
    shop.write("notes.sql", "SELECT 1;\n");
    shop.git(&["add", "notes.sql"]);
    assert_eq!(shop.check(&["--changed"]).code, Some(0), "what is not staged is no part of the commit");
    shop.git(&["add", "-A"]);
    let (code, findings) = shop.findings(&["--changed"]);
    assert_eq!((code, rules(&findings)), (Some(1), vec!["NX-EVT-001"]));
    shop.git(&["rm", "-q", "--cached", FORGET]);
    assert_eq!(shop.check(&["--changed"]).code, Some(0));
    let no_git = Shop::of("repaired");
    assert_eq!(no_git.check(&["--changed"]).code, Some(3));
}

#[test]
fn an_exception_that_is_needless_does_not_stop_a_commit_elsewhere() {
    let shop = Shop::of("repaired");
    shop.commit();
    shop.write("notes.sql", "SELECT 1;\n");
    let expired = "[[exception]]\nrule = \"NX-EVT-001\"\nplace = \"**\"\nowner = \"ada\"\nexpires = 2020-01-01\n";
    shop.write("nexus.exceptions.toml", expired);
    shop.git(&["add", "notes.sql"]);
    assert_eq!(shop.check(&["--changed"]).code, Some(0));
    shop.git(&["add", "-A"]);
    assert_eq!(shop.check(&["--changed"]).code, Some(1));
    assert_eq!(shop.check(&[]).code, Some(1));
}

#[test]
fn a_change_is_held_against_what_was_before() {
    let shop = Shop::of("repaired");
    fs::remove_file(shop.root().join("schemas/nexus.schemas.lock")).unwrap();
    shop.commit();
    shop.write("schemas/command/CancelOrder/1.json", r#"{ "type": "object", "required": ["reason"] }"#);
    let found = |against: &str| {
        let (_, findings) = shop.findings(&["--against", against]);
        rules(&findings).contains(&"NX-SCH-002")
    };
    assert!(found("HEAD"), "a published version was changed");
    let before = fixture("repaired");
    assert!(found(before.to_str().unwrap()));
    let (_, findings) = shop.findings(&[]);
    assert!(!rules(&findings).contains(&"NX-SCH-002"), "{findings:?}");
}
