//! Starting, stopping, and everything a person sees meanwhile.

use std::{io::Write as _, net::TcpStream, time::Duration};

use nexus_e2e::{Server, run};
use tempfile::TempDir;

#[test]
fn dev_is_ready_in_under_a_second_and_says_where_everything_is() {
    let server = Server::dev(&[]);
    if cfg!(debug_assertions) && std::env::var_os("NEXUS_BIN").is_none() {
        eprintln!("an unoptimised binary: its start-up time is not judged");
    } else {
        assert!(server.ready_after < Duration::from_secs(1), "ready after {:?}", server.ready_after);
    }
    let url = server.url();
    for part in [&url, "temporary", "--data DIR", "loopback", "/readyz", "/metrics", "command send PlaceOrder"] {
        assert!(server.banner.contains(part), "the banner lacks {part:?}:\n{}", server.banner);
    }
}

#[test]
fn the_command_the_banner_suggests_works_as_printed() {
    let server = Server::dev(&[]);
    let line = server.banner.lines().find(|line| line.contains("command send")).unwrap().trim();
    let ended = std::process::Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(ended.status.success(), "{line}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(server.http().all("orders").len(), 1);
}

#[test]
fn every_operational_address_answers() {
    let server = Server::dev(&[]);
    let http = server.http();
    for path in ["/", "/livez", "/readyz", "/readyz?verbose", "/metrics", "/version", "/openapi.json", "/api/commands"]
    {
        assert_eq!(http.get(path).status, 200, "{path}");
    }
    let dashboard = http.get("/");
    assert!(dashboard.header("content-type").starts_with("text/html"));
    assert!(dashboard.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(http.get("/openapi.json").body["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
}

#[test]
fn a_signal_stops_it_cleanly_and_removes_temporary_data() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::dev(&[]);
        let data = server.banner.lines().find(|line| line.contains("temporary")).unwrap();
        let path = data.split_whitespace().find(|word| word.starts_with('/')).unwrap().to_owned();
        assert!(std::path::Path::new(&path).exists());
        // A live feed and a connection that says nothing must not hold it up.
        let mut feed = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        feed.write_all(b"GET /api/events/stream HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let idle = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        let stopped = std::time::Instant::now();
        assert_eq!(server.stop(signal), Some(0), "{signal}");
        assert!(stopped.elapsed() < Duration::from_secs(15), "took {:?}", stopped.elapsed());
        assert!(!std::path::Path::new(&path).exists(), "{path} is left behind");
        drop((feed, idle));
    }
}

#[test]
fn kept_data_is_there_again_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let server = Server::kept(dir.path());
    assert!(server.banner.contains("kept"));
    let order = serde_json::json!({ "customerId": "17850", "country": "France",
        "lines": [{ "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 }] });
    let answer = server.http().post("/api/commands/PlaceOrder", &order);
    assert_eq!(answer.status, 202, "{}", answer.body);
    let (events, rows) = (server.http().events(), server.http().all("orders"));
    assert_eq!(server.stop("-TERM"), Some(0));
    let server = Server::kept(dir.path());
    assert_eq!(server.http().events(), events);
    assert_eq!(server.http().all("orders"), rows);
}

#[test]
fn a_second_server_on_the_same_data_is_refused_with_the_reason() {
    let dir = TempDir::new().unwrap();
    let _first = Server::kept(dir.path());
    let second = run(&["dev", "--random-ports", "--data", dir.path().to_str().unwrap()]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("another process"), "{}", second.stderr);
    assert!(second.stdout.is_empty(), "{}", second.stdout);
}

#[test]
fn a_port_in_use_is_refused_with_a_way_out() {
    let first = Server::dev(&[]);
    let port = first.url().rsplit(':').next().unwrap().to_owned();
    let second = run(&["dev", "--port", &port]);
    assert_eq!(second.code, Some(2));
    assert!(second.stderr.contains("--random-ports"), "{}", second.stderr);
}

#[test]
fn serving_without_authentication_is_refused_beyond_loopback() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let open = run(&["serve", "--data", data]);
    assert_eq!(open.code, Some(2));
    assert!(open.stderr.contains("--insecure-no-auth"), "{}", open.stderr);
    let wide = run(&["serve", "--data", data, "--listen", "0.0.0.0:0", "--insecure-no-auth"]);
    assert_eq!(wide.code, Some(2));
    assert!(wide.stderr.contains("loopback"), "{}", wide.stderr);
}

#[test]
fn a_server_for_commands_alone_leaves_its_read_models_to_a_later_start() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().to_str().unwrap();
    let start = |role| {
        Server::start(&["serve", "--data", data, "--listen", "127.0.0.1:0", "--insecure-no-auth", "--role", role])
    };
    let commands = start("command");
    let order = serde_json::json!({ "aggregateId": "o1", "payload": { "customerId": "17850", "country": "France",
        "lines": [{ "productId": "85123A", "quantity": 6, "unitPriceMinor": 255 }] } });
    let answer = commands.http().post("/api/commands/PlaceOrder", &order);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert!(!commands.http().events().is_empty());
    let refused = commands.http().get("/api/queries/orders");
    assert_eq!((refused.status, refused.code()), (404, "UNKNOWN_RESOURCE"), "{}", refused.body);
    assert!(refused.body.to_string().contains("keeps no read models"), "{}", refused.body);
    assert_eq!(commands.stop("-TERM"), Some(0));
    assert_eq!(start("all").http().all("orders").len(), 1);
}

#[test]
fn wrong_command_lines_exit_with_2_and_help() {
    let cases: [&[&str]; 5] =
        [&[], &["frobnicate"], &["dev", "--port", "banana"], &["command", "send"], &["dev", "--sample", "nothing"]];
    for arguments in cases {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty());
    }
    assert_eq!(run(&["--help"]).code, Some(0));
    assert_eq!(run(&["query", "list", "orders", "--server", "http://127.0.0.1:1"]).code, Some(9));
}

#[test]
fn every_listing_verb_prints_valid_json_even_when_there_is_nothing() {
    let server = Server::dev(&["--sample", "none"]);
    for verb in [["command", "list"], ["projection", "list"]] {
        let ended = server.cli(&[&verb[..], &["-o", "json"]].concat());
        assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "[]"), "{verb:?}: {}", ended.stderr);
    }
    for verb in [["stream", "list"], ["schema", "list"]] {
        let ended = server.cli(&[&verb[..], &["-o", "json"]].concat());
        let items: Vec<serde_json::Value> = serde_json::from_str(&ended.stdout).unwrap();
        assert!(!items.is_empty(), "the platform's own streams and schemas are there");
    }
}
