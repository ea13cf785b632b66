use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use nexus_core::{
    Admitted, Appended, AppendedStream, DecisionId, IdempotencyMark, Position, Proposal, Refusal,
    admission::AdmissionContext,
    ports::{AppendError, IdempotencyRecord, LogRead, ReadError},
};

use crate::{IdempotencyClash, Idempotent, RequestInfo, command_service::Inner, idempotency::Begun};

/// Stores events that a client decided itself, under the same governance as commands.
#[derive(Clone)]
pub struct AppendService {
    pub(crate) inner: Arc<Inner>,
}

/// Where the events went, and the decision that allowed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendAnswer {
    /// Where the events went.
    pub appended: Appended,
    /// The decision that allowed them.
    pub decision_id: DecisionId,
}

/// Why events were not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendFailure {
    /// They were not admitted.
    #[error("{refusal}")]
    NotAdmitted {
        /// Why.
        refusal: Refusal,
        /// The decision.
        decision_id: DecisionId,
    },
    /// The idempotency key is taken.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyClash),
    /// The store did not take them.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// An earlier append with the same key could not be read back.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl AppendService {
    /// Stores a proposal and answers once it is durable. When the caller goes away, the proposal is stored or it is
    /// not; with an idempotency key the work goes on, so that the key is never given free while its append may still
    /// happen.
    ///
    /// # Errors
    /// [`AppendFailure`]; nothing was stored.
    pub async fn append(
        &self,
        proposal: Proposal,
        idempotent: Option<Idempotent>,
        info: RequestInfo,
    ) -> Result<AppendAnswer, AppendFailure> {
        let Some(idempotent) = idempotent else {
            return self.submit(proposal, &info).await?.await;
        };
        let inner = Arc::clone(&self.inner);
        let work = tokio::spawn(async move { inner.append_once(proposal, &idempotent, &info).await });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an append task failed");
            Err(AppendError::Unavailable { reason: "the append ended early".to_owned() }.into())
        })
    }

    /// Has a proposal admitted and puts it in line at the store; the answer comes when it is durable.
    ///
    /// What is submitted by one task after the other, and answered in that order, is stored in that order. An append
    /// whose answer nobody waits for may be stored or not.
    ///
    /// # Errors
    /// [`AppendFailure::NotAdmitted`]; nothing was stored.
    pub async fn submit(&self, mut proposal: Proposal, info: &RequestInfo) -> Result<PendingAppend, AppendFailure> {
        let decision_id = self.inner.ids.decision_id();
        self.inner.complete(&mut proposal, info, decision_id, None);
        let inner = Arc::clone(&self.inner);
        let admitted = self.inner.admit_proposal(proposal, info, decision_id).await?;
        let mut answer: Answering = Box::pin(async move { inner.store_admitted(admitted).await });
        // The first step is what puts it in line.
        let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        let state = match first {
            Poll::Ready(answer) => Waiting::Answered(Some(answer)),
            Poll::Pending => Waiting::For(answer),
        };
        Ok(PendingAppend { decision_id, state })
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send>>;

/// An append that is in line at the store: a future that answers once it is durable, or was refused.
pub struct PendingAppend {
    decision_id: DecisionId,
    state: Waiting,
}

enum Waiting {
    /// Until the answer is taken.
    Answered(Option<Result<Appended, AppendError>>),
    For(Answering),
}

impl Future for PendingAppend {
    type Output = Result<AppendAnswer, AppendFailure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let decision_id = self.decision_id;
        let answer = match &mut self.state {
            Waiting::Answered(answer) => answer.take(),
            Waiting::For(answer) => Some(ready!(answer.as_mut().poll(context))),
        };
        let twice = || Err(AppendError::Unavailable { reason: "the answer was taken before".to_owned() });
        let appended = answer.unwrap_or_else(twice);
        self.state = Waiting::Answered(None);
        Poll::Ready(appended.map(|appended| AppendAnswer { appended, decision_id }).map_err(AppendFailure::from))
    }
}

impl Inner {
    /// Appends what no earlier append with the same key did.
    async fn append_once(
        &self,
        mut proposal: Proposal,
        idempotent: &Idempotent,
        info: &RequestInfo,
    ) -> Result<AppendAnswer, AppendFailure> {
        let claim = match self.keys.begin(idempotent).await? {
            Begun::Before(record) => return self.replay(record).await,
            Begun::First(claim) => claim,
        };
        let (decision_id, mark) = (self.ids.decision_id(), idempotent.mark());
        self.complete(&mut proposal, info, decision_id, Some(&mark));
        let admitted = self.admit_proposal(proposal, info, decision_id).await?;
        let appended = self.store_admitted(admitted).await?;
        if !appended.replayed
            && let Some(record) = record_of(&appended, mark, decision_id, self.clock.now())
        {
            claim.done(record);
        }
        Ok(AppendAnswer { appended, decision_id })
    }

    async fn admit_proposal(
        &self,
        proposal: Proposal,
        info: &RequestInfo,
        decision_id: DecisionId,
    ) -> Result<Admitted, AppendFailure> {
        let context = AdmissionContext { actor: &info.actor, decision_id, request: &info.context };
        self.admission.admit(proposal, context).await.map_err(|refusal| {
            self.policy.refused(&refusal, decision_id, info);
            AppendFailure::NotAdmitted { refusal, decision_id }
        })
    }

    /// Stores what is admitted, and counts it.
    pub(crate) async fn store_admitted(&self, admitted: Admitted) -> Result<Appended, AppendError> {
        let types = count_types(&admitted);
        let started = Instant::now();
        let appended = self.store.append(admitted).await?;
        metrics::histogram!("nexus_append_duration_seconds").record(started.elapsed());
        for (event_type, count) in types {
            metrics::counter!("nexus_events_appended_total", "type" => event_type).increment(count);
        }
        Ok(appended)
    }

    /// Fills in what the request says about every event.
    fn complete(
        &self,
        proposal: &mut Proposal,
        info: &RequestInfo,
        decision_id: DecisionId,
        mark: Option<&IdempotencyMark>,
    ) {
        let mut mark = mark.cloned();
        for event in proposal.streams.iter_mut().flat_map(|part| &mut part.events) {
            let metadata = &mut event.metadata;
            metadata.user_id = Some(info.actor.id.clone());
            metadata.idempotency = mark.take();
            metadata.causation_id = metadata.causation_id.take().or_else(|| info.causation_id.clone());
            metadata.traceparent = metadata.traceparent.take().or_else(|| info.traceparent.clone());
            metadata.correlation_id = metadata
                .correlation_id
                .take()
                .or_else(|| info.correlation_id.clone())
                .or_else(|| Some(decision_id.to_string().into()));
        }
    }

    /// Rebuilds the answer of an earlier append from the events it stored.
    async fn replay(&self, record: IdempotencyRecord) -> Result<AppendAnswer, AppendFailure> {
        let count = u64::try_from(record.event_ids.len()).unwrap_or(u64::MAX);
        let before = Position::new(record.position.get().saturating_sub(count));
        let mut streams: Vec<AppendedStream> = Vec::new();
        let mut after = before;
        while after < record.position {
            let limit = usize::try_from(record.position.since(after)).unwrap_or(usize::MAX).min(1000);
            let page = self.store.read_log(LogRead { from: after, limit, ..LogRead::default() }).await?;
            for event in &page.events {
                match streams.last_mut().filter(|part| part.stream == event.aggregate_id) {
                    Some(part) => {
                        part.version = event.version;
                        part.event_ids.push(event.event_id);
                    }
                    None => streams.push(AppendedStream {
                        stream: event.aggregate_id.clone(),
                        first_version: event.version,
                        version: event.version,
                        event_ids: vec![event.event_id],
                    }),
                }
            }
            if page.next <= after {
                break;
            }
            after = page.next;
        }
        let appended = Appended { first_position: before.next(), position: record.position, streams, replayed: true };
        Ok(AppendAnswer { appended, decision_id: record.decision_id })
    }
}

/// How many events there are of each type.
fn count_types(admitted: &Admitted) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for event in admitted.streams().iter().flat_map(|part| part.events()) {
        let event_type = event.event().event_type.as_str();
        match counts.iter_mut().find(|(known, _)| known == event_type) {
            Some((_, count)) => *count += 1,
            None => counts.push((event_type.to_owned(), 1)),
        }
    }
    counts
}

fn record_of(
    appended: &Appended,
    mark: IdempotencyMark,
    decision_id: DecisionId,
    recorded_at: nexus_core::Timestamp,
) -> Option<IdempotencyRecord> {
    let last = appended.streams.last()?;
    Some(IdempotencyRecord {
        key: mark.key,
        request: mark.request,
        stream: last.stream.clone(),
        version: last.version,
        event_ids: appended.streams.iter().flat_map(|part| part.event_ids.iter().copied()).collect(),
        position: appended.position,
        decision_id,
        recorded_at,
    })
}
