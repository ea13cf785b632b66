use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use super::{
    chain::Chain,
    error::{UpcastError, UpcastFault},
};
use crate::{
    event::RecordedEvent,
    json::Json,
    ports::{SchemaKind, SchemaRefusal, SchemaRegistry},
};

/// Checks a payload against a version of its event type's schema.
pub type PayloadCheck = dyn Fn(&str, u32, &Json) -> Result<(), SchemaRefusal> + Send + Sync;

/// The one seam between stored events and those who fold them.
///
/// Made once, when the application starts, and changed when a version of a schema is registered: whoever registers puts
/// the chain here first and lets the version be written under afterwards. So an event that a reader has in hand is led
/// by the chain of its version, whenever the reader began. Event types without upcasters are not looked up, and an
/// application without any costs a reader one comparison per event.
pub struct Upcasters {
    chains: RwLock<HashMap<String, Arc<Chain>>>,
    /// Whether there are any chains.
    any: AtomicBool,
    check: Arc<PayloadCheck>,
}

/// An event whose payload follows the schema version that its reader knows; made by [`Upcasters`] alone.
///
/// When the payload was changed, `metadata.schema_version` is the version it was brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentEvent<'a>(Cow<'a, RecordedEvent>);

impl Deref for CurrentEvent<'_> {
    type Target = RecordedEvent;

    fn deref(&self) -> &RecordedEvent {
        &self.0
    }
}

impl CurrentEvent<'_> {
    /// Whether the payload is the stored one.
    #[must_use]
    pub fn is_as_stored(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }
}

impl Upcasters {
    /// No upcasters: every event is current as it is stored.
    #[must_use]
    pub fn none() -> Self {
        let check = |name: &str, version: u32, _: &Json| {
            Err(SchemaRefusal::UnknownVersion { name: name.to_owned(), version, newest: 0 })
        };
        Self::new([], Arc::new(check))
    }

    /// Upcasters by these chains; `check` judges what they make. Chains that change nothing are not kept.
    #[must_use]
    pub fn new(chains: impl IntoIterator<Item = Chain>, check: Arc<PayloadCheck>) -> Self {
        let upcasters = Self { chains: RwLock::default(), any: AtomicBool::new(false), check };
        chains.into_iter().for_each(|chain| upcasters.put(chain));
        upcasters
    }

    /// Leads the events of a type by this chain from now on.
    pub fn put(&self, chain: Chain) {
        // A panic while the lock is held cannot leave the map half changed in a way that matters.
        let mut chains = self.chains.write().unwrap_or_else(PoisonError::into_inner);
        if chain.matters() {
            chains.insert(chain.event_type().to_owned(), Arc::new(chain));
        } else {
            chains.remove(chain.event_type());
        }
        self.any.store(!chains.is_empty(), Ordering::Release);
    }

    fn chain(&self, event_type: &str) -> Option<Arc<Chain>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.chains.read().unwrap_or_else(PoisonError::into_inner).get(event_type).cloned()
    }

    /// Checks against a registry.
    #[must_use]
    pub fn checked_by(registry: Arc<dyn SchemaRegistry>) -> Arc<PayloadCheck> {
        Arc::new(move |event_type, version, payload| {
            registry.check(SchemaKind::Event, event_type, Some(version), payload).map(drop)
        })
    }

    /// The event as its reader knows it.
    ///
    /// # Errors
    /// [`UpcastError`] when it cannot be brought there; the reader must stop.
    pub fn current<'a>(&self, event: &'a RecordedEvent) -> Result<CurrentEvent<'a>, Box<UpcastError>> {
        self.brought(event, Check::Result)
    }

    /// [`current`](Self::current), with the result of every single upcaster checked where its schema is known. Slower;
    /// for proofs.
    ///
    /// # Errors
    /// [`UpcastError`].
    pub fn proven<'a>(&self, event: &'a RecordedEvent) -> Result<CurrentEvent<'a>, Box<UpcastError>> {
        self.brought(event, Check::EveryStep)
    }

    /// Whether payloads of this event type are looked at.
    #[must_use]
    pub fn concern(&self, event_type: &str) -> bool {
        self.chain(event_type).is_some()
    }

    /// Brings a payload that is not stored where readers want it, with every single upcaster checked; `None` when it
    /// fits as it is.
    ///
    /// # Errors
    /// [`UpcastFault`].
    pub fn proven_payload(&self, event_type: &str, version: u32, payload: &Json) -> Result<Option<Json>, UpcastFault> {
        let chain = self.chain(event_type);
        chain.map_or(Ok(None), |chain| self.payload(&chain, version, payload, Check::EveryStep))
    }

    fn brought<'a>(&self, event: &'a RecordedEvent, check: Check) -> Result<CurrentEvent<'a>, Box<UpcastError>> {
        let stored = event.metadata.schema_version;
        let Some(chain) = self.chain(event.event_type.as_str()) else {
            return Ok(CurrentEvent(Cow::Borrowed(event)));
        };
        let failed = |fault| UpcastError {
            event_type: chain.event_type().to_owned(),
            stored,
            wanted: chain.wanted(),
            stream: event.aggregate_id.clone(),
            version: event.version,
            position: event.position,
            fault,
        };
        let payload = self.payload(&chain, stored, &event.payload, check).map_err(|fault| Box::new(failed(fault)))?;
        Ok(CurrentEvent(match payload {
            None => Cow::Borrowed(event),
            Some(payload) => {
                let mut current = RecordedEvent { payload, ..event.clone() };
                current.metadata.schema_version = chain.wanted();
                Cow::Owned(current)
            }
        }))
    }

    /// The payload at the version wanted; `None` when it is there as stored.
    fn payload(&self, chain: &Chain, stored: u32, payload: &Json, check: Check) -> Result<Option<Json>, UpcastFault> {
        if stored > chain.wanted() {
            return if chain.reads_as_it_is(stored) { Ok(None) } else { Err(UpcastFault::Newer) };
        }
        let way = chain.way_from(stored)?;
        if way.iter().all(|(_, link)| link.upcaster.is_none()) {
            return Ok(None);
        }
        let not_json = |error: serde_json::Error| UpcastFault::NotJson(error.to_string());
        let mut value: Value = payload.to_value().map_err(not_json)?;
        for (from, link) in &way {
            let (from, to) = (*from, link.to);
            let Some(upcaster) = &link.upcaster else {
                continue;
            };
            value = upcaster.run(value).map_err(|failure| UpcastFault::Failed { from, to, failure })?;
            if check == Check::EveryStep && to != chain.wanted() {
                self.check_step(chain, from, to, &value)?;
            }
        }
        let made = Json::from_value(&value);
        let Err(refusal) = (self.check)(chain.event_type(), chain.wanted(), &made) else {
            return Ok(Some(made));
        };
        // Again, step by step: the first whose result is refused is to blame, which need not be the last.
        if check == Check::Result {
            self.payload(chain, stored, payload, Check::EveryStep)?;
        }
        let (from, to) = way.last().map_or((stored, chain.wanted()), |(from, link)| (*from, link.to));
        Err(UpcastFault::Invalid { from, to, refusal: Box::new(refusal) })
    }

    /// Checks what a step in the middle made; its schema need not be known any more.
    fn check_step(&self, chain: &Chain, from: u32, to: u32, value: &Value) -> Result<(), UpcastFault> {
        match (self.check)(chain.event_type(), to, &Json::from_value(value)) {
            Err(refusal @ SchemaRefusal::Invalid { .. }) => {
                Err(UpcastFault::Invalid { from, to, refusal: Box::new(refusal) })
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Result,
    EveryStep,
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upcasters").field("chains", &self.chains).finish_non_exhaustive()
    }
}
