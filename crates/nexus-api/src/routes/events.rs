use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use nexus_core::{
    EventId, EventType, Position, RecordedEvent, Timestamp,
    ports::{Direction, EventFilter, LogRead},
};

use crate::{
    access::LogView,
    dto::{CloudEvent, EventDto, EventList},
    problem::{Code, Problem},
    request::{Caller, Params, PathArgs},
    routes::{
        answer::{EventFormat, POSITION, cloud_batch, encoded, json, json_bytes, next_link, to_bytes},
        streams::aggregate_type,
    },
    state::Api,
};

/// Reads the whole log by position. No committed event is ever skipped.
///
/// Events of the platform's own streams (`$…`) are there for whom policy lets read these.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "events",
    params(
        ("after" = Option<u64>, Query, description = "Events after this position, oldest first; 0 when not given."),
        ("before" = Option<u64>, Query, description = "Instead: events before this position, newest first; 0 is from the newest."),
        ("limit" = Option<u32>, Query, description = "Most events to answer, 1 to 1000; 100 when not given."),
        ("types" = Option<String>, Query, description = "Only these event types, separated by commas."),
        ("aggregateType" = Option<String>, Query, description = "Only events of this type of aggregate."),
        ("correlationId" = Option<String>, Query, description = "Only events of this conversation."),
        ("since" = Option<String>, Query, description = "Only events recorded at this moment or later, in RFC 3339."),
        ("until" = Option<String>, Query, description = "Only events recorded at this moment or earlier, in RFC 3339."),
    ),
    responses((status = 200, description = "The events.", content(
        (EventList = "application/json"),
        (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
    )))
)]
pub(crate) async fn list_events(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["after", "before", "limit", "types", "aggregateType", "correlationId", "since", "until"])?;
    let (after, before) = (params.number("after")?, params.number("before")?);
    let (from, direction) = match (after, before) {
        (Some(_), Some(_)) => {
            return Err(Problem::parameter("before", "`after` and `before` exclude each other; give one"));
        }
        (None, Some(before)) => (before, Direction::Backward),
        (after, None) => (after.unwrap_or(0), Direction::Forward),
    };
    let limit = params.limit(100)?;
    let read = LogRead { from: Position::new(from), direction, limit, filter: filter(&params)? };
    let page = LogView::to_read(&api, &caller).await.read_log(read).await?;
    let name = if direction == Direction::Forward { "after" } else { "before" };
    let at_end = match direction {
        Direction::Forward => page.next >= page.head,
        Direction::Backward => page.next.get() <= 1,
    };
    let link = next_link(&next_target(&params, name, page.next));
    let mut response = match EventFormat::wanted(&headers) {
        EventFormat::CloudEvents => cloud_batch(&page.events, api.node.service())?,
        EventFormat::Native => {
            let events = page.events.iter().map(EventDto::from).collect();
            json(StatusCode::OK, &EventList { events, next: page.next.get(), head: page.head.get() })?
        }
    };
    response.headers_mut().insert(POSITION, page.head.get().into());
    if !at_end {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Reads one event by its id.
#[utoipa::path(
    get,
    path = "/api/events/{eventId}",
    tag = "events",
    params(("eventId" = String, Path, description = "The event's id, a UUID.")),
    responses((status = 200, description = "The event.", content(
        (EventDto = "application/json"),
        (serde_json::Value = "application/cloudevents+json"),
    )))
)]
pub(crate) async fn get_event(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let event = find(&LogView::to_read(&api, &caller).await, &id).await?;
    match EventFormat::wanted(&headers) {
        EventFormat::Native => json(StatusCode::OK, &EventDto::from(&event)),
        EventFormat::CloudEvents => {
            let body = to_bytes(&CloudEvent::of(&event, api.node.service()))?;
            Ok(json_bytes(StatusCode::OK, "application/cloudevents+json", body))
        }
    }
}

/// The event of an id as it stands in a path.
pub(crate) async fn find(log: &LogView, id: &str) -> Result<RecordedEvent, Problem> {
    let id: EventId = id.parse().map_err(|_| Problem::new(Code::InvalidPath, "an event id is a UUID"))?;
    let found = log.event(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no event {id}")))
}

/// The filter that a query string asks for.
pub(crate) fn filter(params: &Params) -> Result<EventFilter, Problem> {
    let event_type =
        |name: &str| EventType::new(name.to_owned()).map_err(|error| Problem::parameter("types", error.to_string()));
    let event_types = params.list("types")?.into_iter().map(event_type).collect::<Result<BTreeSet<_>, _>>()?;
    if params.one("types")?.is_some() && event_types.is_empty() {
        return Err(Problem::parameter("types", "`types` names no event type"));
    }
    Ok(EventFilter {
        event_types,
        aggregate_type: params.one("aggregateType")?.map(|name| aggregate_type("aggregateType", name)).transpose()?,
        correlation_id: params.one("correlationId")?.map(Into::into),
        since: moment(params, "since")?,
        until: moment(params, "until")?,
        without_system_streams: false,
    })
}

/// A moment in a query string.
fn moment(params: &Params, name: &str) -> Result<Option<Timestamp>, Problem> {
    let parse = |text: &str| {
        let detail = || format!("`{name}` must be a moment in RFC 3339, such as 2026-01-31T12:00:00Z");
        text.parse().map_err(|_| Problem::parameter(name, detail()))
    };
    params.one(name)?.map(parse).transpose()
}

/// The same query, going on from `next`.
fn next_target(params: &Params, name: &str, next: Position) -> String {
    let mut target = format!("/api/events?{name}={next}");
    for (name, value) in params.iter().filter(|(name, _)| !matches!(*name, "after" | "before")) {
        target.push_str(&format!("&{}={}", encoded(name), encoded(value)));
    }
    target
}
