//! A stream of appends over one request: a line of JSON for each, and a line for each answer.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use nexus_core::{EventId, Json, Proposal};
use nexus_runtime::{AppendAnswer, AppendFailure, PendingAppend, RequestInfo};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{batch::Batch, line::Lines};
use crate::{
    dto::{AppendLineAccepted, AppendLineRefused, AppendLineStream},
    problem::{BodyPlaces, Code, Problem, append_problem},
    request::{Caller, Conversation, Lifeline, Object, Params, check_media_type},
    state::{Api, WriteHealth},
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
    let session = Session {
        lines: Lines::new(body, api.config.max_append_bytes),
        info: caller.clone().info(&api, Conversation::default()),
        lifeline: caller.lifeline(&api),
        caller,
        path: parts.uri.path().to_owned(),
        stop_on_refusal,
        number: 0,
        pending: VecDeque::new(),
        open: true,
        api,
    };
    let body = stream::unfold(session, |mut session| async move {
        let frame = session.answers().await?;
        Some((Ok::<_, Infallible>(frame), session))
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A line that waits for its answer.
struct Line {
    number: u64,
    id: Option<Box<RawValue>>,
    /// The client named every event, so the answer need not.
    named: bool,
    places: BodyPlaces,
    progress: Progress,
}

enum Progress {
    /// It is in line at the store.
    Submitted(PendingAppend),
    /// It never got there.
    Refused(Option<Problem>),
}

/// What a stream waits for.
enum Next {
    /// The first line has its answer.
    Answer(Result<AppendAnswer, Problem>),
    /// The client sent a line, or the end.
    Line(Result<Option<Bytes>, Problem>),
    /// The token of the client is over: nothing more is read.
    Ended,
    /// The server stops: nothing more is read.
    Stop,
}

/// One stream of appends. It is the body of the response and so lives in the task of its connection: when the client
/// is gone it is dropped, and what is in line at the store is finished there.
struct Session {
    api: Api,
    lines: Lines,
    caller: Caller,
    lifeline: Lifeline,
    info: RequestInfo,
    path: String,
    stop_on_refusal: bool,
    /// Lines read so far.
    number: u64,
    /// In the order of their lines.
    pending: VecDeque<Line>,
    /// Whether further lines are read.
    open: bool,
}

impl Session {
    /// The answers that are ready, at least one; `None` at the end.
    async fn answers(&mut self) -> Option<Bytes> {
        let mut frame = Vec::new();
        while self.open || !self.pending.is_empty() {
            self.take_what_came().await;
            while frame.len() < FRAME {
                let Some(Some(answer)) = answer_of(&mut self.pending, &self.api.writes).now_or_never() else { break };
                self.write(answer, &mut frame);
            }
            if !frame.is_empty() || (!self.open && self.pending.is_empty()) {
                break;
            }
            match self.next().await {
                Next::Answer(answer) => self.write(answer, &mut frame),
                Next::Line(line) => self.take(line).await,
                Next::Ended => self.take(Err(Lifeline::problem())).await,
                Next::Stop => self.open = false,
            }
        }
        (!frame.is_empty()).then(|| frame.into())
    }

    fn reads(&self) -> bool {
        self.open && self.pending.len() < WINDOW
    }

    /// Puts in line all that the client sent already, before anything is waited for.
    async fn take_what_came(&mut self) {
        while self.reads() {
            let Some(line) = self.lines.next().now_or_never() else { return };
            self.take(line).await;
        }
    }

    async fn next(&mut self) -> Next {
        let (reads, waits) = (self.reads(), !self.pending.is_empty());
        // While answers are due the client may well be silent.
        let patience = (!waits).then_some(self.api.config.append_patience);
        let Self { api, lines, pending, lifeline, .. } = self;
        tokio::select! {
            biased;
            Some(answer) = answer_of(pending, &api.writes), if waits => Next::Answer(answer),
            line = next_line(lines, patience), if reads => Next::Line(line),
            () = lifeline.end(), if reads => Next::Ended,
            () = api.node.stopping().cancelled() => Next::Stop,
        }
    }

    /// Has a line judged and puts it in line at the store.
    async fn take(&mut self, line: Result<Option<Bytes>, Problem>) {
        let line = match line {
            Ok(Some(_)) if !self.lifeline.holds() => return self.refuse(Lifeline::problem()),
            Ok(Some(line)) => line,
            Ok(None) => return self.open = false,
            Err(problem) => return self.refuse(problem),
        };
        self.number += 1;
        self.info.context.time = self.api.node.clock().now();
        let line = self.submit(line).await;
        if self.stop_on_refusal && matches!(line.progress, Progress::Refused(_)) {
            self.open = false;
        }
        self.pending.push_back(line);
    }

    /// Ends the stream with a refusal.
    fn refuse(&mut self, problem: Problem) {
        self.open = false;
        self.number += 1;
        self.pending.push_back(Line::refused(self.number, problem));
    }

    async fn submit(&mut self, line: Bytes) -> Line {
        let mut batch = Batch::new(&self.api, &self.caller, None);
        let mut id = None;
        let proposal = Json::parse(line).map_err(Problem::from).and_then(|document| {
            let mut object = Object::of_body(document.as_bytes())?;
            id = object.take("id").map(RawValue::to_owned);
            let streams =
                if object.has("streams") { batch.streams(&mut object)? } else { vec![batch.named_part(&mut object)?] };
            object.finish(&["id", "streams", "aggregateId", "aggregateType", "expectedVersion", "events"])?;
            Ok(Proposal { streams })
        });
        let Batch { places, all_named: named, .. } = batch;
        let progress = match proposal {
            Ok(proposal) => match self.api.node.appends().submit(proposal, &self.info).await {
                Ok(pending) => Progress::Submitted(pending),
                Err(failure) => Progress::Refused(Some(append_problem(failure, &places))),
            },
            Err(problem) => Progress::Refused(Some(problem)),
        };
        Line { number: self.number, id, named, places, progress }
    }

    /// Writes the answer to the first line.
    fn write(&mut self, answer: Result<AppendAnswer, Problem>, frame: &mut Vec<u8>) {
        let Some(Line { number, id, named, .. }) = self.pending.pop_front() else { return };
        match answer {
            Ok(answer) => write(frame, &accepted(id, named, &answer)),
            Err(problem) => {
                let trace_id = uuid::Uuid::now_v7().to_string();
                write(frame, &AppendLineRefused { id, line: number, problem: problem.body(&self.path, &trace_id) });
                if self.stop_on_refusal {
                    // What was in line behind it may be stored, and is not answered.
                    self.open = false;
                    self.pending.clear();
                }
            }
        }
    }
}

impl Line {
    fn refused(number: u64, problem: Problem) -> Self {
        let progress = Progress::Refused(Some(problem));
        Self { number, id: None, named: true, places: BodyPlaces::default(), progress }
    }
}

/// The next line, if it comes in time.
async fn next_line(lines: &mut Lines, patience: Option<Duration>) -> Result<Option<Bytes>, Problem> {
    let Some(patience) = patience else { return lines.next().await };
    timeout(patience, lines.next()).await.unwrap_or_else(|_| {
        let silent = "nothing came for too long; an empty line now and then keeps the stream open";
        Err(Problem::new(Code::RequestTimeout, silent))
    })
}

/// The answer to the first line; `None` when no line waits.
async fn answer_of(pending: &mut VecDeque<Line>, writes: &WriteHealth) -> Option<Result<AppendAnswer, Problem>> {
    let line = pending.front_mut()?;
    match &mut line.progress {
        Progress::Submitted(submitted) => {
            let answer = submitted.await;
            match &answer {
                Ok(_) => writes.succeeded(),
                Err(AppendFailure::Append(error)) => writes.failed(error),
                Err(_) => {}
            }
            Some(answer.map_err(|failure| append_problem(failure, &line.places)))
        }
        Progress::Refused(problem) => problem.take().map(Err),
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
