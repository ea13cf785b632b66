//! Key sets that live at an address: rotation, and servers that do not behave.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nexus_core::ports::{AuthenticationError, Authenticator as _};
use nexus_identity::{Algorithm, JwksAddress, JwtAuthenticator, KeySource};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::support::{NOW, STRANGER, TRUSTED, assemble, at, claims, issuer_with, present_to};

/// What the server of a key set does with a request.
#[derive(Debug, Clone)]
enum Answer {
    Keys(Value),
    Status(u16),
    Redirect(String),
    /// Accepts, and says nothing.
    Hang,
    /// Sends one byte a moment, for ever.
    Drip,
    /// Sends a gigabyte.
    Flood,
}

struct Server {
    address: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let server =
            Self { address, answer: Arc::new(Mutex::new(answer)), asked: Arc::default(), sent: Arc::default() };
        let (answer, asked, sent) = (Arc::clone(&server.answer), Arc::clone(&server.asked), Arc::clone(&server.sent));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, asked, sent) = (answer.lock().unwrap().clone(), Arc::clone(&asked), Arc::clone(&sent));
                tokio::spawn(async move { serve(stream, answer, &asked, &sent).await });
            }
        });
        server
    }

    fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn address(&self) -> JwksAddress {
        self.address_with(|_| {})
    }

    fn address_with(&self, change: impl FnOnce(&mut JwksAddress)) -> JwksAddress {
        let mut address = JwksAddress::new(&self.address).unwrap();
        address.refresh = Duration::from_secs(3600);
        address.min_interval = Duration::from_millis(20);
        address.timeout = Duration::from_secs(5);
        change(&mut address);
        address
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, asked: &AtomicUsize, sent: &AtomicUsize) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}\r\n");
    match answer {
        Answer::Keys(keys) => {
            let body = keys.to_string();
            let text = head(200, &format!("content-length: {}\r\n", body.len())) + &body;
            stream.write_all(text.as_bytes()).await.ok()
        }
        Answer::Status(status) => stream.write_all(head(status, "content-length: 0\r\n").as_bytes()).await.ok(),
        Answer::Redirect(to) => {
            let text = head(302, &format!("location: {to}\r\ncontent-length: 0\r\n"));
            stream.write_all(text.as_bytes()).await.ok()
        }
        Answer::Hang => std::future::pending().await,
        Answer::Drip => {
            stream.write_all(head(200, "content-length: 1000000\r\n").as_bytes()).await.ok()?;
            loop {
                stream.write_all(b" ").await.ok()?;
                // waits: for nothing; the pace is what makes the server hostile.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Answer::Flood => {
            stream.write_all(head(200, "content-length: 1073741824\r\n").as_bytes()).await.ok()?;
            let chunk = vec![b' '; 64 * 1024];
            for _ in 0..16 * 1024 {
                stream.write_all(&chunk).await.ok()?;
                sent.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            Some(())
        }
    }
}

fn set(keys: &[(&crate::support::Pairs, &str)]) -> Answer {
    let keys: Vec<Value> = keys.iter().map(|(pairs, id)| pairs.jwk(Algorithm::Es256, id)).collect();
    Answer::Keys(json!({ "keys": keys }))
}

fn token(pairs: &crate::support::Pairs, id: &str) -> String {
    let header = json!({ "alg": "ES256", "kid": id }).to_string();
    assemble(&header, &claims().to_string(), |message| pairs.sign(Algorithm::Es256, message))
}

async fn start(address: JwksAddress, stop: &CancellationToken) -> JwtAuthenticator {
    JwtAuthenticator::start(vec![issuer_with(KeySource::Address(address))], stop).await.unwrap()
}

/// Presents the token until it is accepted.
async fn accepted_in_time(authenticator: &JwtAuthenticator, token: &str) {
    let accepted = async {
        while present_to(authenticator, token).is_err() {
            // waits: for the background fetch that presenting the token asked for.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), accepted).await.expect("the key was never fetched");
}

#[tokio::test]
async fn keys_are_there_once_it_has_started() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    assert!(present_to(&authenticator, &token(&TRUSTED, "a")).is_ok());
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_rotated_set_is_fetched_when_a_token_names_a_new_key() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    let old = present_to(&authenticator, &token(&TRUSTED, "a")).unwrap();
    server.now_answers(set(&[(&STRANGER, "b")]));
    let new = token(&STRANGER, "b");
    assert_eq!(present_to(&authenticator, &new).err(), Some(AuthenticationError::UnknownKey));
    accepted_in_time(&authenticator, &new).await;
    // The old key was taken away: its tokens are refused, and streams that were opened with them end.
    let gone = present_to(&authenticator, &token(&TRUSTED, "a"));
    assert_eq!(gone.err(), Some(AuthenticationError::UnknownKey));
    assert!(!authenticator.stands(&old.credential));
}

#[tokio::test]
async fn a_set_is_fetched_again_when_nobody_asks() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let address = server.address_with(|address| address.refresh = Duration::from_millis(30));
    let authenticator = start(address, &stop).await;
    let known = present_to(&authenticator, &token(&TRUSTED, "a")).unwrap();
    server.now_answers(set(&[(&TRUSTED, "b")]));
    let withdrawn = async {
        while authenticator.stands(&known.credential) {
            // waits: for the fetch that is due by itself.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), withdrawn).await.expect("the set was not fetched again");
}

#[tokio::test]
async fn unknown_keys_do_not_make_it_fetch_at_will() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let min_interval = Duration::from_millis(500);
    let began = Instant::now();
    let authenticator = start(server.address_with(|address| address.min_interval = min_interval), &stop).await;
    let flood = async {
        while server.asked() < 3 {
            for n in 0..100 {
                let unknown = token(&STRANGER, &format!("unknown-{n}"));
                assert_eq!(present_to(&authenticator, &unknown).err(), Some(AuthenticationError::UnknownKey));
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), flood).await.expect("nothing was fetched again");
    assert!(began.elapsed() >= 2 * min_interval, "three fetches within {:?}", began.elapsed());
}

#[tokio::test]
async fn the_last_good_keys_are_kept() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    let (good, unknown) = (token(&TRUSTED, "a"), token(&STRANGER, "b"));
    let published_secret = json!({ "keys": [{ "kty": "oct", "kid": "a", "k": "c2VjcmV0" }] });
    let bad = [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Keys(json!({ "keys": [] })),
        Answer::Keys(json!("<html>")),
        Answer::Keys(published_secret),
        Answer::Flood,
    ];
    for answer in bad {
        server.now_answers(answer.clone());
        let before = server.asked();
        let asked = async {
            while server.asked() < before + 2 {
                assert!(present_to(&authenticator, &unknown).is_err());
                // waits: for two further fetches, the first of which may have begun before the answer changed.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), asked).await.expect("it does not ask again");
        assert!(present_to(&authenticator, &good).is_ok(), "forgotten after {answer:?}");
    }
}

#[tokio::test]
async fn a_server_without_keys_does_not_keep_it_from_starting() {
    let server = Server::start(Answer::Status(503)).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    let token = token(&TRUSTED, "a");
    assert_eq!(present_to(&authenticator, &token).err(), Some(AuthenticationError::Unavailable));
    server.now_answers(set(&[(&TRUSTED, "a")]));
    accepted_in_time(&authenticator, &token).await;
}

#[tokio::test]
async fn a_server_that_hangs_or_drips_is_left_in_time() {
    for answer in [Answer::Hang, Answer::Drip] {
        let server = Server::start(answer.clone()).await;
        let stop = CancellationToken::new();
        let limit = Duration::from_millis(300);
        let started =
            timeout(Duration::from_secs(20), start(server.address_with(|address| address.timeout = limit), &stop));
        let authenticator = started.await.unwrap_or_else(|_| panic!("it waits for {answer:?}"));
        let refused = authenticator.authenticate(&token(&TRUSTED, "a"), at(NOW));
        assert_eq!(refused.err(), Some(AuthenticationError::Unavailable), "{answer:?}");
    }
}

#[tokio::test]
async fn a_gigabyte_is_not_read() {
    let server = Server::start(Answer::Flood).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    let refused = authenticator.authenticate(&token(&TRUSTED, "a"), at(NOW));
    assert_eq!(refused.err(), Some(AuthenticationError::Unavailable));
    let sent = server.sent.load(Ordering::SeqCst);
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let elsewhere = Server::start(set(&[(&TRUSTED, "a")])).await;
    let server = Server::start(Answer::Redirect(elsewhere.address.clone())).await;
    let stop = CancellationToken::new();
    let authenticator = start(server.address(), &stop).await;
    let refused = authenticator.authenticate(&token(&TRUSTED, "a"), at(NOW));
    assert_eq!(refused.err(), Some(AuthenticationError::Unavailable));
    assert_eq!((server.asked(), elsewhere.asked()), (1, 0));
}

#[tokio::test]
async fn it_stops_fetching_when_it_is_told() {
    let server = Server::start(set(&[(&TRUSTED, "a")])).await;
    let stop = CancellationToken::new();
    let address = server.address_with(|address| address.refresh = Duration::from_millis(10));
    let authenticator = start(address, &stop).await;
    stop.cancel();
    // One fetch may be under way; after it, the background task is gone.
    let settled = server.asked() + 1;
    for _ in 0..20 {
        assert!(present_to(&authenticator, &token(&STRANGER, "x")).is_err());
        // waits: for fetches that must not come.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(server.asked() <= settled, "it was asked {} times", server.asked());
}
