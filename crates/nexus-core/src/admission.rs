//! The only door to the log: an [`Admitted`] batch is made here and nowhere else.
//!
//! ```compile_fail
//! use nexus_core::Admitted;
//! let forged = Admitted { streams: Vec::new() }; // the fields are private
//! ```
//!
//! ```compile_fail
//! # use nexus_core::{ports::EventStore, Proposal};
//! fn sneak_in(store: &dyn EventStore, proposal: Proposal) {
//!     let _ = store.append(proposal); // `append` takes `Admitted`
//! }
//! ```

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{TryStreamExt as _, stream::FuturesOrdered};

use crate::{
    append::{AppendCondition, Proposal, StreamAppend},
    event::{Actor, Digest, NewEvent, Receipt},
    json::Json,
    name::{AggregateType, DecisionId, EventId, StreamId},
    policy_judge::PolicyJudge,
    ports::{
        PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext, SchemaKind,
        SchemaRef, SchemaRefusal, SchemaRegistry, Verdict, VerdictOutcome,
    },
};

/// A batch that passed its schemas and the policy; the only thing [`EventStore::append`] takes.
///
/// [`EventStore::append`]: crate::ports::EventStore::append
#[derive(Debug, Clone)]
pub struct Admitted {
    streams: Vec<AdmittedStream>,
}

impl Admitted {
    /// The parts, one per stream.
    #[must_use]
    pub fn streams(&self) -> &[AdmittedStream] {
        &self.streams
    }

    /// Number of events in all parts.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.streams.iter().map(|part| part.events.len()).sum()
    }
}

/// The admitted events of one stream.
#[derive(Debug, Clone)]
pub struct AdmittedStream {
    stream: StreamId,
    aggregate_type: AggregateType,
    condition: AppendCondition,
    events: Vec<AdmittedEvent>,
}

impl AdmittedStream {
    /// Where the events go.
    #[must_use]
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The type of the aggregate.
    #[must_use]
    pub fn aggregate_type(&self) -> &AggregateType {
        &self.aggregate_type
    }

    /// What must hold at the moment of writing.
    #[must_use]
    pub fn condition(&self) -> AppendCondition {
        self.condition
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[AdmittedEvent] {
        &self.events
    }
}

/// An event with the receipt that lets it in.
#[derive(Debug, Clone)]
pub struct AdmittedEvent {
    event: NewEvent,
    receipt: Receipt,
}

impl AdmittedEvent {
    /// The event; its schema version is resolved.
    #[must_use]
    pub fn event(&self) -> &NewEvent {
        &self.event
    }

    /// Why it was let in.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// Why a proposal was not admitted. Nothing of it was stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The proposal has no events, or a stream without events, or a stream or an event id twice.
    #[error("{0}")]
    Malformed(String),
    /// An event type without a registered schema, or a payload its schema refuses.
    #[error("event {index} (`{event_type}`) is refused by the schema registry")]
    Schema {
        /// Index of the event in the proposal, counted over all streams.
        index: usize,
        /// Its type.
        event_type: String,
        /// What the registry said.
        #[source]
        refusal: Box<SchemaRefusal>,
    },
    /// Policy did not allow an event.
    #[error("policy does not allow event {index} (`{event_type}`)")]
    Policy {
        /// Index of the event in the proposal, counted over all streams.
        index: usize,
        /// Its type.
        event_type: String,
        /// The stream it was for.
        stream: String,
        /// The type of that stream's aggregate.
        aggregate_type: String,
        /// The verdict with the rules that fired.
        verdict: Box<Verdict>,
    },
}

/// On whose behalf and under which decision a proposal is judged.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionContext<'a> {
    /// Who asks.
    pub actor: &'a Actor,
    /// The decision every event of the batch will name.
    pub decision_id: DecisionId,
    /// The request it came with.
    pub request: &'a RequestContext,
}

/// Judges proposals: every event against its registered schema, then against the policy.
#[derive(Clone)]
pub struct Admission {
    registry: Arc<dyn SchemaRegistry>,
    judge: PolicyJudge,
}

impl Admission {
    /// Most events in one batch.
    pub const MAX_EVENTS: usize = 10_000;
    /// Most events of one batch about which a policy server is asked at the same time.
    const ASKED_AT_ONCE: usize = 16;

    /// An admission that asks these two ports.
    #[must_use]
    pub fn new(registry: Arc<dyn SchemaRegistry>, policy: Arc<dyn PolicyEngine>) -> Self {
        Self::judged_by(registry, PolicyJudge::new(policy))
    }

    /// An admission whose policy may have a policy server beside it.
    #[must_use]
    pub fn judged_by(registry: Arc<dyn SchemaRegistry>, judge: PolicyJudge) -> Self {
        Self { registry, judge }
    }

    /// Who asks the policy.
    #[must_use]
    pub fn judge(&self) -> &PolicyJudge {
        &self.judge
    }

    /// The schema registry it asks.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn SchemaRegistry> {
        &self.registry
    }

    /// Admits a whole proposal, or says why the first event that fails is refused. Schemas and the embedded policy are
    /// asked about every event before a policy server is asked about any; without one it answers at once.
    ///
    /// # Errors
    /// [`Refusal`]; the proposal is dropped.
    pub async fn admit(&self, proposal: Proposal, context: AdmissionContext<'_>) -> Result<Admitted, Refusal> {
        let mut admitted = self.admit_embedded(proposal, context)?;
        if self.judge.server().is_some() {
            self.confirm(&mut admitted, context).await?;
        }
        Ok(admitted)
    }

    /// Admits what the platform itself records in its own `$` streams. A policy server is not asked: it must not be able
    /// to stop the records, nor must an outage.
    ///
    /// # Errors
    /// [`Refusal`]; the proposal is dropped. A stream that is not the platform's own is [`Refusal::Malformed`].
    pub fn admit_own(
        &self,
        proposal: Proposal,
        decision_id: DecisionId,
        request: &RequestContext,
    ) -> Result<Admitted, Refusal> {
        if let Some(part) = proposal.streams.iter().find(|part| !part.stream.is_system()) {
            return Err(Refusal::Malformed(format!("`{}` is no stream of the platform itself", part.stream)));
        }
        self.admit_embedded(proposal, AdmissionContext { actor: &Actor::system(), decision_id, request })
    }

    /// Admits what schemas and the embedded policy let through.
    fn admit_embedded(&self, proposal: Proposal, context: AdmissionContext<'_>) -> Result<Admitted, Refusal> {
        check_form(&proposal)?;
        // One bundle judges all of it, also when another comes into force meanwhile.
        let embedded = self.judge.embedded();
        let pinned = embedded.pinned();
        let policy = pinned.as_deref().unwrap_or(&**embedded);
        let mut index = 0;
        let mut streams = Vec::with_capacity(proposal.streams.len());
        for part in proposal.streams {
            let StreamAppend { stream, aggregate_type, condition, events } = part;
            let resource = PolicyResource { resource_type: aggregate_type.as_str(), id: stream.as_str() };
            let mut admitted = Vec::with_capacity(events.len());
            for event in events {
                admitted.push(self.admit_event((policy, index), event, resource, context)?);
                index += 1;
            }
            streams.push(AdmittedStream { stream, aggregate_type, condition, events: admitted });
        }
        Ok(Admitted { streams })
    }

    fn admit_event(
        &self,
        (policy, index): (&dyn PolicyEngine, usize),
        mut event: NewEvent,
        resource: PolicyResource<'_>,
        context: AdmissionContext<'_>,
    ) -> Result<AdmittedEvent, Refusal> {
        let event_type = event.event_type.as_str();
        let version = Some(event.metadata.schema_version).filter(|version| *version != 0);
        let schema =
            self.registry.check(SchemaKind::Event, event_type, version, &event.payload).map_err(|refusal| {
                Refusal::Schema { index, event_type: event_type.to_owned(), refusal: Box::new(refusal) }
            })?;
        let verdict = policy.decide(&append_input(&event, PolicySchema::registered(&schema), resource, context));
        if !verdict.allows() {
            return Err(refused(index, event_type, resource, verdict));
        }
        event.metadata.schema_version = schema.version;
        let receipt = receipt(&schema, &verdict, context);
        Ok(AdmittedEvent { event, receipt })
    }

    /// Has the policy server confirm what the embedded policy allowed, several events at a time. The first refused event
    /// in order is the refusal.
    async fn confirm(&self, admitted: &mut Admitted, context: AdmissionContext<'_>) -> Result<(), Refusal> {
        let mut digests = Vec::with_capacity(admitted.event_count());
        let (mut asked, mut index) = (FuturesOrdered::new(), 0);
        for part in &admitted.streams {
            for event in &part.events {
                if asked.len() == Self::ASKED_AT_ONCE {
                    digests.extend(asked.try_next().await?);
                }
                asked.push_back(self.confirm_event(index, (part, event), context));
                index += 1;
            }
        }
        while let Some(digest) = asked.try_next().await? {
            digests.push(digest);
        }
        drop(asked);
        let events = admitted.streams.iter_mut().flat_map(|part| &mut part.events);
        for (event, digest) in events.zip(digests) {
            event.receipt.policy_digest = digest;
        }
        Ok(())
    }

    /// The digest of everything that allows an event.
    async fn confirm_event(
        &self,
        index: usize,
        (part, AdmittedEvent { event, receipt }): (&AdmittedStream, &AdmittedEvent),
        context: AdmissionContext<'_>,
    ) -> Result<Digest, Refusal> {
        let resource = PolicyResource { resource_type: part.aggregate_type.as_str(), id: part.stream.as_str() };
        let schema = PolicySchema { id: receipt.schema_id, version: event.metadata.schema_version, registered: true };
        let input = append_input(event, schema, resource, context);
        let embedded =
            Verdict { outcome: VerdictOutcome::Allow, policy_digest: receipt.policy_digest, elapsed: Duration::ZERO };
        let verdict = self.judge.confirmed(&input, embedded).await;
        match verdict.allows() {
            true => Ok(verdict.policy_digest),
            false => Err(refused(index, event.event_type.as_str(), resource, verdict)),
        }
    }
}

/// The question whether an event may be stored.
fn append_input<'a>(
    event: &'a NewEvent,
    schema: PolicySchema,
    resource: PolicyResource<'a>,
    context: AdmissionContext<'a>,
) -> PolicyInput<'a> {
    let event_type = event.event_type.as_str();
    PolicyInput {
        kind: PolicyKind::Append,
        action: event_type,
        resource,
        actor: context.actor,
        payload: None,
        event: Some(PolicyEvent { event_type, payload: &event.payload }),
        schema: Some(schema),
        request: context.request,
    }
}

fn refused(index: usize, event_type: &str, resource: PolicyResource<'_>, verdict: Verdict) -> Refusal {
    Refusal::Policy {
        index,
        event_type: event_type.to_owned(),
        stream: resource.id.to_owned(),
        aggregate_type: resource.resource_type.to_owned(),
        verdict: Box::new(verdict),
    }
}

fn receipt(schema: &SchemaRef, verdict: &Verdict, context: AdmissionContext<'_>) -> Receipt {
    Receipt {
        schema_id: schema.id,
        schema_digest: schema.digest,
        policy_digest: verdict.policy_digest,
        decision_id: context.decision_id,
        actor: context.actor.id.clone(),
    }
}

/// What every proposal must satisfy before any port is asked.
fn check_form(proposal: &Proposal) -> Result<(), Refusal> {
    let malformed = |reason: String| Err(Refusal::Malformed(reason));
    let count: usize = proposal.streams.iter().map(|part| part.events.len()).sum();
    if count == 0 {
        return malformed("an append needs at least one event".to_owned());
    }
    if count > Admission::MAX_EVENTS {
        return malformed(format!("an append holds at most {} events, this one has {count}", Admission::MAX_EVENTS));
    }
    let mut streams = HashSet::new();
    let mut ids: HashSet<EventId> = HashSet::new();
    for part in &proposal.streams {
        if !streams.insert(&part.stream) {
            return malformed(format!("stream `{}` appears twice in one append", part.stream));
        }
        if part.events.is_empty() {
            return malformed(format!("stream `{}` is given no events", part.stream));
        }
        if let Some(event) = part.events.iter().find(|event| !ids.insert(event.event_id)) {
            return malformed(format!("event id {} appears twice in one append", event.event_id));
        }
        if let Some(extra) = part.events.iter().filter_map(|event| event.metadata.extra.as_ref()).find(too_large) {
            return malformed(format!("metadata of {} bytes is over the limit of 16384", extra.len()));
        }
    }
    Ok(())
}

fn too_large(extra: &&Json) -> bool {
    extra.len() > 16_384
}
