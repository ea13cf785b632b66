//! The gate before a commit, as the hook of the repository sets it up, and against a server that asks who calls.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use nexus_e2e::{Server, binary, run};
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

#[test]
fn the_gate_asks_a_server_with_the_token_of_the_command_line() {
    let repository = TempDir::new().unwrap();
    let root = repository.path();
    fs::write(root.join("nexus.service.toml"), MANIFEST).unwrap();
    let folder = root.join("schemas/event/OrderPlaced");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("1.json"), r#"{"type":"object","x-nexus-owner":"team-orders","description":"x"}"#).unwrap();
    let data = root.join("data");
    let data = data.to_str().unwrap();
    let token = |role: &str| {
        let made = run(&["token", "create", "--data", data, "--role", role, "--expires-in", "1d"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        made.stdout.trim().to_owned()
    };
    let (reader, nobody) = (token("reader"), token("nobody"));
    let server = Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--api-tokens"]);
    let url = server.url();
    let arguments = ["check", "--root", root.to_str().unwrap(), "--against", &url];
    let wrong = format!("{reader}0");
    for (token, says) in
        [(None, "no token was given"), (Some(&wrong), "does not accept the token"), (Some(&nobody), "(403)")]
    {
        let refused = token.map_or_else(|| run(&arguments), |token| server.cli_as(token, &arguments));
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("the gate itself failed") && refused.stderr.contains(says), "{refused:?}");
        assert!(refused.stderr.contains("NEXUS_TOKEN") && !refused.stderr.contains(&reader), "{refused:?}");
    }
    let judged = server.cli_as(&reader, &arguments);
    assert_eq!(judged.code, Some(1), "{judged:?}");
    assert!(judged.stdout.contains("NX-SCH-00"), "the schema of the server is another one: {judged:?}");
}
