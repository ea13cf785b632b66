//! Upcasters that come with a version: tried on samples and on everything stored, before the version is recorded.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nexus_core::{
    EventType, Json, Timestamp, Version,
    ports::{AppendError, DocumentCheck, RegisteredSchema, Registration, RegistrationPlan, SchemaRefusal},
    upcast::{PayloadCheck, Upcasters},
};
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::{
    SchemaFailure,
    service::{Inner, blocking, damaged},
};
use crate::{
    proof::{Progress, ProofRun, samples_under},
    ways::{Way, Ways, checked_by},
};

/// Longest time that one request tries an upcaster on what is stored.
const TIME: Duration = Duration::from_secs(20);
/// Longest time for what was stored since, while nobody else may change the registry.
const REST: Duration = Duration::from_secs(2);
/// How often a registration begins anew because its subject changed meanwhile.
const MAX_TRIES: usize = 5;

/// What a registration is going to be. Nobody else changes the registry while this is held.
pub(super) struct Planned<'a> {
    pub(super) at: MutexGuard<'a, Version>,
    pub(super) plan: RegistrationPlan,
}

/// Proofs for which the time was too short; they go on when the same is asked for again.
#[derive(Default)]
pub(super) struct UnfinishedProofs(Mutex<VecDeque<Trial>>);

/// The proof of one upcaster.
struct Trial {
    /// For which schema and upcaster.
    of: RegisteredSchema,
    /// The versions that the chain was made of.
    versions: Vec<u32>,
    run: ProofRun,
}

impl UnfinishedProofs {
    /// Most proofs kept.
    const LIMIT: usize = 8;

    fn keep(&self, trial: Trial) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(trial);
        if kept.len() > Self::LIMIT {
            kept.pop_front();
        }
    }

    fn take(&self, of: &RegisteredSchema, versions: &[u32]) -> Option<Trial> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|trial| trial.is_of(of) && trial.versions == versions)?;
        kept.remove(place)
    }
}

impl Trial {
    /// Whether it is about this schema; its id does not matter, which others may have taken meanwhile.
    fn is_of(&self, schema: &RegisteredSchema) -> bool {
        let (mine, other) = (&self.of.reference, &schema.reference);
        (&mine.name, mine.version, mine.digest) == (&other.name, other.version, other.digest)
            && self.of.upcaster == schema.upcaster
    }

    fn refused(self) -> SchemaFailure {
        let (subject, version) = (self.of.subject(), self.of.reference.version);
        SchemaFailure::Unproven { subject, version, proof: Box::new(self.run.proof) }
    }
}

impl Inner {
    /// Plans a registration. When it brings an upcaster, that one was proven up to the head of the log.
    pub(super) async fn planned(
        &self,
        wanted: &Arc<Registration>,
        now: Timestamp,
        waits: &CancellationToken,
    ) -> Result<Planned<'_>, SchemaFailure> {
        let mut proven: Option<Trial> = None;
        for _ in 0..MAX_TRIES {
            let at = self.at.lock().await;
            // Judging may take a while, so it happens where blocking is allowed.
            let (registry, registration) = (Arc::clone(&self.registry), Arc::clone(wanted));
            let plan = blocking(move || registry.plan_registration(&registration, now)).await?;
            let new = match &plan {
                RegistrationPlan::New(new) if new.upcaster.is_some() => new.clone(),
                _ => return Ok(Planned { at, plan }),
            };
            // Events are stored all the time; those that came since the proof are tried while no version can.
            if let Some(trial) = proven.take().filter(|trial| trial.is_of(&new)) {
                self.finished(trial, REST, waits).await?;
                return Ok(Planned { at, plan });
            }
            drop(at);
            proven = Some(self.finished(self.trial(*new).await?, TIME, waits).await?);
        }
        Err(AppendError::Unavailable { reason: "others keep registering versions of this subject".to_owned() }.into())
    }

    /// Tries what is left of the log, and answers the trial when nothing failed.
    async fn finished(
        &self,
        mut trial: Trial,
        time: Duration,
        waits: &CancellationToken,
    ) -> Result<Trial, SchemaFailure> {
        // It is refused anyway then; a look at the log may name an event beside the sample.
        let time = if trial.run.proof.failed_sample.is_some() { REST } else { time };
        let progress = trial.run.go_on(&*self.store, Some(Instant::now() + time), waits).await?;
        match progress {
            _ if !trial.run.proof.holds() => Err(trial.refused()),
            Progress::Done => Ok(trial),
            Progress::Paused | Progress::Cancelled => {
                let (events, reached, head) = (trial.run.proof.events, trial.run.reached, self.store.head());
                self.unfinished.keep(trial);
                Err(SchemaFailure::ProofUnfinished { events, reached, head })
            }
        }
    }

    /// The proof of the upcaster that comes with a version: from where it stopped, or with the samples tried.
    async fn trial(&self, new: RegisteredSchema) -> Result<Trial, SchemaFailure> {
        let (ways, registry) = (Arc::clone(&self.seam.ways), Arc::clone(&self.registry));
        let versions: Vec<u32> = ways.versions(&new.reference.name).iter().map(|known| known.reference.id).collect();
        if let Some(trial) = self.unfinished.take(&new, &versions) {
            return Ok(trial);
        }
        let made = tokio::task::spawn_blocking(move || {
            let check = registry.compile(&new.schema, &new.links)?;
            let registered = checked_by(Arc::clone(&registry));
            let run = begun(&ways, &new, with_new(&new, check, registered), &*registry)?;
            Ok(Trial { of: new, versions, run })
        });
        made.await.map_err(|error| damaged(&error))?
    }
}

/// The proof of the way to a version that is not registered yet, with the samples tried.
fn begun(
    ways: &Ways,
    new: &RegisteredSchema,
    check: Arc<PayloadCheck>,
    registry: &dyn nexus_core::ports::SubjectRegistry,
) -> Result<ProofRun, SchemaFailure> {
    let reference = &new.reference;
    let versions = ways.versions_with(new);
    let Way { chain, .. } = ways.way(&reference.name, reference.version, &versions)?;
    // What has no way may not be stored at all; if it is, the log will say.
    let led = versions.iter().filter(|known| {
        known.reference.version < reference.version && chain.reaches_from(known.reference.version).is_ok()
    });
    let samples = led.flat_map(|known| samples_under(registry, known)).collect();
    let event_type = EventType::new(reference.name.as_str()).map_err(|error| damaged(&error))?;
    Ok(ProofRun::new(Arc::new(Upcasters::new([chain], check)), event_type, samples))
}

/// Checks payloads against the registered versions, and one that is not registered yet.
fn with_new(new: &RegisteredSchema, check: Box<dyn DocumentCheck>, registered: Arc<PayloadCheck>) -> Arc<PayloadCheck> {
    let schema = new.reference.clone();
    Arc::new(move |event_type: &str, version: u32, payload: &Json| {
        if version != schema.version {
            return registered(event_type, version, payload);
        }
        let violations = check.violations(payload);
        if violations.is_empty() { Ok(()) } else { Err(SchemaRefusal::Invalid { schema: schema.clone(), violations }) }
    })
}
