//! What is compared with a state before: a revision, a checkout, a server.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::mpsc,
    thread,
};

use nexus_check::{AccessToken, Against, CheckError, CheckOptions, Checked, check};

use crate::support::{Copy, places};

fn git(shop: &Copy, arguments: &[&str]) {
    let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(shop.root()).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The repaired shop, committed.
fn committed() -> Copy {
    let shop = Copy::of("repaired");
    git(&shop, &["init", "--quiet", "--initial-branch", "main"]);
    git(&shop, &["add", "--all"]);
    git(&shop, &["commit", "--quiet", "--message", "The shop"]);
    shop
}

fn against(shop: &Copy, against: Against) -> Result<Checked, CheckError> {
    check(&CheckOptions { against: Some(against), ..shop.options() })
}

fn main_branch() -> Against {
    Against::Revision("main".to_owned())
}

/// Takes a published version away, with its line in the lock and whatever speaks of it.
fn forget_refunds(shop: &Copy) {
    std::fs::remove_dir_all(shop.root().join("schemas/event/PaymentRefunded")).unwrap();
    let lock = std::fs::read_to_string(shop.root().join("schemas/nexus.schemas.lock")).unwrap();
    let kept: Vec<_> = lock.lines().filter(|line| !line.contains("PaymentRefunded")).collect();
    shop.write("schemas/nexus.schemas.lock", kept.join("\n"));
    let schema = "schema = \"../../schemas/event/PaymentRefunded/1.json\"\n";
    shop.replace(
        "services/billing/nexus.service.toml",
        &format!("[[produces]]\nevent = \"PaymentRefunded\"\nversion = 1\n{schema}"),
        "",
    );
}

#[test]
fn nothing_changed_is_no_finding() {
    let shop = committed();
    assert_eq!(places(&against(&shop, main_branch()).unwrap()), []);
}

#[test]
fn a_new_version_names_those_it_reaches() {
    let shop = committed();
    let schema = std::fs::read_to_string(shop.root().join("schemas/event/PaymentReceived/1.json")).unwrap();
    shop.write("schemas/event/PaymentReceived/2.json", schema.replace("\"total\"", "\"method\": {}, \"total\""));
    let checked = against(&shop, main_branch()).unwrap();
    let notes: Vec<_> = checked.findings.iter().filter(|finding| finding.rule == "NX-SCH-004").collect();
    assert!(notes[0].message.contains("`shipping`"), "{}", notes[0].message);
    assert!(notes[0].evidence[0].text.contains("team-delivery"), "{:?}", notes[0].evidence);
    let place = notes[0].evidence[0].place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.start.line), ("services/shipping/nexus.service.toml", 17));
}

#[test]
fn a_version_that_was_changed_together_with_its_lock_is_told_by_the_revision_before() {
    let shop = committed();
    shop.replace("schemas/command/CancelOrder/1.json", "\"type\": \"string\"", "\"type\": \"integer\"");
    // As a lock that was written anew would be: without the line, so that only the revision knows.
    let lock = std::fs::read_to_string(shop.root().join("schemas/nexus.schemas.lock")).unwrap();
    let kept: Vec<_> = lock.lines().filter(|line| !line.contains("CancelOrder")).collect();
    shop.write("schemas/nexus.schemas.lock", kept.join("\n"));
    assert_eq!(places(&shop.checked()), []);
    let checked = against(&shop, main_branch()).unwrap();
    assert_eq!(places(&checked), [("NX-SCH-002", "schemas/command/CancelOrder/1.json", 1, 1)]);
    assert!(checked.findings[0].message.contains("major"), "{}", checked.findings[0].message);
}

#[test]
fn a_version_that_was_taken_away_with_its_lock_is_told_by_the_revision_before() {
    let shop = committed();
    forget_refunds(&shop);
    assert_eq!(places(&shop.checked()), []);
    let checked = against(&shop, main_branch()).unwrap();
    assert_eq!(checked.findings.len(), 1);
    assert!(checked.findings[0].message.contains("`PaymentRefunded` was published, and its file is gone"));
}

#[test]
fn a_repository_may_be_checked_from_a_directory_within() {
    let shop = committed();
    let options =
        CheckOptions { root: shop.root().join("schemas"), against: Some(main_branch()), ..CheckOptions::default() };
    // The manifests that name the owners are not below it.
    let broken = || {
        let findings = check(&options).unwrap().findings;
        let errors = findings.into_iter().filter(|finding| finding.level == nexus_check::Level::Error);
        errors
            .map(|finding| format!("{} {}:{}", finding.rule, finding.place.file, finding.place.start.line))
            .collect::<Vec<_>>()
    };
    assert_eq!(broken(), [] as [String; 0]);
    std::fs::remove_file(shop.root().join("schemas/event/OrderPlaced/2.json")).unwrap();
    assert_eq!(broken(), ["NX-SCH-002 nexus.schemas.lock:4"]);
}

#[test]
fn a_checkout_is_as_good_as_a_revision() {
    let (before, shop) = (Copy::of("repaired"), Copy::of("repaired"));
    forget_refunds(&shop);
    let checked = against(&shop, Against::Directory(before.root().to_path_buf())).unwrap();
    assert_eq!(checked.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["NX-SCH-002"]);
}

#[test]
fn a_base_that_is_not_there_is_an_error_that_says_so() {
    let shop = committed();
    for (base, says) in [
        (Against::Revision("no-such-branch".to_owned()), "fetch it first"),
        (Against::Revision("--help".to_owned()), "fetch it first"),
        (Against::Directory("no/such/directory".into()), "cannot be read"),
        (Against::Url("http://127.0.0.1:1".to_owned()), "refused"),
        (Against::Url("no address".to_owned()), ""),
    ] {
        let error = against(&shop, base.clone()).unwrap_err();
        let is_base = matches!(&error, CheckError::Base { .. }) && error.to_string().contains(says);
        assert!(is_base, "{base:?}: {error}");
    }
    let error = against(&Copy::of("repaired"), main_branch()).unwrap_err();
    assert!(error.to_string().contains("git"), "{error}");
}

/// The head of the request that comes in over a connection.
fn head_of(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let length = stream.read(&mut part).unwrap();
        request.extend_from_slice(&part[..length]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// A registry that answers each request by its path; what it does not know is 404.
fn serve(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let path = head_of(&mut stream).split(' ').nth(1).unwrap().to_owned();
            let answer = answers.iter().find(|(known, _)| *known == path);
            let (status, body) = answer.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", body.as_str()));
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
        }
    });
    address
}

#[test]
fn a_server_is_asked_what_was_registered() {
    let shop = Copy::of("repaired");
    let listed = "{\"versions\": [{\"version\": 1}, {\"version\": 2}]}".to_owned();
    let schema = |text: &str| format!("{{\"schema\": {text}}}");
    let registered = std::fs::read_to_string(shop.root().join("schemas/event/PaymentReceived/1.json")).unwrap();
    let address = serve(vec![
        ("/api/schemas/PaymentReceived/versions?kind=event", listed),
        ("/api/schemas/PaymentReceived/versions/1?kind=event", schema(&registered)),
        ("/api/schemas/PaymentReceived/versions/2?kind=event", schema("{\"type\": \"object\"}")),
    ]);
    let checked = against(&shop, Against::Url(address)).unwrap();
    let messages: Vec<_> = checked
        .findings
        .iter()
        .filter(|finding| finding.rule == "NX-SCH-002")
        .map(|finding| &finding.message)
        .collect();
    assert_eq!(messages, ["version 2 of the event `PaymentReceived` was published, and its file is gone"]);
}

#[test]
fn a_server_that_answers_nonsense_is_an_error() {
    let shop = Copy::of("repaired");
    let address = serve(vec![("/api/schemas/CancelOrder/versions?kind=command", "[not json".to_owned())]);
    let error = against(&shop, Against::Url(address)).unwrap_err();
    assert!(error.to_string().contains("no JSON"), "{error}");
}

/// A server that answers everything with one status and headers, and tells the `Authorization` headers it was sent.
fn answering(head: &'static str) -> (String, mpsc::Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (told, sent) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let text = head_of(&mut stream);
            let header = text.lines().find_map(|line| line.strip_prefix("authorization: ").map(str::to_owned));
            // Nobody may be left to tell.
            let _ = told.send(header);
            write!(stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    (address, sent)
}

fn asked_as(shop: &Copy, address: &str, token: Option<&str>) -> CheckError {
    let token = token.map(AccessToken::new);
    let against = Some(Against::Url(address.to_owned()));
    check(&CheckOptions { against, token, ..shop.options() }).unwrap_err()
}

#[test]
fn a_server_that_does_not_let_us_in_is_told_apart_with_what_to_do() {
    let shop = Copy::of("repaired");
    for (head, token, says) in [
        ("401 Unauthorized", None, "no token was given (401)"),
        ("401 Unauthorized", Some("nxt_a_secret"), "does not accept the token that was sent (401)"),
        ("403 Forbidden", Some("nxt_a_secret"), "does not let the token that was sent read schemas (403)"),
        ("403 Forbidden", None, "does not let whoever comes without a token read schemas (403)"),
    ] {
        let (address, sent) = answering(head);
        let error = asked_as(&shop, &address, token);
        assert!(matches!(error, CheckError::NotLetIn { .. }), "{error:?}");
        assert!(error.to_string().contains(says) && error.fix().contains("NEXUS_TOKEN"), "{error}: {}", error.fix());
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        let header = token.map(|token| format!("Bearer {token}"));
        assert_eq!(sent.recv().unwrap(), header, "{head}");
    }
}

#[test]
fn a_token_goes_to_the_address_that_was_given_and_not_where_that_leads() {
    let shop = Copy::of("repaired");
    let (elsewhere, other) = answering("200 OK");
    let head: &'static str = format!("307 Temporary Redirect\r\nlocation: {elsewhere}/api/schemas").leak();
    let (address, sent) = answering(head);
    let error = asked_as(&shop, &address, Some("nxt_a_secret"));
    assert!(matches!(&error, CheckError::Base { reason, .. } if reason.contains("307")), "{error:?}");
    assert_eq!(sent.recv().unwrap().as_deref(), Some("Bearer nxt_a_secret"));
    assert!(other.try_recv().is_err(), "the redirect was followed");
}

#[test]
fn what_is_no_token_is_neither_sent_nor_shown() {
    let shop = Copy::of("repaired");
    let (address, sent) = answering("200 OK");
    for text in ["", "two words", "line\nbreak", "caf\u{e9}"] {
        let error = asked_as(&shop, &address, Some(text));
        assert!(error.to_string().contains("not one word of plain characters"), "{error}");
        assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
    }
    assert!(sent.try_recv().is_err(), "something was sent");
    let options = CheckOptions { token: Some(AccessToken::new("nxt_a_secret")), ..CheckOptions::default() };
    assert!(!format!("{options:?}").contains("secret"));
}
