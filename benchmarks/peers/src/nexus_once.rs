use std::fmt::Write as _;

use bench_report::{Fallible, Order};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Mutex};

use crate::client::{Answer, Client};

/// Nexus, one request for each append, on a connection that is kept.
pub(crate) struct NexusOnce {
    sender: Mutex<SendRequest<Full<Bytes>>>,
    address: String,
}

impl NexusOnce {
    pub(crate) async fn connect(address: &str) -> Fallible<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender: Mutex::new(sender), address: address.to_owned() })
    }

    async fn post(&self, orders: Vec<Order>) -> Fallible<()> {
        let parts = parts(&orders);
        let (path, body) = match parts.as_slice() {
            [(stream, part)] => (format!("/api/streams/{stream}/events"), format!("{{{part}}}")),
            several => ("/api/append".to_owned(), format!("{{{}}}", streams(several))),
        };
        let request = Request::post(path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.sender.lock().await.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == 201 { Ok(()) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
    }
}

impl Client for NexusOnce {
    fn append(&self, orders: Vec<Order>) -> Answer<'_, ()> {
        Box::pin(self.post(orders))
    }
}

/// The members of every stream's part, without its name: `"aggregateType":…,"expectedVersion":…,"events":[…]`.
pub(crate) fn parts(orders: &[Order]) -> Vec<(&str, String)> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for order in orders {
        let more = parts.last().is_some_and(|(stream, _)| *stream == order.stream);
        if !more {
            if let Some((_, part)) = parts.last_mut() {
                part.push(']');
            }
            let expected = if order.version == 1 { "\"none\"".to_owned() } else { (order.version - 1).to_string() };
            let part = format!("\"aggregateType\":\"Order\",\"expectedVersion\":{expected},\"events\":[");
            parts.push((&order.stream, part));
        }
        if let Some((_, part)) = parts.last_mut() {
            let comma = if more { "," } else { "" };
            // Writing to a string does not fail.
            let _ = write!(
                part,
                "{comma}{{\"eventId\":\"{}\",\"eventType\":\"OrderPlaced\",\"payload\":{}}}",
                order.id, order.payload
            );
        }
    }
    if let Some((_, part)) = parts.last_mut() {
        part.push(']');
    }
    parts
}

/// The member `streams` with these parts.
pub(crate) fn streams(parts: &[(&str, String)]) -> String {
    let parts: Vec<_> = parts.iter().map(|(stream, part)| format!("{{\"aggregateId\":\"{stream}\",{part}}}")).collect();
    format!("\"streams\":[{}]", parts.join(","))
}

#[cfg(test)]
mod tests {
    use bench_report::OrderSource;

    use super::*;

    #[test]
    fn a_batch_over_two_streams_is_json_with_a_part_for_each() {
        let orders = OrderSource::new("x", 1).batch(12);
        let body: serde_json::Value = serde_json::from_str(&format!("{{{}}}", streams(&parts(&orders)))).unwrap();
        let streams = body["streams"].as_array().unwrap();
        assert_eq!(streams.len(), 2);
        assert_eq!(streams[0]["events"].as_array().unwrap().len(), 10);
        assert_eq!(streams[1]["events"].as_array().unwrap().len(), 2);
        assert_eq!(streams[1]["expectedVersion"], "none");
    }
}
