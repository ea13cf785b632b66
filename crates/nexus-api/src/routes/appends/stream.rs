//! A stream of appends over one request: a line of JSON for each, and a line for each answer.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use nexus_core::{EventId, Json, Proposal, ports::AppendError};
use nexus_runtime::{AppendAnswer, AppendFailure, AppendService, PendingAppend, RequestInfo};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{sync::mpsc, time::timeout};

use super::{batch::Batch, line::Lines};
use crate::{
    dto::{AppendLineAccepted, AppendLineRefused, AppendLineStream},
    problem::{BodyPlaces, Code, Problem, append_problem},
    request::{Caller, Conversation, Object, Params, check_media_type},
    state::Api,
};

const LINES: &str = "application/x-ndjson";
/// Most appends of one stream that wait for their answer.
const WINDOW: usize = 512;
/// Bytes of answers after which they are sent although more are ready.
const FRAME: usize = 64 << 10;

/// Appends line by line: each line of the body is one append, all or nothing, and gets one line of answer, in order.
///
/// A line is `{id?, aggregateId, aggregateType, expectedVersion, events}` or `{id?, streams}`, as in the other two
/// appends; `id` is repeated in the answer. Appends are stored in the order of their lines and answered once they are
/// durable, so that a client may send many before it reads; a refused line does not stop those after it, unless
/// `stopOnRefusal=true`. Answers come while the body is still being sent.
#[utoipa::path(
    post,
    path = "/api/append/stream",
    tag = "events",
    params(("stopOnRefusal" = Option<bool>, Query, description = "End at the first line that is refused.")),
    request_body(
        content = String, content_type = "application/x-ndjson",
        description = "A line for each append. An empty line says only that the client is still there.",
    ),
    responses((status = 200, description = "A line for each append.", content(
        (AppendLineAccepted = "application/x-ndjson"),
        (AppendLineRefused = "application/x-ndjson"),
    )))
)]
pub(crate) async fn append_stream(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &api).await?;
    let params = Params::of(&parts.uri)?;
    params.only(&["stopOnRefusal"])?;
    let stop_on_refusal = params.flag("stopOnRefusal")?;
    check_media_type(&parts.headers, LINES)?;
    let (pending, waiting) = mpsc::channel(WINDOW);
    let (frames, mut sent) = mpsc::channel::<Bytes>(2);
    let reader = Reader { lines: Lines::new(body, api.config.max_append_bytes), caller, stop_on_refusal, pending };
    tokio::spawn(reader.run(api.clone()));
    let path = parts.uri.path().to_owned();
    let answers = Answers { patience: api.config.feed_patience, path, stop_on_refusal, waiting, frames };
    tokio::spawn(answers.run(api));
    let body = stream::poll_fn(move |context| sent.poll_recv(context).map(|frame| frame.map(Ok::<_, Infallible>)));
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One line on its way.
struct Line {
    number: u64,
    id: Option<Box<RawValue>>,
    /// The client named every event, so the answer need not.
    named: bool,
    places: BodyPlaces,
    outcome: Result<PendingAppend, Refused>,
}

enum Refused {
    Malformed(Problem),
    Failed(AppendFailure),
}

/// Reads lines and puts them in line at the store.
struct Reader {
    lines: Lines,
    caller: Caller,
    stop_on_refusal: bool,
    pending: mpsc::Sender<Line>,
}

impl Reader {
    async fn run(mut self, api: Api) {
        let stop = api.node.stopping().clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.read(&api) => {}
        }
    }

    async fn read(&mut self, api: &Api) {
        let (appends, mut info) = (api.node.appends(), self.caller.stream_info(api));
        for number in 1.. {
            let line = match timeout(api.config.append_patience, self.lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return,
                Ok(Err(problem)) => return self.end(number, problem).await,
                Err(_) => {
                    let silent = "nothing came for too long; an empty line now and then keeps the stream open";
                    return self.end(number, Problem::new(Code::RequestTimeout, silent)).await;
                }
            };
            info.context.time = api.node.clock().now();
            let line = submit((api, &self.caller), (&appends, &info), number, line).await;
            let refused = line.outcome.is_err();
            if self.pending.send(line).await.is_err() || (refused && self.stop_on_refusal) {
                return;
            }
        }
    }

    /// Says why no further line is read.
    async fn end(&mut self, number: u64, problem: Problem) {
        let outcome = Err(Refused::Malformed(problem));
        let last = Line { number, id: None, named: true, places: BodyPlaces::default(), outcome };
        // When nobody waits for answers there is nobody to tell.
        let _ = self.pending.send(last).await;
    }
}

/// Reads one line, has it judged and puts it in line at the store.
async fn submit(
    (api, caller): (&Api, &Caller),
    (appends, info): (&AppendService, &RequestInfo),
    number: u64,
    line: Bytes,
) -> Line {
    let mut batch = Batch::new(api, caller, None);
    let mut id = None;
    let parsed = Json::parse(line).map_err(Problem::from);
    let proposal = parsed.and_then(|(document, _)| {
        let mut object = Object::of_body(document.as_bytes())?;
        id = object.take("id").map(RawValue::to_owned);
        let streams =
            if object.has("streams") { batch.streams(&mut object)? } else { vec![batch.named_part(&mut object)?] };
        object.finish(&["id", "streams", "aggregateId", "aggregateType", "expectedVersion", "events"])?;
        Ok(Proposal { streams })
    });
    let outcome = match proposal {
        Ok(proposal) => appends.submit(proposal, info).await.map_err(Refused::Failed),
        Err(problem) => Err(Refused::Malformed(problem)),
    };
    Line { number, id, named: batch.all_named, places: batch.places, outcome }
}

/// Waits for the answers in order and sends them, as many at once as are ready.
struct Answers {
    patience: Duration,
    path: String,
    stop_on_refusal: bool,
    waiting: mpsc::Receiver<Line>,
    frames: mpsc::Sender<Bytes>,
}

impl Answers {
    async fn run(mut self, api: Api) {
        let mut frame = Vec::new();
        while let Some(line) = self.waiting.recv().await {
            let mut accepted = self.answer(&api, line, &mut frame).await;
            while (accepted || !self.stop_on_refusal) && frame.len() < FRAME {
                let Ok(line) = self.waiting.try_recv() else { break };
                accepted = self.answer(&api, line, &mut frame).await;
            }
            let sent = timeout(self.patience, self.frames.send(std::mem::take(&mut frame).into())).await;
            if !matches!(sent, Ok(Ok(()))) || (!accepted && self.stop_on_refusal) {
                // Dropping the receiver ends the reader as well; what is in line at the store is finished there.
                return;
            }
        }
    }

    /// Adds the answer to a line; true when it was accepted.
    async fn answer(&self, api: &Api, line: Line, frame: &mut Vec<u8>) -> bool {
        let Line { number, id, named, places, outcome } = line;
        let outcome = match outcome {
            Ok(pending) => pending.answer().await.map_err(Refused::Failed),
            Err(refused) => Err(refused),
        };
        match outcome {
            Ok(answer) => {
                api.writes.succeeded();
                write(frame, &accepted(id, named, &answer));
                true
            }
            Err(refused) => {
                let problem = problem(api, refused, &places);
                let trace_id = uuid::Uuid::now_v7().to_string();
                write(frame, &AppendLineRefused { id, line: number, problem: problem.body(&self.path, &trace_id) });
                false
            }
        }
    }
}

fn problem(api: &Api, refused: Refused, places: &BodyPlaces) -> Problem {
    match refused {
        Refused::Malformed(problem) => problem,
        Refused::Failed(failure) => {
            if let AppendFailure::Append(error) = &failure {
                let error: &AppendError = error;
                api.writes.failed(error);
            }
            append_problem(failure, places)
        }
    }
}

fn accepted(id: Option<Box<RawValue>>, named: bool, answer: &AppendAnswer) -> AppendLineAccepted {
    let appended = &answer.appended;
    let stream = |part: &nexus_core::AppendedStream| AppendLineStream {
        aggregate_id: part.stream.to_string(),
        first_version: part.first_version.get(),
        version: part.version.get(),
        event_ids: (!named).then(|| part.event_ids.iter().map(EventId::to_string).collect()),
    };
    AppendLineAccepted {
        id,
        first_position: appended.first_position.get(),
        position: appended.position.get(),
        streams: appended.streams.iter().map(stream).collect(),
        replayed: appended.replayed,
    }
}

fn write(frame: &mut Vec<u8>, line: &impl Serialize) {
    // Writing to memory fails only for a value that refuses to be serialised, and these do not.
    if serde_json::to_writer(&mut *frame, line).is_ok() {
        frame.push(b'\n');
    }
}

impl Caller {
    /// What every append of a stream has in common.
    fn stream_info(&self, api: &Api) -> RequestInfo {
        self.clone().info(api, Conversation::default())
    }
}
