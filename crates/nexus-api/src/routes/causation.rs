use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::{
    Position, RecordedEvent, Text,
    ports::{Direction, EventFilter, LogRead},
};
use tokio::time::{Duration, Instant};

use crate::{
    access::LogView,
    dto::{CausationNode, CausationTree, EventDto},
    problem::Problem,
    request::{Caller, Params, PathArgs},
    routes::{answer::json, events::find},
    state::Api,
};

/// Most events of a conversation that are shown.
const MAX_EVENTS: usize = 500;
/// How long the log is searched for them.
const MAX_SEARCH: Duration = Duration::from_secs(5);

/// Shows what caused what in the conversation of an event.
#[utoipa::path(
    get,
    path = "/api/events/{eventId}/causation",
    tag = "events",
    params(("eventId" = String, Path, description = "The event's id, a UUID.")),
    responses((status = 200, description = "The tree, flat: nodes name their children.", body = CausationTree))
)]
pub(crate) async fn event_causation(
    State(api): State<Api>,
    PathArgs(id): PathArgs<String>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let log = LogView::to_read(&api, &caller).await;
    let event = find(&log, &id).await?;
    let (events, truncated) = match &event.metadata.correlation_id {
        Some(correlation_id) => conversation(&log, correlation_id.clone()).await?,
        None => (vec![event.clone()], false),
    };
    json(StatusCode::OK, &tree(&event, &events, truncated))
}

/// The events of a conversation, and whether there may be more.
async fn conversation(log: &LogView, correlation_id: Text) -> Result<(Vec<RecordedEvent>, bool), Problem> {
    let started = Instant::now();
    let filter = EventFilter { correlation_id: Some(correlation_id), ..EventFilter::default() };
    let mut events: Vec<RecordedEvent> = Vec::new();
    let mut from = Position::START;
    loop {
        let limit = MAX_EVENTS + 1 - events.len();
        let read = LogRead { from, direction: Direction::Forward, limit, filter: filter.clone() };
        let page = log.read_log(read).await?;
        events.extend(page.events);
        if events.len() > MAX_EVENTS {
            events.truncate(MAX_EVENTS);
            return Ok((events, true));
        }
        if page.next <= from || page.next >= page.head {
            return Ok((events, false));
        }
        if started.elapsed() > MAX_SEARCH {
            return Ok((events, true));
        }
        from = page.next;
    }
}

fn tree(asked: &RecordedEvent, events: &[RecordedEvent], truncated: bool) -> CausationTree {
    let ids: Vec<String> = events.iter().map(|event| event.event_id.to_string()).collect();
    let mut children: BTreeMap<&str, Vec<String>> = ids.iter().map(|id| (id.as_str(), Vec::new())).collect();
    let mut roots = Vec::new();
    for (event, id) in events.iter().zip(&ids) {
        let cause = event.metadata.causation_id.as_deref().filter(|cause| *cause != id.as_str());
        match cause.and_then(|cause| children.get_mut(cause)) {
            Some(siblings) => siblings.push(id.clone()),
            None => roots.push(id.clone()),
        }
    }
    let node = |(event, id): (&RecordedEvent, &String)| CausationNode {
        event: EventDto::from(event),
        caused_by: event.metadata.causation_id.as_ref().map(ToString::to_string),
        children: children.get(id.as_str()).cloned().unwrap_or_default(),
    };
    CausationTree {
        event_id: asked.event_id.to_string(),
        correlation_id: asked.metadata.correlation_id.as_ref().map(ToString::to_string),
        nodes: events.iter().zip(&ids).map(node).collect(),
        roots,
        truncated,
    }
}
