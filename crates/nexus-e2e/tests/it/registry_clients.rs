//! Clients of the Confluent Schema Registry, as they come from their package managers, against `/registry`.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use nexus_e2e::{ForeignClient, Server, run};
use tempfile::TempDir;

/// What is installed; a folder of its own for each, so that a newer one is not mistaken for it.
const PYTHON: [&str; 1] = ["confluent-kafka[schemaregistry,json]==2.16.1"];
const JAVASCRIPT: [&str; 1] = ["@confluentinc/schemaregistry@1.10.1"];

fn home(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

fn works(client: &ForeignClient, name: &str, says: &str) {
    let server = Server::dev(&[]);
    let url = format!("{}/registry", server.url());
    let finished = client.run(&program(name), &[&url]);
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains(says), "{}", finished.stdout);
}

/// The client for Python, installed once for all tests.
fn python() -> Option<&'static ForeignClient> {
    static CLIENT: OnceLock<Option<ForeignClient>> = OnceLock::new();
    CLIENT.get_or_init(|| ForeignClient::python(&home("confluent-python-2.16.1"), &PYTHON)).as_ref()
}

#[test]
fn the_unmodified_python_client_works() {
    if let Some(client) = python() {
        works(client, "confluent.py", "python client: ok");
    }
}

#[test]
fn the_unmodified_python_client_sends_a_token_as_its_password() {
    let Some(client) = python() else { return };
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let made = run(&["token", "create", "--data", data, "--role", "admin", "--expires-in", "1d"]);
    let token = made.stdout.trim();
    let server = Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--api-tokens"]);
    let url = format!("{}/registry", server.url());
    let finished = client.run(&program("confluent.py"), &[&url, &format!("whoever:{token}")]);
    assert_eq!(finished.code, Some(0), "{}\n{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("python client: ok"), "{}", finished.stdout);
    for arguments in [vec![&*url], vec![&*url, "whoever:wrong"]] {
        let refused = client.run(&program("confluent.py"), &arguments);
        assert!(refused.code == Some(1) && refused.stderr.contains("40101"), "{refused:?}");
    }
}

#[test]
fn the_unmodified_javascript_client_works() {
    if let Some(client) = ForeignClient::node(&home("confluent-javascript-1.10.1"), &JAVASCRIPT) {
        works(&client, "confluent.cjs", "javascript client: ok");
    }
}
