use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use nexus_core::{Actor, Json, Text, ports::RequestContext};
use nexus_runtime::RequestInfo;
use serde_json::value::RawValue;

use crate::{
    problem::{Code, Problem},
    request::{
        Object,
        credentials::{Lifeline, Session, authenticate},
        typed,
    },
    state::Api,
};

/// Longest correlation id, causation id or client name in bytes.
const MAX_TEXT: usize = 255;

/// Who asks, and what the request's headers say about its conversation. The guard establishes it, once; handlers take
/// what it left.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    session: Option<Session>,
    client_id: Option<Text>,
    headers: Conversation,
}

/// What a request says about where it comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation {
    pub(crate) correlation_id: Option<Text>,
    pub(crate) causation_id: Option<Text>,
    pub(crate) traceparent: Option<Text>,
    /// Further members of `metadata`, as a JSON object.
    pub(crate) extra: Option<Json>,
}

impl Caller {
    /// Reads the credentials and the headers of a request.
    pub(crate) fn authenticate(parts: &Parts, api: &Api) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let (actor, session) = authenticate(api, parts)?;
        Ok(Self {
            actor,
            session,
            client_id: header_text(headers, "x-client-id")?,
            headers: Conversation {
                correlation_id: header_text(headers, "x-correlation-id")?,
                causation_id: header_text(headers, "x-causation-id")?,
                // A malformed one is to be ignored (W3C Trace Context, section 3.2.2).
                traceparent: header_text(headers, "traceparent")?.filter(|text| is_traceparent(text)),
                extra: None,
            },
        })
    }

    /// Whether credentials say who asks, rather than that anybody is let in.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.session.is_some()
    }

    /// What a stream holds on to that is opened with this request.
    pub(crate) fn lifeline(&self, api: &Api) -> Lifeline {
        Lifeline::new(api, self.session.clone())
    }

    /// Everything the runtime needs to know about the request. What the headers say wins over the body.
    pub(crate) fn info(self, api: &Api, body: Conversation) -> RequestInfo {
        let body = self.overrule(body);
        let context = RequestContext {
            service: api.node.service().clone(),
            client_id: self.client_id,
            environment: api.node.environment().clone(),
            time: api.node.clock().now(),
        };
        RequestInfo {
            actor: self.actor,
            context,
            correlation_id: body.correlation_id,
            causation_id: body.causation_id,
            traceparent: body.traceparent,
            extra: body.extra,
        }
    }

    /// What `body` says, unless a header says otherwise.
    pub(crate) fn overrule(&self, body: Conversation) -> Conversation {
        let headers = self.headers.clone();
        Conversation {
            correlation_id: headers.correlation_id.or(body.correlation_id),
            causation_id: headers.causation_id.or(body.causation_id),
            traceparent: headers.traceparent.or(body.traceparent),
            extra: body.extra,
        }
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        // A route that anybody may use has no caller, and no business asking for one.
        let nobody = || Problem::new(Code::InternalError, "the request has no caller");
        parts.extensions.remove::<Self>().ok_or_else(nobody)
    }
}

impl Conversation {
    /// Members of `metadata` that the platform sets itself and nobody else.
    const RESERVED: [&str; 4] = ["userId", "schemaVersion", "idempotencyKey", "idempotencyRequest"];

    /// Reads the `metadata` member of a body. Reserved members are left out.
    pub(crate) fn of_metadata(raw: &RawValue, place: &str) -> Result<Self, Problem> {
        let mut object = Object::read(raw, place)?;
        for name in Self::RESERVED {
            object.take(name);
        }
        let conversation = Self {
            correlation_id: member_text(&mut object, "correlationId")?,
            causation_id: member_text(&mut object, "causationId")?,
            traceparent: member_text(&mut object, "traceparent")?,
            extra: None,
        };
        if conversation.traceparent.as_ref().is_some_and(|text| !is_traceparent(text)) {
            let detail = "must be a W3C trace context such as 00-<32 hex digits>-<16 hex digits>-01";
            return Err(Problem::invalid(object.place("traceparent"), "format", detail));
        }
        Ok(Self { extra: object.rest(), ..conversation })
    }
}

/// A text that is kept with events: short and printable, so that it cannot forge lines in a log.
pub(crate) fn member_text(object: &mut Object<'_>, name: &str) -> Result<Option<Text>, Problem> {
    let place = object.place(name);
    let Some(raw) = object.take(name).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let text: String = typed(raw, place.clone(), "must be a text")?;
    if is_plain(&text) {
        Ok(Some(text.into()))
    } else {
        Err(Problem::invalid(place, "format", "must have 1 to 255 bytes and no control characters"))
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Result<Option<Text>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), rest) = (values.next(), values.next()) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).ok();
    match text.filter(|text| rest.is_none() && is_plain(text)) {
        Some(text) => Ok(Some(text.into())),
        None => {
            let detail = format!("`{name}` must be given once, with 1 to 255 bytes and no control characters");
            Err(Problem::header(name, detail))
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// `00-<trace id>-<parent id>-<flags>` in lowercase hexadecimal, neither id all zero.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["00", trace, parent, flags]
        if hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && some(trace) && some(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_parent_has_four_parts_of_fixed_length() {
        assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
