//! The contract of the event store, over HTTP: a server on an embedded log, and a client that only knows the API.

use std::sync::{Arc, Mutex};

use axum::http::Method;
use futures_util::StreamExt as _;
use nexus_api::{
    ProblemBody,
    dto::{AppendAccepted, EventDto, EventList, StreamEvents, StreamList as StreamListDto},
};
use nexus_core::{
    AggregateType, AppendCondition, Appended, AppendedStream, EventId, ExpectedVersion, Metadata, NewEvent, Position,
    Proposal, RecordedEvent, StreamAppend, StreamId, Text, Version,
    ports::{
        AppendError, BoxFuture, Direction, EventStore, LogPage, LogRead, ReadError, StreamInfo, StreamList,
        StreamListPage, StreamPage, StreamRead,
    },
};
use nexus_log::{LogEventStore, LogOptions};
use nexus_runtime::{Catalogue, NodeParts};
use nexus_testkit::{
    contract::EventStoreFixture,
    event_store_contract,
    fakes::{FixedPolicy, ManualClock, MemoryIdempotencyIndex, MemoryReadStore, MemorySubjects, SequentialIds},
    fixture::json_text,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Answer, Http, request};

/// The conversation this client names where an event has none; the server would choose one for each request.
const CONVERSATION: &str = "contract";

struct OverHttp {
    dir: TempDir,
    clock: Arc<ManualClock>,
    ids: Arc<SequentialIds>,
    log: Arc<LogEventStore>,
    client: Arc<Client>,
}

impl OverHttp {
    async fn open(dir: TempDir, clock: Arc<ManualClock>, ids: Arc<SequentialIds>) -> Self {
        let log = Arc::new(LogEventStore::open(dir.path(), LogOptions::small(), clock.clone()).unwrap());
        let parts = NodeParts {
            service: "contract".into(),
            environment: "test".into(),
            catalogue: Catalogue::new([]).unwrap(),
            projections: Vec::new(),
            store: log.clone(),
            registry: Arc::new(MemorySubjects::default()),
            upcasters: Vec::new(),
            policy: Arc::new(FixedPolicy::allow()),
            policy_compiler: None,
            policy_bundles: Vec::new(),
            policy_server: None,
            read_store: Arc::new(MemoryReadStore::default()),
            idempotency: Arc::new(MemoryIdempotencyIndex::default()),
            clock: clock.clone(),
            ids: ids.clone(),
            history: None,
        };
        let server = Http::start(parts, |config| config.max_append_bytes = 16 << 20).await;
        Self { dir, clock, ids, log, client: Arc::new(Client { server, head: Mutex::default() }) }
    }
}

impl EventStoreFixture for OverHttp {
    const ADMITS_HERE: bool = false;
    const STORES_SYSTEM_STREAMS: bool = false;

    async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Arc::default(), Arc::default()).await
    }

    fn store(&self) -> Arc<dyn EventStore> {
        self.client.clone()
    }

    async fn restart(self) -> Self {
        self.client.server.node.stopping().cancel();
        self.log.close();
        Self::open(self.dir, self.clock, self.ids).await
    }

    async fn append(&self, proposal: Proposal) -> Result<Appended, AppendError> {
        self.client.append_proposal(proposal).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        let page: EventList = self.client.read("/api/events?before=0&limit=1").await?;
        Ok(Position::new(page.head))
    }

    /// The server says who asks.
    fn kept(metadata: Metadata) -> Metadata {
        Metadata {
            correlation_id: metadata.correlation_id.or(Some(Text::from_static(CONVERSATION))),
            user_id: Some("anonymous".into()),
            idempotency: None,
            schema_version: 1,
            extra: metadata.extra.as_ref().map(|_| json_text("{\"b\":1.50,\"a\":[\"\\u00e9\", \"é\"]}")),
            ..metadata
        }
    }

    fn clock(&self) -> Option<Arc<ManualClock>> {
        Some(Arc::clone(&self.clock))
    }
}

event_store_contract!(OverHttp);

struct Client {
    server: Http,
    head: Mutex<Position>,
}

impl Client {
    async fn append_proposal(&self, proposal: Proposal) -> Result<Appended, AppendError> {
        let streams: Vec<String> = proposal.streams.iter().map(stream_text).collect();
        let body = format!("{{\"streams\":[{}]}}", streams.join(","));
        let answer = self.server.post_text("/api/append", &[], body).await;
        if answer.status != 201 {
            return Err(append_error(&answer));
        }
        let replayed = answer.headers.contains_key("idempotency-replayed");
        let accepted: AppendAccepted = serde_json::from_slice(&answer.body).unwrap();
        let stream = |part: nexus_api::dto::AppendedStreamDto| AppendedStream {
            stream: stream_of(&part.aggregate_id),
            first_version: Version::new(part.first_version),
            version: Version::new(part.version),
            event_ids: part.event_ids.iter().map(|id| id.parse().unwrap()).collect(),
        };
        Ok(Appended {
            first_position: Position::new(accepted.first_position),
            position: Position::new(accepted.position),
            streams: accepted.streams.into_iter().map(stream).collect(),
            replayed,
        })
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ReadError> {
        let answer = self.server.get(path).await;
        if answer.status == 200 {
            return Ok(serde_json::from_slice(&answer.body).unwrap());
        }
        Err(ReadError::Unavailable { reason: format!("{answer:?}") })
    }

    /// The position of the first event after `seen`, as the live feed tells it.
    async fn followed(&self, seen: Position) -> Position {
        let path = format!("/api/events/stream?after={seen}");
        let response = self.server.respond(request(Method::GET, &path, &[], "")).await;
        let mut chunks = response.into_body().into_data_stream();
        let mut text = String::new();
        loop {
            text.push_str(std::str::from_utf8(&chunks.next().await.expect("the feed goes on").unwrap()).unwrap());
            let id = text.lines().find_map(|line| line.strip_prefix("id: "));
            if let Some(id) = id {
                return Position::new(id.parse().unwrap());
            }
        }
    }
}

impl EventStore for Client {
    fn append(&self, _: nexus_core::Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        unreachable!("a client of the API sends proposals; the server admits them")
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        Box::pin(async move {
            let (stream, way) = (encoded(read.stream.as_str()), way(read.direction));
            let StreamRead { from, to, limit, .. } = read;
            let path = format!("/api/streams/{stream}/events?from={from}&to={to}&direction={way}&limit={limit}");
            let answer = self.server.get(&path).await;
            if answer.status == 404 {
                return Ok(StreamPage { version: Version::NONE, aggregate_type: None, events: Vec::new(), next: None });
            }
            let page: StreamEvents = serde_json::from_slice(&answer.body).unwrap();
            Ok(StreamPage {
                version: Version::new(page.version),
                aggregate_type: Some(AggregateType::new(page.aggregate_type).unwrap()),
                events: page.events.into_iter().map(recorded).collect(),
                next: page.next.map(Version::new),
            })
        })
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let from = if read.direction == Direction::Forward { "after" } else { "before" };
            let mut path = format!("/api/events?{from}={}&limit={}", read.from, read.limit);
            let types: Vec<&str> = read.filter.event_types.iter().map(nexus_core::EventType::as_str).collect();
            let mut filter = vec![("types", (!types.is_empty()).then(|| types.join(",")))];
            filter.push(("aggregateType", read.filter.aggregate_type.map(|name| name.to_string())));
            filter.push(("correlationId", read.filter.correlation_id.map(|id| id.to_string())));
            filter.push(("since", read.filter.since.map(|time| time.to_string())));
            filter.push(("until", read.filter.until.map(|time| time.to_string())));
            for (name, value) in filter {
                path.extend(value.map(|value| format!("&{name}={}", encoded(&value))));
            }
            let page: EventList = self.read(&path).await?;
            let head = Position::new(page.head);
            *self.head.lock().unwrap() = head;
            let events = page.events.into_iter().map(recorded).collect();
            Ok(LogPage { events, next: Position::new(page.next), head })
        })
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        Box::pin(async move {
            let answer = self.server.get(&format!("/api/events/{id}")).await;
            let found = answer.status == 200;
            assert!(found || answer.status == 404, "{answer:?}");
            Ok(found.then(|| recorded(serde_json::from_slice(&answer.body).unwrap())))
        })
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        Box::pin(async move {
            let kind = list.aggregate_type.map_or_else(String::new, |name| format!("&type={}", encoded(name.as_str())));
            let query = format!("prefix={}{kind}", encoded(&list.prefix));
            // A client goes on with the cursor it was given; a position by id is found by walking there.
            let (mut cursor, mut streams) = (String::new(), Vec::new());
            loop {
                let page: StreamListDto = self.read(&format!("/api/streams?{query}&limit=2{cursor}")).await?;
                streams.extend(page.streams.into_iter().map(info));
                match page.next {
                    Some(next) => cursor = format!("&cursor={}", encoded(&next)),
                    None => break,
                }
            }
            streams.retain(|info| list.after.as_ref().is_none_or(|after| info.stream > *after));
            let more = streams.len() > list.limit;
            streams.truncate(list.limit);
            Ok(StreamListPage { streams, more })
        })
    }

    fn head(&self) -> Position {
        *self.head.lock().unwrap()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            self.followed(seen).await;
            let page: EventList = self.read("/api/events?before=0&limit=1").await?;
            Ok(Position::new(page.head))
        })
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn way(direction: Direction) -> &'static str {
    if direction == Direction::Forward { "forward" } else { "backward" }
}

fn recorded(event: EventDto) -> RecordedEvent {
    event.try_into().unwrap()
}

fn stream_of(id: &str) -> StreamId {
    StreamId::new(id).unwrap()
}

fn info(stream: nexus_api::dto::StreamSummary) -> StreamInfo {
    StreamInfo {
        stream: stream_of(&stream.aggregate_id),
        aggregate_type: AggregateType::new(stream.aggregate_type).unwrap(),
        version: Version::new(stream.version),
        last_event_at: stream.last_event_at,
    }
}

/// The part of a request for one stream. Payloads and extra metadata are put in as they are, so that nothing on this
/// side can change how they are written.
fn stream_text(part: &StreamAppend) -> String {
    let event = |event: &NewEvent| {
        let facts = json!({ "eventId": event.event_id.to_string(), "eventType": event.event_type.as_str() });
        let (facts, payload, metadata) = (facts.to_string(), event.payload.as_str(), metadata(&event.metadata));
        format!("{},\"payload\":{payload},\"metadata\":{metadata}}}", facts.trim_end_matches('}'))
    };
    let events: Vec<String> = part.events.iter().map(event).collect();
    let facts = json!({
        "aggregateId": part.stream.as_str(),
        "aggregateType": part.aggregate_type.as_str(),
        "expectedVersion": expected(part.condition),
    });
    format!("{},\"events\":[{}]}}", facts.to_string().trim_end_matches('}'), events.join(","))
}

fn metadata(metadata: &Metadata) -> String {
    let conversation = metadata.correlation_id.clone().or(Some(Text::from_static(CONVERSATION)));
    let texts = [
        ("correlationId", &conversation),
        ("causationId", &metadata.causation_id),
        ("traceparent", &metadata.traceparent),
    ];
    let said = texts.iter().filter_map(|(name, text)| Some(format!("\"{name}\":{}", json!(&**text.as_ref()?))));
    let extra = metadata.extra.iter().map(|extra| extra.as_str().trim_matches(['{', '}', ' ']).to_owned());
    format!("{{{}}}", said.chain(extra).collect::<Vec<_>>().join(","))
}

fn expected(condition: AppendCondition) -> Value {
    match condition {
        AppendCondition::Version(ExpectedVersion::Any) => json!("any"),
        AppendCondition::Version(ExpectedVersion::NoStream) => json!("none"),
        AppendCondition::Version(ExpectedVersion::Exists) => json!("exists"),
        AppendCondition::Version(ExpectedVersion::Exact(version)) => json!(version.get()),
        other => unreachable!("the API has no words for {other:?}"),
    }
}

/// The store's error, as the problem document tells it.
fn append_error(answer: &Answer) -> AppendError {
    let problem: ProblemBody = serde_json::from_slice(&answer.body).unwrap();
    // The names in the sentence stand in backticks.
    let names: Vec<&str> = problem.detail.split('`').skip(1).step_by(2).collect();
    let version = |value: &Value| match (value.as_u64(), value.as_str()) {
        (Some(number), _) => ExpectedVersion::Exact(Version::new(number)),
        (None, Some("none")) => ExpectedVersion::NoStream,
        (None, Some("exists")) => ExpectedVersion::Exists,
        _ => ExpectedVersion::Any,
    };
    match problem.code.as_str() {
        "VERSION_CONFLICT" => AppendError::Conflict {
            stream: stream_of(names[0]),
            expected: version(&problem.expected_version.unwrap()),
            actual: Version::new(problem.actual_version.unwrap()),
        },
        "WRONG_AGGREGATE_TYPE" => AppendError::WrongAggregateType {
            stream: stream_of(names[0]),
            actual: AggregateType::new(names[1].to_owned()).unwrap(),
            given: AggregateType::new(names[2].to_owned()).unwrap(),
        },
        "DUPLICATE_EVENT" => {
            let words: Vec<&str> = problem.detail.split(' ').collect();
            AppendError::DuplicateEvent {
                event_id: words[2].parse().unwrap(),
                stream: stream_of(names[0]),
                version: Version::new(words.last().unwrap().parse().unwrap()),
            }
        }
        _ => AppendError::Unavailable { reason: format!("{answer:?}") },
    }
}
