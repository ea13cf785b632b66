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

use std::{collections::HashSet, sync::Arc};

use crate::{
    append::{AppendCondition, Proposal, StreamAppend},
    event::{Actor, NewEvent, Receipt},
    json::Json,
    name::{AggregateType, DecisionId, EventId, StreamId},
    ports::{
        PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext, SchemaKind,
        SchemaRef, SchemaRefusal, SchemaRegistry, Verdict,
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
    policy: Arc<dyn PolicyEngine>,
}

impl Admission {
    /// Most events in one batch.
    pub const MAX_EVENTS: usize = 10_000;

    /// An admission that asks these two ports.
    #[must_use]
    pub fn new(registry: Arc<dyn SchemaRegistry>, policy: Arc<dyn PolicyEngine>) -> Self {
        Self { registry, policy }
    }

    /// The policy engine it asks.
    #[must_use]
    pub fn policy(&self) -> &Arc<dyn PolicyEngine> {
        &self.policy
    }

    /// The schema registry it asks.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn SchemaRegistry> {
        &self.registry
    }

    /// Admits a whole proposal, or says why the first event that fails is refused.
    ///
    /// # Errors
    /// [`Refusal`]; the proposal is dropped.
    pub fn admit(&self, proposal: Proposal, context: AdmissionContext<'_>) -> Result<Admitted, Refusal> {
        check_form(&proposal)?;
        // One bundle judges all of it, also when another comes into force meanwhile.
        let pinned = self.policy.pinned();
        let policy = pinned.as_deref().unwrap_or(&*self.policy);
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
        let verdict = policy.decide(&PolicyInput {
            kind: PolicyKind::Append,
            action: event_type,
            resource,
            actor: context.actor,
            payload: None,
            event: Some(PolicyEvent { event_type, payload: &event.payload }),
            schema: Some(PolicySchema::registered(&schema)),
            request: context.request,
        });
        if !verdict.allows() {
            return Err(Refusal::Policy {
                index,
                event_type: event_type.to_owned(),
                stream: resource.id.to_owned(),
                aggregate_type: resource.resource_type.to_owned(),
                verdict: Box::new(verdict),
            });
        }
        event.metadata.schema_version = schema.version;
        let receipt = receipt(&schema, &verdict, context);
        Ok(AdmittedEvent { event, receipt })
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
