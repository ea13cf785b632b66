use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::{Code, Problem};

/// Reads a JSON body of at most `limit` bytes.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    check_media_type(headers, "application/json")?;
    read_bytes(headers, body, limit).await
}

/// Reads a body of at most `limit` bytes. One that is declared too large is refused unread.
pub(crate) async fn read_bytes(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes"));
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|value| value.parse::<usize>().ok()).is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Problem::new(Code::MalformedJson, "the body ended before it was complete").caused_by(&error)),
    }
}

/// Only the type that is asked for is read: others could be sent by a foreign web page without asking first.
pub(crate) fn check_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let wrong = |what: &str| Err(Problem::new(Code::UnsupportedMediaType, format!("the Content-Type {what} {wanted}")));
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|value| value != "identity") {
        return refuse("compressed bodies are not read; send the body as it is, without Content-Encoding");
    }
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return wrong("header must be present once and be");
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted)) {
        return wrong("must be");
    }
    let utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    if parts.all(utf8) { Ok(()) } else { refuse("JSON is read as UTF-8 only") }
}
