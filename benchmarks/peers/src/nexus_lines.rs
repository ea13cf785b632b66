use std::convert::Infallible;

use bench_report::{Fallible, Order};
use bytes::{Bytes, BytesMut};
use http_body_util::{
    BodyExt as _,
    channel::{Channel, Sender},
};
use hyper::{Request, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
};

use crate::{
    client::{Answer, Client},
    nexus_once::{parts, streams},
};

type Reply = oneshot::Sender<Result<(), String>>;

/// Lines that may wait to be sent.
const WINDOW: usize = 1024;

/// Nexus, a stream of appends over one request: a line for each append, answered by a line.
pub(crate) struct NexusLines {
    lines: mpsc::Sender<(String, Reply)>,
}

impl NexusLines {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let (body_sender, body) = Channel::<Bytes, Infallible>::new(16);
        let request = Request::post("/api/append/stream")
            .header(header::HOST, address)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .body(body)?;
        let response = sender.send_request(request).await?;
        if response.status() != 200 {
            return Err(format!("the stream of appends was refused: {}", response.status()).into());
        }
        let (lines, waiting) = mpsc::channel(WINDOW);
        let (asked, answered) = mpsc::unbounded_channel();
        tokio::spawn(send(waiting, body_sender, asked));
        tokio::spawn(async move {
            // Keeps the connection's sender until the answers end.
            let _sender = sender;
            receive(response.into_body(), answered).await;
        });
        Ok(Self { lines })
    }

    async fn send(&self, orders: Vec<Order>) -> Fallible<()> {
        let parts = parts(&orders);
        let line = match parts.as_slice() {
            [(stream, part)] => format!("{{\"aggregateId\":\"{stream}\",{part}}}\n"),
            several => format!("{{{}}}\n", streams(several)),
        };
        let (reply, answer) = oneshot::channel();
        self.lines.send((line, reply)).await.map_err(|_| "the stream of appends has ended")?;
        Ok(answer.await??)
    }
}

impl Client for NexusLines {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.send(orders))
    }
}

/// Sends what is there, many lines at once.
async fn send(
    mut waiting: mpsc::Receiver<(String, Reply)>,
    mut body: Sender<Bytes>,
    asked: mpsc::UnboundedSender<Reply>,
) {
    let mut lines = Vec::with_capacity(WINDOW);
    while waiting.recv_many(&mut lines, WINDOW).await > 0 {
        let mut chunk = BytesMut::new();
        for (line, reply) in lines.drain(..) {
            chunk.extend_from_slice(line.as_bytes());
            if asked.send(reply).is_err() {
                return;
            }
        }
        if body.send_data(chunk.freeze()).await.is_err() {
            return;
        }
    }
}

/// Hands every line to whoever waits for it. When answers end, those who wait see their channels closed.
async fn receive(mut body: Incoming, mut answered: mpsc::UnboundedReceiver<Reply>) {
    let mut pending = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line = pending.split_to(end + 1);
            let Some(reply) = answered.recv().await else { return };
            let stored = line.starts_with(b"{\"firstPosition\"");
            let outcome = if stored { Ok(()) } else { Err(String::from_utf8_lossy(&line).into_owned()) };
            // A task that stopped waiting is no matter.
            let _ = reply.send(outcome);
        }
    }
}
