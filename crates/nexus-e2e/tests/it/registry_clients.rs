//! Clients of the Confluent Schema Registry, as they come from their package managers, against `/registry`.

use std::path::{Path, PathBuf};

use nexus_e2e::{ForeignClient, Server};

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

#[test]
fn the_unmodified_python_client_works() {
    if let Some(client) = ForeignClient::python(&home("confluent-python-2.16.1"), &PYTHON) {
        works(&client, "confluent.py", "python client: ok");
    }
}

#[test]
fn the_unmodified_javascript_client_works() {
    if let Some(client) = ForeignClient::node(&home("confluent-javascript-1.10.1"), &JAVASCRIPT) {
        works(&client, "confluent.cjs", "javascript client: ok");
    }
}
