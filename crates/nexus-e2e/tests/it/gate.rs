//! The gate before a commit, as the hook of the repository sets it up.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use nexus_e2e::binary;
use tempfile::TempDir;

const MANIFEST: &str = "[service]\nname = \"orders\"\nowner = \"team-orders\"\n";

fn git(repository: &Path, arguments: &[&str]) -> Output {
    let identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    command.current_dir(repository).args(identity).args(arguments).env("NEXUS", binary());
    command.output().unwrap()
}

#[test]
#[cfg(unix)]
fn the_hook_stops_a_commit_that_breaks_a_rule_and_no_other() {
    let repository = TempDir::new().unwrap();
    let root = repository.path();
    assert!(git(root, &["init", "-q"]).status.success());
    let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hooks/pre-commit");
    fs::create_dir_all(root.join(".git/hooks")).unwrap();
    fs::copy(hook, root.join(".git/hooks/pre-commit")).unwrap();
    let commit = |file: &str, text: &str| {
        fs::write(root.join(file), text).unwrap();
        assert!(git(root, &["add", file]).status.success());
        git(root, &["commit", "-qm", "a change"])
    };
    let manifest = commit("nexus.service.toml", MANIFEST);
    assert!(manifest.status.success(), "{manifest:?}");
    let broken = commit("forget.sql", "DELETE FROM events;\n");
    assert!(!broken.status.success());
    // git passes what a hook prints on to its own standard error.
    assert!(String::from_utf8_lossy(&broken.stderr).contains("NX-EVT-001"), "{broken:?}");
    let mended = commit("forget.sql", "SELECT count(*) FROM events;\n");
    assert!(mended.status.success(), "{mended:?}");
}
