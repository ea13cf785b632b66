//! Who asks: tokens of the server and of an issuer, from the first one on, and what a server refuses to start with.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nexus_e2e::{Finished, Server, binary, run};
use serde_json::{Value, json};
use tempfile::TempDir;

const ORDER: &str =
    r#"{"customerId":"17850","country":"France","lines":[{"productId":"85123A","quantity":6,"unitPriceMinor":255}]}"#;

/// Issues a token in a data directory that no server has open.
fn offline(data: &str, roles: &[&str]) -> Finished {
    let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
    run(&[&["token", "create", "--data", data, "--expires-in", "1d"], &roles[..]].concat())
}

fn serve(data: &str) -> Server {
    Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--api-tokens"])
}

fn token_of(ended: &Finished) -> String {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let token = ended.stdout.trim().to_owned();
    assert!(token.starts_with("nxt_") && !token.contains(char::is_whitespace), "{ended:?}");
    token
}

fn id_of(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[test]
fn the_first_token_is_made_offline_and_makes_all_others() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let made = offline(data, &["admin"]);
    assert!(made.stderr.contains("only time it is shown"), "{}", made.stderr);
    let admin = token_of(&made);
    let server = serve(data);
    assert!(server.banner.contains("tokens of this server (1 in use)"), "{}", server.banner);

    let place = ["command", "send", "PlaceOrder", "--id", "order-1", "--data", ORDER];
    let nobody = server.cli(&place);
    assert_eq!(nobody.code, Some(6), "{nobody:?}");
    assert!(nobody.stderr.contains("NEXUS_TOKEN"), "{}", nobody.stderr);
    assert_eq!(server.cli_as(&format!("{admin}0"), &place).code, Some(6));
    assert_eq!(server.cli_as(&admin, &place).code, Some(0));

    let create = ["token", "create", "--role", "reader", "--description", "the board", "--expires-in", "12h"];
    let reader = token_of(&server.cli_as(&admin, &create));
    assert_eq!(server.cli_as(&reader, &["query", "list", "orders"]).code, Some(0));
    assert_eq!(server.cli_as(&reader, &place).code, Some(3), "a reader does not write");
    assert_eq!(server.cli_as(&reader, &create).code, Some(3), "a reader issues no tokens");

    let events = server.cli_as(&reader, &["stream", "events", "order-1", "-o", "json"]);
    let events: Vec<Value> = serde_json::from_str(&events.stdout).unwrap();
    assert_eq!(events[0]["metadata"]["userId"], format!("token:{}", id_of(&admin)));
    assert_eq!(events[0]["receipt"]["actor"], events[0]["metadata"]["userId"]);

    assert_eq!(server.cli_as(&admin, &["token", "revoke", id_of(&reader)]).code, Some(0));
    assert_eq!(server.cli_as(&reader, &["query", "list", "orders"]).code, Some(6));
    let listed = server.cli_as(&admin, &["token", "list", "-o", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["description"], &listed[0]["revokedBy"]),
        (&json!("the board"), &events[0]["metadata"]["userId"])
    );
    assert_eq!(listed[1]["createdBy"], "$local");
}

#[test]
fn tokens_and_revocations_survive_kill_9_and_no_file_holds_a_secret() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let admin = token_of(&offline(data, &["admin"]));
    let server = serve(data);
    let create = ["token", "create", "--role", "reader", "--no-expiry"];
    let (kept, revoked) = (token_of(&server.cli_as(&admin, &create)), token_of(&server.cli_as(&admin, &create)));
    assert_eq!(server.cli_as(&admin, &["token", "revoke", id_of(&revoked)]).code, Some(0));
    server.kill();
    let server = serve(data);
    assert_eq!(server.cli_as(&kept, &["stream", "list"]).code, Some(0));
    assert_eq!(server.cli_as(&revoked, &["stream", "list"]).code, Some(6));
    assert_eq!(server.stop("-TERM"), Some(0));
    for token in [&admin, &kept, &revoked] {
        let secret = token.rsplit('_').next().unwrap();
        assert_eq!(files_with(dir.path(), &secret.as_bytes()[..32]), Vec::<String>::new());
    }
    assert!(!files_with(dir.path(), id_of(&kept).as_bytes()).is_empty(), "the search finds nothing at all");
}

/// Files below a directory that contain these bytes.
fn files_with(dir: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if fs::read(&path).unwrap().windows(wanted.len()).any(|window| window == wanted) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_token_is_not_issued_offline_while_a_server_runs_nor_without_an_end_by_accident() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let _server = Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--insecure-no-auth"]);
    let second = offline(data, &["admin"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("another process"), "{}", second.stderr);
    let endless = run(&["token", "create", "--data", data, "--role", "admin"]);
    assert_eq!(endless.code, Some(2));
    assert!(endless.stderr.contains("--no-expiry"), "{}", endless.stderr);
}

#[test]
fn a_tail_ends_when_its_token_is_revoked() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let admin = token_of(&offline(data, &["admin"]));
    let server = serve(data);
    let auditor = token_of(&server.cli_as(&admin, &["token", "create", "--role", "auditor", "--expires-in", "1d"]));
    let mut tail = Command::new(binary())
        .args(["event", "tail", "--after", "0", "--server", &server.url()])
        .env("NEXUS_TOKEN", &auditor)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(printed.next().unwrap().unwrap().contains("SchemaRegistered"), "the tail is not running");
    assert_eq!(server.cli_as(&admin, &["token", "revoke", id_of(&auditor)]).code, Some(0));
    // The end of its output is the end of the program.
    assert!(printed.all(|line| line.is_ok()));
    assert_eq!(tail.wait().unwrap().code(), Some(6));
}

#[test]
fn a_token_can_be_kept_in_a_file_that_nobody_else_may_read() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let admin = token_of(&offline(data.to_str().unwrap(), &["admin"]));
    let server = serve(data.to_str().unwrap());
    let file = dir.path().join("token");
    fs::write(&file, format!("{admin}\n")).unwrap();
    let list = ["token", "list", "--token-file", file.to_str().unwrap()];
    restrict(&file, 0o644);
    let open = server.cli(&list);
    assert_eq!(open.code, Some(2), "{open:?}");
    assert!(open.stderr.contains("chmod 600") && !open.stderr.contains(&admin), "{}", open.stderr);
    restrict(&file, 0o600);
    assert_eq!(server.cli(&list).code, Some(0));
}

fn restrict(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const SECRET: &str = "an issuer's secret with more than 32 bytes";

/// A token of the issuer in [`configured`].
fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": "k1" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()).as_ref()))
}

fn claims(roles: &[&str]) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    json!({ "iss": "https://issuer.example", "aud": "nexus", "sub": "ann", "exp": now + 600, "iat": now, "roles": roles })
}

/// A directory with a configuration that trusts an issuer to make readers and writers.
fn configured(further: &str) -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    restrict(&secret, 0o600);
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"data\"\n\n[auth]\n\n[[auth.issuers]]\n\
         issuer = \"https://issuer.example\"\naudience = \"nexus\"\nroles = [\"reader\", \"writer\"]\n{further}\n\
         [[auth.issuers.keys]]\nid = \"k1\"\nalgorithm = \"HS256\"\nsecret = \"file:secret\"\n"
    );
    let path = dir.path().join("nexus.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn signed_tokens_of_a_trusted_issuer_open_the_doors_their_roles_open() {
    let (_dir, config) = configured("");
    let server = Server::start(&["serve", "--config", &config]);
    assert!(server.banner.contains("signed tokens of https://issuer.example"), "{}", server.banner);
    let place = ["command", "send", "PlaceOrder", "--id", "order-1", "--data", ORDER];
    assert_eq!(server.cli(&place).code, Some(6));
    assert_eq!(server.cli_as(&signed(&claims(&["reader"])), &place).code, Some(3));
    assert_eq!(server.cli_as(&signed(&claims(&["admin"])), &place).code, Some(3), "a role the issuer may not give");
    let mut late = claims(&["writer"]);
    late["exp"] = json!(1);
    let expired = server.cli_as(&signed(&late), &place);
    assert_eq!(expired.code, Some(6));
    assert!(expired.stderr.contains("has expired"), "{}", expired.stderr);
    let writer = signed(&claims(&["writer"]));
    assert_eq!(server.cli_as(&writer, &place).code, Some(0));
    let forged = format!("{}{}", &writer[..writer.len() - 4], "AAAA");
    assert_eq!(server.cli_as(&forged, &place).code, Some(6));
    let events = server.cli_as(&writer, &["stream", "events", "order-1", "-o", "json"]);
    let events: Vec<Value> = serde_json::from_str(&events.stdout).unwrap();
    assert_eq!(events[0]["metadata"]["userId"], "ann");
}

#[test]
fn a_configuration_is_checked_and_shown_without_its_secrets() {
    let (_dir, config) = configured("max_lifetime_seconds = 3600");
    let valid = run(&["config", "validate", "--config", &config]);
    assert_eq!(valid.code, Some(0), "{valid:?}");
    let shown = run(&["config", "show", "--config", &config, "--origin"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for part in ["server.listen", "127.0.0.1:0", "nexus.toml", "auth.api_tokens", "default", "https://issuer.example"] {
        assert!(shown.stdout.contains(part), "{part} is not in {}", shown.stdout);
    }
    assert!(!format!("{shown:?}{valid:?}").contains(&SECRET[..12]));

    let (dir, wrong) = configured("audiance = \"nexus\"");
    let refused = run(&["config", "validate", "--config", &wrong]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("did you mean `audience`?"), "{}", refused.stderr);
    assert_eq!(run(&["serve", "--config", &wrong]).code, Some(2));
    restrict(&dir.path().join("secret"), 0o644);
    let (dir, open) = configured("");
    restrict(&dir.path().join("secret"), 0o644);
    let refused = run(&["serve", "--config", &open]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[test]
fn a_server_does_not_start_open_by_accident() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    for listen in ["127.0.0.1:0", "0.0.0.0:0"] {
        let refused = run(&["serve", "--data", data, "--listen", listen]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        for way in ["--api-tokens", "--config", "--insecure-no-auth"] {
            assert!(refused.stderr.contains(way), "{}", refused.stderr);
        }
    }
    let refused = run(&["serve", "--data", data, "--listen", "[::]:0", "--insecure-no-auth"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!Path::new(data).exists(), "a refused start leaves something behind");
}
