//! `nexus check` as a process: what it takes, what it prints where, and how it ends.

use std::{fs, path::Path, process::Command};

use nexus_e2e::{Finished, run_program};
use tempfile::TempDir;

use crate::upcasting::program;

fn check(root: &Path, more: &[&str]) -> Finished {
    run_program(&program(), &[&["first", "check", "--root", root.to_str().unwrap()], more].concat())
}

fn git(root: &Path, arguments: &[&str]) {
    let ended = Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    assert!(ended.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

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
fn a_wrong_command_line_is_told_from_a_finding() {
    let directory = TempDir::new().unwrap();
    for more in [
        &["--format", "xml"][..],
        &["--format", "sarif", "-o", "json"],
        &["--fail-level", "note"],
        &["--update-baseline"],
        &["--changed", "src"],
        &["--against=-x"],
        &["no-such-folder"],
        &[".."],
    ] {
        let ended = check(directory.path(), more);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{more:?}: {ended:?}");
    }
}

#[test]
fn a_gate_that_cannot_look_fails_with_its_own_code() {
    let empty = TempDir::new().unwrap();
    let ended = check(empty.path(), &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    assert!(ended.stderr.contains("the gate itself failed"), "{}", ended.stderr);
    let no_git = check(empty.path(), &["--changed"]);
    assert_eq!(no_git.code, Some(3), "{no_git:?}");
    fs::write(empty.path().join("nexus.exceptions.toml"), "[[exception]\n").unwrap();
    let broken = check(empty.path(), &[]);
    assert_eq!(broken.code, Some(3), "{broken:?}");
    assert!(broken.stderr.contains("nexus.exceptions.toml:1:"), "{}", broken.stderr);
}

#[test]
fn a_commit_of_nothing_is_let_pass() {
    let repository = TempDir::new().unwrap();
    git(repository.path(), &["init", "-q"]);
    let ended = check(repository.path(), &["--changed"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "nothing is staged\n"), "{ended:?}");
}
