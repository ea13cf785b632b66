use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use nexus_core::{
    AggregateType, StreamId, Version,
    ports::{Direction, StreamInfo, StreamRead},
};
use serde_json::Value;

use crate::{
    access::LogView,
    dto::{EventDto, StreamEvents, StreamList, StreamSummary},
    problem::{Code, Problem},
    request::{Caller, Params, PathArgs},
    routes::answer::{EventFormat, POSITION, cloud_batch, encoded, json, next_link, stream_id},
    state::Api,
};

/// Lists streams in order of their ids, the platform's own (`$…`) for whom policy lets read these.
#[utoipa::path(
    get,
    path = "/api/streams",
    tag = "events",
    params(
        ("prefix" = Option<String>, Query, description = "Only ids that start with this."),
        ("type" = Option<String>, Query, description = "Only aggregates of this type."),
        ("limit" = Option<u32>, Query, description = "Most streams to answer, 1 to 1000; 50 when not given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The streams.", body = StreamList))
)]
pub(crate) async fn list_streams(State(api): State<Api>, caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["prefix", "type", "limit", "cursor"])?;
    let prefix = params.one("prefix")?.unwrap_or_default();
    let wanted_type = params.one("type")?;
    let query = ["streams", prefix, wanted_type.unwrap_or_default()];
    let after = match params.one("cursor")? {
        Some(cursor) => Some(after_stream(api.cursors.open(&query, cursor)?)?),
        None => None,
    };
    let list = nexus_core::ports::StreamList {
        prefix: prefix.to_owned(),
        aggregate_type: wanted_type.map(|name| aggregate_type("type", name)).transpose()?,
        after,
        without_system_streams: false,
        limit: params.limit(50)?,
    };
    let page = LogView::to_read(&api, &caller).await.streams(list).await?;
    let last = page.streams.last().filter(|_| page.more);
    let next = last.map(|stream| api.cursors.issue(&query, &[Value::from(stream.stream.as_str())]));
    json(StatusCode::OK, &StreamList { streams: page.streams.iter().map(summary).collect(), next })
}

/// Reads one stream by version.
#[utoipa::path(
    get,
    path = "/api/streams/{aggregateId}/events",
    tag = "events",
    params(
        ("aggregateId" = String, Path, description = "The stream."),
        ("from" = Option<u64>, Query, description = "Lowest version wanted, inclusive; 1 when not given."),
        ("to" = Option<u64>, Query, description = "Highest version wanted, inclusive; the newest when not given."),
        ("direction" = Option<String>, Query, description = "`forward` (oldest first) or `backward`."),
        ("limit" = Option<u32>, Query, description = "Most events to answer, 1 to 1000; 100 when not given."),
    ),
    responses((status = 200, description = "The events.", content(
        (StreamEvents = "application/json"),
        (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
    )))
)]
pub(crate) async fn stream_events(
    State(api): State<Api>,
    PathArgs(stream): PathArgs<String>,
    _caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["from", "to", "direction", "limit"])?;
    let direction = match params.one("direction")? {
        None | Some("forward") => Direction::Forward,
        Some("backward") => Direction::Backward,
        Some(_) => return Err(Problem::parameter("direction", "`direction` must be forward or backward")),
    };
    let read = StreamRead {
        stream: stream_id(stream)?,
        from: Version::new(params.number("from")?.unwrap_or(1)),
        to: Version::new(params.number("to")?.unwrap_or(u64::MAX)),
        direction,
        limit: params.limit(100)?,
    };
    let (id, limit) = (read.stream.clone(), read.limit);
    let page = api.node.events().read_stream(read).await?;
    let Some(aggregate_type) = page.aggregate_type else {
        return Err(Problem::new(Code::NotFound, format!("there is no stream `{id}`")));
    };
    if EventFormat::wanted(&headers) == EventFormat::CloudEvents {
        let mut response = cloud_batch(&page.events, api.node.service())?;
        if let Some(next) = page.next {
            let (end, way) = match direction {
                Direction::Forward => ("from", "forward"),
                Direction::Backward => ("to", "backward"),
            };
            let target =
                format!("/api/streams/{}/events?{end}={next}&direction={way}&limit={limit}", encoded(id.as_str()));
            response.headers_mut().insert(axum::http::header::LINK, next_link(&target));
        }
        return Ok(response);
    }
    let body = StreamEvents {
        aggregate_id: id.to_string(),
        aggregate_type: aggregate_type.to_string(),
        version: page.version.get(),
        events: page.events.iter().map(EventDto::from).collect(),
        next: page.next.map(Version::get),
    };
    let mut response = json(StatusCode::OK, &body)?;
    response.headers_mut().insert(POSITION, api.node.head().get().into());
    Ok(response)
}

fn summary(stream: &StreamInfo) -> StreamSummary {
    StreamSummary {
        aggregate_id: stream.stream.to_string(),
        aggregate_type: stream.aggregate_type.to_string(),
        version: stream.version.get(),
        last_event_at: stream.last_event_at,
    }
}

fn after_stream(values: Vec<Value>) -> Result<StreamId, Problem> {
    let id = values.into_iter().next();
    let id = id.as_ref().and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or_else(|| Problem::new(Code::InvalidCursor, "the cursor does not name a stream"))
}

/// A parameter that names a type of aggregate.
pub(crate) fn aggregate_type(parameter: &str, name: &str) -> Result<AggregateType, Problem> {
    AggregateType::new(name.to_owned()).map_err(|error| Problem::parameter(parameter, error.to_string()))
}
