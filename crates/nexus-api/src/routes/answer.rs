//! Small parts of answers that several routes share.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use nexus_core::{RecordedEvent, StreamId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::{
    dto::CloudEvent,
    problem::{Code, Problem},
};

pub(crate) const POSITION: HeaderName = HeaderName::from_static("nexus-position");
pub(crate) const DECISION_ID: HeaderName = HeaderName::from_static("nexus-decision-id");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
pub(crate) const PROJECTION_POSITION: HeaderName = HeaderName::from_static("nexus-projection-position");

/// Everything but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path or one value of a query string.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    Ok(json_bytes(status, "application/json", to_bytes(body)?))
}

pub(crate) fn json_bytes(status: StatusCode, media_type: &'static str, body: Bytes) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    (status, [(header::CONTENT_TYPE, media_type)], Body::from(body)).into_response()
}

pub(crate) fn to_bytes(body: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|error| Problem::new(Code::InternalError, "the answer could not be written").caused_by(&error))
}

/// A header value from text that may hold anything; what cannot be sent becomes empty.
pub(crate) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A version as a strong entity tag.
pub(crate) fn version_tag(version: u64) -> HeaderValue {
    header_value(&format!("\"{version}\""))
}

/// A weak entity tag of a body.
pub(crate) fn weak_tag(body: &[u8]) -> String {
    let hash = blake3::hash(body).to_hex();
    format!("W/\"{}\"", hash.get(..16).unwrap_or_default())
}

/// Whether the client has this representation already (weak comparison, RFC 9110 section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(tag);
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == wanted)
}

/// The id of a stream, from a path or a parameter.
pub(crate) fn stream_id(text: String) -> Result<StreamId, Problem> {
    StreamId::new(text).map_err(|error| Problem::new(Code::InvalidPath, error.to_string()))
}

/// Which representation of events the client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventFormat {
    /// Our own.
    Native,
    /// CloudEvents 1.0.
    CloudEvents,
}

impl EventFormat {
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_cloud = |value: &str| value.contains("application/cloudevents");
        if accepted.any(is_cloud) { Self::CloudEvents } else { Self::Native }
    }
}

/// Events as a batch of CloudEvents. What is not an event goes into headers.
pub(crate) fn cloud_batch(events: &[RecordedEvent], service: &str) -> Result<Response, Problem> {
    let batch: Vec<CloudEvent<'_>> = events.iter().map(|event| CloudEvent::of(event, service)).collect();
    Ok(json_bytes(StatusCode::OK, "application/cloudevents-batch+json", to_bytes(&batch)?))
}

/// A link to the next page.
pub(crate) fn next_link(target: &str) -> HeaderValue {
    header_value(&format!("<{target}>; rel=\"next\""))
}
