use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use nexus_core::{
    EventType, Position, RecordedEvent,
    ports::{EventFilter, LogPage, LogRead},
};
use nexus_runtime::DECISION_RECORDED;
use serde_json::Value;

use crate::{
    access::LogView,
    dto::{DecisionList, RecordedDecisionDto},
    problem::{Code, Problem},
    request::{Caller, Params},
    routes::{
        answer::{json, next_link},
        feed::{self, Followed},
    },
    state::Api,
};

/// Tells how many denials were not written one by one.
const DROPPED: &str = "DecisionsDropped";
/// Most pages of the log that are looked through for one answer.
const MAX_PAGES: usize = 20;

/// Lists what was denied, and who read what only some may read, oldest first.
///
/// With `Accept: text/event-stream` it is a live feed of the events in `$decisions` instead.
#[utoipa::path(
    get,
    path = "/api/policies/decisions",
    tag = "governance",
    params(
        ("after" = Option<u64>, Query, description = "Decisions after this position of the log; 0 when not given."),
        ("limit" = Option<u32>, Query, description = "Most decisions to answer, 1 to 1000; 100 when not given."),
        ("denied" = Option<bool>, Query, description = "Only what was not allowed."),
    ),
    responses((status = 200, description = "The decisions.", content(
        (DecisionList = "application/json"),
        (String = "text/event-stream"),
    )))
)]
pub(crate) async fn list_decisions(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["after", "limit", "denied"])?;
    let (denied, limit) = (params.flag("denied")?, params.limit(100)?);
    let (log, filter) = (LogView::whole(&api), filter()?);
    let wanted = if denied { is_denial } else { |_: &RecordedEvent| true };
    if headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream")) {
        let after = feed::start(&params, &headers)?;
        return Ok(feed::follow(&api, &caller, Followed { log, filter, wanted, after }));
    }
    let mut next = Position::new(params.number("after")?.unwrap_or(0));
    let mut found: Vec<RecordedEvent> = Vec::new();
    let mut head = api.node.head();
    for _ in 0..MAX_PAGES {
        let room = limit - found.len();
        let read = LogRead { from: next, limit: room, filter: filter.clone(), ..LogRead::default() };
        let page: LogPage = log.read_log(read).await?;
        found.extend(page.events.into_iter().filter(wanted));
        (next, head) = (page.next, page.head);
        if found.len() >= limit || next >= head {
            break;
        }
    }
    let decisions = found.iter().map(shown).collect::<Result<_, _>>()?;
    let mut response = json(StatusCode::OK, &DecisionList { decisions, next: next.get(), head: head.get() })?;
    if next < head {
        let denied = if denied { "&denied=true" } else { "" };
        let link = next_link(&format!("/api/policies/decisions?after={next}&limit={limit}{denied}"));
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn filter() -> Result<EventFilter, Problem> {
    let named = |name: &str| {
        EventType::new(name).map_err(|error| Problem::new(Code::InternalError, "no such event type").caused_by(&error))
    };
    let event_types = [named(DECISION_RECORDED)?, named(DROPPED)?].into();
    Ok(EventFilter { event_types, ..EventFilter::default() })
}

/// Everything that was not an allowed read.
fn is_denial(event: &RecordedEvent) -> bool {
    let payload: Option<Value> = event.payload.to_value().ok();
    payload.is_none_or(|payload| payload.get("outcome").and_then(Value::as_str) != Some("allowed"))
}

fn shown(event: &RecordedEvent) -> Result<RecordedDecisionDto, Problem> {
    let payload = event.payload.to_value().map_err(|error| {
        Problem::new(Code::DamagedData, "the record of a decision cannot be read").caused_by(&error)
    })?;
    Ok(RecordedDecisionDto {
        position: event.position.get(),
        event_type: event.event_type.to_string(),
        recorded_at: event.timestamp,
        decision: payload,
    })
}
