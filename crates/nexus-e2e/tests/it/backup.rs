//! Backups of running and stopped servers, what damage to them comes to, and what is restored.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use nexus_e2e::{Finished, Server, run};
use serde_json::{Value, json};
use tempfile::TempDir;

fn place(server: &Server, number: u64) -> u64 {
    let order = json!({ "customerId": format!("c-{}", number % 17), "country": "France",
        "lines": [{ "productId": "85123A", "quantity": 1 + number % 9, "unitPriceMinor": 255 }] });
    let answer = server.http().post("/api/commands/PlaceOrder", &order);
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["position"].as_u64().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn document(ended: &Finished) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn create(server: &Server, to: &Path) -> Value {
    let made = server.cli(&["backup", "create", text(to), "-o", "json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    document(&made)
}

fn verify(backup: &Path) -> Finished {
    run(&["backup", "verify", text(backup), "-o", "json"])
}

/// A backup of twenty orders, and the events and rows it must lead to.
struct Sample {
    dir: TempDir,
    events: Vec<Value>,
    rows: Vec<Value>,
    /// The signed head somebody kept.
    head: Value,
}

impl Sample {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let server = Server::kept(&dir.path().join("data"));
        for number in 0..20 {
            place(&server, number);
        }
        let rows = server.http().all("orders");
        let head = server.http().get("/api/log/head").body;
        create(&server, &dir.path().join("backup"));
        // That it was backed up is on record, and in the backup.
        let events = server.http().events();
        Self { dir, events, rows, head }
    }

    fn backup(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    fn segment(&self) -> PathBuf {
        self.backup().join("log/log/0000000000000001.nxlog")
    }
}

#[test]
fn backups_made_while_commands_run_hold_all_that_was_acknowledged_before_and_restore_to_a_prefix_of_the_log() {
    let dir = TempDir::new().unwrap();
    let server = Server::kept(&dir.path().join("data"));
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let backups: Vec<(PathBuf, u64)> = std::thread::scope(|scope| {
        for writer in 0..3 {
            let (server, stop, acknowledged) = (&server, &stop, &acknowledged);
            scope.spawn(move || {
                for number in (writer..).step_by(3).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    acknowledged.fetch_max(place(server, number), Ordering::SeqCst);
                }
            });
        }
        let made = (0..4)
            .map(|number| {
                // Each one later than the one before, and never of an idle server.
                while acknowledged.load(Ordering::SeqCst) < 40 * (number + 1) {
                    std::thread::yield_now();
                }
                let before = acknowledged.load(Ordering::SeqCst);
                let to = dir.path().join(format!("backup-{number}"));
                let facts = create(&server, &to);
                let position = facts["position"].as_u64().unwrap();
                assert!(position >= before, "{before} was acknowledged before the backup, which ends at {position}");
                (to, position)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        made
    });
    assert!(server.http().head() > backups[0].1, "the server went on writing");
    let events = server.http().events();
    for (number, (backup, position)) in backups.iter().enumerate() {
        assert_eq!(verify(backup).code, Some(0));
        let data = dir.path().join(format!("restored-{number}"));
        let restored = run(&["backup", "restore", text(backup), "--data", text(&data)]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        let copy = Server::kept(&data);
        let count = usize::try_from(*position).unwrap();
        assert_eq!(copy.http().events(), events[..count], "positions, hashes, receipts and all");
        let placed = events[..count].iter().filter(|event| event["eventType"] == "OrderPlaced").count();
        assert_eq!(copy.http().all("orders").len(), placed);
        place(&copy, 1);
    }
}

#[test]
fn a_restored_server_has_the_same_events_rows_and_cursors() {
    let sample = Sample::new();
    let data = sample.dir.path().join("restored");
    let restored = run(&["backup", "restore", text(&sample.backup()), "--data", text(&data), "-o", "json"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert_eq!(document(&restored)["position"], sample.events.len());
    assert!(!sample.backup().join("read").exists(), "read models follow from the log");
    let server = Server::kept(&data);
    assert_eq!(server.http().events(), sample.events);
    assert_eq!(server.http().all("orders"), sample.rows);
    let key = |dir: &Path| fs::read(dir.join("cursor.key")).unwrap();
    assert_eq!(key(&data), key(&sample.dir.path().join("data")), "open cursors stay valid");
    let head = |server: &Server| server.http().get("/api/log/head").body;
    assert_eq!(head(&server)["logId"], sample.head["logId"], "it is the same log");
    assert_eq!(server.stop("-TERM"), Some(0));
    let kept = sample.dir.path().join("head.json");
    fs::write(&kept, sample.head.to_string()).unwrap();
    let proved = run(&["verify", "--data", text(&data), "--against", text(&kept)]);
    assert_eq!(proved.code, Some(0), "{}{}", proved.stdout, proved.stderr);
}

#[test]
fn a_stopped_server_is_backed_up_from_its_directory_and_a_running_one_is_not() {
    let dir = TempDir::new().unwrap();
    let (data, to) = (dir.path().join("data"), dir.path().join("backup"));
    let server = Server::kept(&data);
    place(&server, 1);
    let events = server.http().events();
    let refused = run(&["backup", "create", text(&to), "--data", text(&data)]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--server"), "{}", refused.stderr);
    assert_eq!(server.stop("-TERM"), Some(0));
    let made = run(&["backup", "create", text(&to), "--data", text(&data), "-o", "json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(document(&made)["position"], events.len());
    assert_eq!(verify(&to).code, Some(0));
    let nothing = run(&["backup", "create", text(&dir.path().join("b2")), "--data", text(&dir.path().join("none"))]);
    assert_eq!(nothing.code, Some(2));
    assert!(!dir.path().join("none").exists(), "asking for a backup makes no data directory");
}

#[test]
fn every_kind_of_damage_is_found_with_its_file_and_nothing_is_restored_from_it() {
    type Spoil = fn(&Sample);
    let cases: [(&str, Spoil, &str); 7] = [
        ("a changed byte", |sample| edit(&sample.segment(), |bytes| bytes[5000] ^= 1), "nxlog"),
        ("a changed key", |sample| edit(&sample.backup().join("cursor.key"), |bytes| bytes[3] ^= 128), "cursor.key"),
        ("a cut file", |sample| edit(&sample.segment(), |bytes| bytes.truncate(bytes.len() - 1)), "nxlog"),
        ("a longer file", |sample| edit(&sample.segment(), |bytes| bytes.push(0)), "nxlog"),
        ("a missing file", |sample| fs::remove_file(sample.backup().join("cursor.key")).unwrap(), "cursor.key"),
        ("a file too many", |sample| fs::write(sample.backup().join("log/log/x"), "").unwrap(), "log/log/x"),
        (
            "a link for a file",
            |sample| {
                let (key, moved) = (sample.backup().join("cursor.key"), sample.dir.path().join("moved"));
                fs::rename(&key, &moved).unwrap();
                std::os::unix::fs::symlink(moved, key).unwrap();
            },
            "cursor.key",
        ),
    ];
    for (what, spoil, path) in cases {
        let sample = Sample::new();
        spoil(&sample);
        let found = verify(&sample.backup());
        assert_eq!(found.code, Some(1), "{what}: {found:?}");
        let report = document(&found);
        assert_eq!(report["intact"], false, "{what}");
        let named = report["findings"].as_array().unwrap().iter().any(|it| it["path"].as_str().unwrap().contains(path));
        assert!(named, "{what}: {report}");
        let data = sample.dir.path().join("restored");
        let refused = run(&["backup", "restore", text(&sample.backup()), "--data", text(&data)]);
        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
        assert!(!data.exists(), "{what}: nothing is written");
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_changed_byte_of_an_event_is_found_with_its_offset_and_position() {
    let sample = Sample::new();
    edit(&sample.segment(), |bytes| bytes[5000] ^= 1);
    let report = document(&verify(&sample.backup()));
    let place = report["findings"].as_array().unwrap().iter().find(|finding| finding["position"].is_u64()).unwrap();
    assert!(place["offset"].as_u64().unwrap() <= 5000, "{place}");
    let text = run(&["backup", "verify", text(&sample.backup())]);
    assert!(text.stdout.contains("position"), "{}", text.stdout);
}

#[test]
fn a_manifest_that_is_missing_damaged_or_of_the_future_is_told_apart() {
    let sample = Sample::new();
    let manifest = sample.backup().join("manifest.json");
    let good = fs::read(&manifest).unwrap();
    edit(&manifest, |bytes| {
        *bytes = String::from_utf8_lossy(bytes).replace("\"position\": ", "\"position\": 1").into();
    });
    assert_ne!(fs::read(&manifest).unwrap(), good);
    let damaged = verify(&sample.backup());
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(damaged.stderr.contains("checksum"), "{}", damaged.stderr);
    fs::write(&manifest, r#"{"format": 99}"#).unwrap();
    let newer = verify(&sample.backup());
    assert_eq!(newer.code, Some(2));
    assert!(newer.stderr.contains("newer"), "{}", newer.stderr);
    fs::remove_file(&manifest).unwrap();
    let interrupted = verify(&sample.backup());
    assert_eq!(interrupted.code, Some(2));
    assert!(interrupted.stderr.contains("interrupted"), "{}", interrupted.stderr);
    fs::write(&manifest, good).unwrap();
    assert_eq!(verify(&sample.backup()).code, Some(0));
    assert_eq!(verify(&sample.dir.path().join("none")).code, Some(2));
}

#[test]
fn nothing_is_ever_written_into_a_directory_that_holds_something() {
    let sample = Sample::new();
    let data = sample.dir.path().join("data");
    let before = fs::read_dir(&data).unwrap().count();
    let restored = run(&["backup", "restore", text(&sample.backup()), "--data", text(&data)]);
    assert_eq!(restored.code, Some(2), "{restored:?}");
    assert!(restored.stderr.contains("not empty"), "{}", restored.stderr);
    assert_eq!(fs::read_dir(&data).unwrap().count(), before);
    let again = run(&["backup", "create", text(&sample.backup()), "--data", text(&data)]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert_eq!(verify(&sample.backup()).code, Some(0), "the earlier backup is untouched");
    let empty = sample.dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(run(&["backup", "restore", text(&sample.backup()), "--data", text(&empty)]).code, Some(0));
}

#[test]
fn a_directory_that_was_not_restored_to_its_end_is_not_served() {
    let sample = Sample::new();
    let data = sample.dir.path().join("restored");
    assert_eq!(run(&["backup", "restore", text(&sample.backup()), "--data", text(&data)]).code, Some(0));
    assert!(!data.join("restore.incomplete").exists());
    // As a kill in the middle leaves it.
    fs::write(data.join("restore.incomplete"), "").unwrap();
    for verb in [&["dev", "--random-ports", "--data"][..], &["serve", "--insecure-no-auth", "--data"]] {
        let refused = run(&[verb, &[text(&data)]].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("not restored to its end"), "{}", refused.stderr);
    }
}

#[test]
fn a_backup_whose_server_goes_away_in_the_middle_is_none() {
    let sample = Sample::new();
    let server = Server::kept(&sample.dir.path().join("data"));
    let archive = archive_of(&server);
    // Cut off in the log, cut off before the manifest, and cut off although the sender says it ended.
    let half = archive.len() / 2;
    let manifest = archive.windows(13).position(|window| window == b"manifest.json").unwrap();
    for (number, (sent, promised)) in
        [(half, archive.len()), (manifest, archive.len()), (manifest, manifest), (half, half)].into_iter().enumerate()
    {
        let to = sample.dir.path().join(format!("cut-{number}"));
        let url = serve_once(archive[..sent].to_vec(), promised);
        let made = run(&["backup", "create", text(&to), "--server", &url]);
        assert_eq!(made.code, Some(2), "{made:?}");
        assert!(made.stderr.contains("not complete"), "{}", made.stderr);
        assert_eq!(verify(&to).code, Some(2), "it is recognised later, too");
        let data = sample.dir.path().join("never");
        assert_eq!(run(&["backup", "restore", text(&to), "--data", text(&data)]).code, Some(2));
        assert!(!data.exists());
    }
    let to = sample.dir.path().join("whole");
    let url = serve_once(archive.clone(), archive.len());
    assert_eq!(run(&["backup", "create", text(&to), "--server", &url]).code, Some(0), "the whole archive is one");
}

/// The archive as any HTTP client gets it.
fn archive_of(server: &Server) -> Vec<u8> {
    let mut connection = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    connection.write_all(b"GET /api/backup HTTP/1.0\r\nhost: x\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).unwrap();
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    bytes.split_off(body)
}

/// A server that answers one request with these bytes, promising `promised` of them. Answers its address.
fn serve_once(bytes: Vec<u8>, promised: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/x-tar\r\ncontent-length: {promised}\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&bytes).unwrap();
    });
    url
}

#[test]
fn a_plain_http_client_and_tar_make_a_backup_too() {
    let sample = Sample::new();
    let server = Server::kept(&sample.dir.path().join("data"));
    let archive = sample.dir.path().join("backup.tar");
    fs::write(&archive, archive_of(&server)).unwrap();
    let to = sample.dir.path().join("unpacked");
    fs::create_dir(&to).unwrap();
    let tar = std::process::Command::new("tar").args(["-xf", text(&archive), "-C", text(&to)]).status().unwrap();
    assert!(tar.success());
    assert_eq!(verify(&to).code, Some(0));
    assert_eq!(server.http().get("/api/backup?to=/etc").status, 400, "a client does not choose where a server writes");
}
