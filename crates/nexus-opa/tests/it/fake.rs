//! An OPA that does what a test says.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nexus_core::{
    Actor, Json,
    ports::{
        Clock, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, PolicyServer as _, ServerVerdict,
        VerdictOutcome,
    },
};
use nexus_opa::{OpaOptions, OpaPolicyServer};
use nexus_policy::RegoPolicyCompiler;
use nexus_testkit::{fakes::ManualClock, fixture};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

/// What it does with a question.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Answers this document.
    Answers(Value),
    /// Answers this text.
    Says(String),
    Status(u16),
    Redirects(String),
    /// Nothing.
    Hangs,
    /// The head, and then a byte a moment.
    Drips,
    /// A body without end, as fast as it is taken.
    Floods,
    /// Closes the connection.
    Closes,
    /// Answers the first question of a connection, and closes it at the second.
    ClosesAtTheSecond,
    /// Allows once it is told to.
    Waits(Arc<Notify>),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

struct Shared {
    does: Mutex<Does>,
    modules: Mutex<Value>,
    requests: Mutex<Vec<Request>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl Fake {
    pub(crate) async fn start(does: Does) -> Self {
        let mut fake = Self {
            address: ([127, 0, 0, 1], 0).into(),
            shared: Arc::new(Shared {
                does: Mutex::new(does),
                modules: Mutex::new(json!({ "result": [] })),
                requests: Mutex::default(),
                now: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
            }),
            serving: None,
        };
        fake.come_back().await;
        fake
    }

    /// Listens, at the address it had before.
    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let shared = Arc::clone(&self.shared);
        self.serving = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let _gone = serve(stream, &shared).await;
                });
            }
        }));
    }

    /// Ends with all its connections.
    pub(crate) async fn go_away(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        let _ended = serving.await;
    }

    pub(crate) fn does(&self, does: Does) {
        *self.shared.does.lock().unwrap() = does;
    }

    pub(crate) fn has_modules(&self, modules: &[(&str, &str)]) {
        let modules: Vec<Value> = modules.iter().map(|(id, raw)| json!({ "id": id, "raw": raw })).collect();
        *self.shared.modules.lock().unwrap() = json!({ "result": modules });
    }

    /// The questions it was asked; without those for its modules.
    pub(crate) fn questions(&self) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap().clone();
        requests.into_iter().filter(|request| request.line.starts_with("POST")).collect()
    }

    /// How often it was asked for its modules.
    pub(crate) fn looks(&self) -> usize {
        self.shared.requests.lock().unwrap().iter().filter(|request| request.line.starts_with("GET")).count()
    }

    /// Most questions it had at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// Options to ask it with, with time enough for a machine that has much to do.
    pub(crate) fn options(&self) -> OpaOptions {
        let options = OpaOptions::new(&format!("http://{}", self.address)).unwrap();
        options.with_timeout(Duration::from_secs(5)).unwrap()
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut answered = 0;
    loop {
        let request = read(&mut stream).await?;
        let modules = request.line.starts_with("GET");
        shared.requests.lock().unwrap().push(request);
        let does = shared.does.lock().unwrap().clone();
        if matches!(does, Does::Closes) || answered > 0 && matches!(does, Does::ClosesAtTheSecond) {
            return Ok(());
        }
        shared.most.fetch_max(shared.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let done = match does {
            Does::Answers(_) if modules => {
                let modules = shared.modules.lock().unwrap().to_string();
                write(&mut stream, 200, "", &modules).await
            }
            does => act(does, &mut stream).await,
        };
        shared.now.fetch_sub(1, Ordering::SeqCst);
        done?;
        answered += 1;
    }
}

async fn act(does: Does, stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    match does {
        Does::Answers(document) => write(stream, 200, "", &document.to_string()).await,
        Does::Says(text) => write(stream, 200, "", &text).await,
        Does::Status(status) => write(stream, status, "", "{\"code\": \"internal_error\"}").await,
        Does::Redirects(to) => write(stream, 307, &format!("location: {to}\r\n"), "").await,
        Does::ClosesAtTheSecond => write(stream, 200, "", &allowing("1").to_string()).await,
        Does::Waits(told) => {
            told.notified().await;
            write(stream, 200, "", &allowing("1").to_string()).await
        }
        Does::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(5)).await; // waits: slower than anybody is patient
            }
        }
        Does::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Does::Hangs | Does::Closes => std::future::pending().await,
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Request> {
    let (mut head, mut length, mut authorization) = (Vec::new(), 0, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Request { line: head[0].clone(), authorization, body: String::from_utf8(body).unwrap() })
}

async fn write(stream: &mut BufReader<TcpStream>, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await
}

/// The answer of a server that allows, with its bundle `rules` at this revision.
pub(crate) fn allowing(revision: &str) -> Value {
    json!({
        "result": { "allow": true, "deny": [] },
        "provenance": { "version": "1.0.0", "bundles": { "rules": { "revision": revision } } },
    })
}

/// A server that is asked so.
pub(crate) fn server(options: OpaOptions) -> OpaPolicyServer {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    OpaPolicyServer::start(options, Arc::new(RegoPolicyCompiler), clock).unwrap()
}

/// Asks about an order.
pub(crate) async fn ask(server: &OpaPolicyServer) -> ServerVerdict {
    ask_for(server, "PlaceOrder").await
}

pub(crate) async fn ask_for(server: &OpaPolicyServer, action: &str) -> ServerVerdict {
    with_input(action, async |input| server.decide(input).await).await
}

/// Does something with a question in which every member is there.
pub(crate) async fn with_input<T>(action: &str, ask: impl AsyncFnOnce(&PolicyInput<'_>) -> T) -> T {
    let payload = fixture::json_text("{\"total\": 1.50, \"note\": \"\\u00e9 → ☎\"}");
    let claims = Some(Json::from_value(&json!({ "tenant": "blue", "deep": { "er": [1, null] } })));
    let actor = Actor { claims, ..fixture::actor_with(&["writer", "reader"]) };
    let request = fixture::request_context();
    let input = PolicyInput {
        kind: PolicyKind::Append,
        action,
        resource: PolicyResource { resource_type: "Order", id: "order-1" },
        actor: &actor,
        payload: Some(&payload),
        event: Some(PolicyEvent { event_type: "OrderPlaced", payload: &payload }),
        schema: Some(PolicySchema { id: 7, version: 2, registered: true }),
        request: &request,
    };
    ask(&input).await
}

pub(crate) fn reason(verdict: &ServerVerdict) -> String {
    match &verdict.outcome {
        VerdictOutcome::Failed { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

/// Waits until something holds, for as long as a machine that has much to do may take.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await; // waits: between two looks
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "{what}");
}
