//! Heads, proofs and verification as an auditor uses them.

use std::{fs, path::Path};

use nexus_e2e::{Finished, Server, run};
use serde_json::{Value, json};
use tempfile::TempDir;

fn place_orders(server: &Server, count: usize) {
    for _ in 0..count {
        let order = json!({ "customerId": "17850", "country": "France",
            "lines": [{ "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 }] });
        assert_eq!(server.http().post("/api/commands/PlaceOrder", &order).status, 202);
    }
}

fn verify(data: &Path, more: &[&str]) -> (Finished, Value) {
    let ended = run(&[&["verify", "--data", data.to_str().unwrap(), "-o", "json"], more].concat());
    let document = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended, document)
}

/// Runs a verb of `log` on the server and keeps what it prints.
fn kept(server: &Server, verb: &[&str], file: &Path) -> Value {
    let ended = server.cli(&[&["log"], verb, &["-o", "json"]].concat());
    assert_eq!(ended.code, Some(0), "{verb:?}: {}", ended.stderr);
    fs::write(file, &ended.stdout).unwrap();
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn what_a_server_proves_is_checked_without_it() {
    let dir = TempDir::new().unwrap();
    let server = Server::kept(&dir.path().join("data"));
    place_orders(&server, 3);
    let (early, proof) = (dir.path().join("early.json"), dir.path().join("proof.json"));
    let head = kept(&server, &["head"], &early);
    place_orders(&server, 2);
    let position = head["treeSize"].to_string();
    let document = kept(&server, &["prove", &position, "--since", early.to_str().unwrap()], &proof);
    let http = server.http();
    let key_id = document["key"]["keyId"].as_str().unwrap().to_owned();
    for path in [
        "/api/log/head?at=1000000",
        "/api/log/proofs/inclusion?position=0&treeSize=1",
        "/api/log/proofs/inclusion?position=2&treeSize=1",
        "/api/log/proofs/consistency?from=2&to=1",
    ] {
        let answer = http.get(path);
        assert_eq!((answer.status, answer.body["code"].as_str()), (400, Some("INVALID_PARAMETER")), "{path}");
    }
    assert_eq!(http.get("/api/log/heads").body["heads"], json!([]), "no segment is full");
    assert_eq!(server.stop("-TERM"), Some(0));

    let check = |file: &Path, more: &[&str]| run(&[&["log", "check", file.to_str().unwrap()], more].concat());
    let ended = check(&proof, &["--key", &key_id]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("are those of the earlier head"), "{}", ended.stdout);
    assert_eq!(check(&proof, &["--key", &"0".repeat(64)]).code, Some(1), "another key was to be trusted");
    assert_eq!(check(&early, &[]).code, Some(2), "a head is no proof");

    // Every member that carries meaning, changed in one place.
    for pointer in [
        "/head/root",
        "/head/signature",
        "/head/hash",
        "/key/publicKey",
        "/inclusion/hash",
        "/inclusion/path/0",
        "/since/root",
        "/consistency/path/0",
    ] {
        let mut forged = document.clone();
        let member = forged.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        let text = member.as_str().unwrap();
        let first = if text.starts_with('0') { "1" } else { "0" };
        *member = Value::String(format!("{first}{}", &text[1..]));
        let file = dir.path().join("forged.json");
        fs::write(&file, forged.to_string()).unwrap();
        let ended = check(&file, &[]);
        assert_eq!(ended.code, Some(1), "{pointer}: {ended:?}");
    }
    let mut forged = document;
    forged["inclusion"]["position"] = json!(1);
    let file = dir.path().join("forged.json");
    fs::write(&file, forged.to_string()).unwrap();
    assert_eq!(check(&file, &[]).code, Some(1), "a proof for another position");
}

#[test]
fn verify_tells_intact_from_damaged_from_unusable() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let server = Server::kept(&data);
    place_orders(&server, 3);
    let early = dir.path().join("early.json");
    let head = kept(&server, &["head"], &early);
    place_orders(&server, 2);
    assert_eq!(verify(&data, &[]).0.code, Some(2), "a server has it open");
    assert_eq!(server.stop("-TERM"), Some(0));

    let (ended, found) = verify(&data, &["--against", early.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((&found["intact"], &found["heads"], &found["damage"]), (&json!(true), &json!(1), &json!([])));
    assert!(found["head"].as_u64() > head["treeSize"].as_u64());
    assert_eq!(verify(dir.path(), &[]).0.code, Some(2), "no log is there");
    let (ended, _) = verify(&data, &["--against", data.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2), "the head cannot be read");

    let mut other = head;
    other["root"] = json!("0".repeat(64));
    let forged = dir.path().join("forged.json");
    fs::write(&forged, other.to_string()).unwrap();
    let (ended, found) = verify(&data, &["--against", forged.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{found}");

    let segment = data.join("log/log/0000000000000001.nxlog");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[5000] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (ended, found) = verify(&data, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let damage = &found["damage"][0];
    assert!(damage["file"].as_str().unwrap().ends_with("0000000000000001.nxlog"), "{damage}");
    assert!(damage["offset"].as_u64().unwrap() <= 5000 && damage["position"].as_u64().unwrap() >= 1, "{damage}");
    let ended = run(&["verify", "--data", data.to_str().unwrap()]);
    assert!(ended.stdout.starts_with("damaged: ") && ended.stdout.contains(" at offset "), "{}", ended.stdout);
}
