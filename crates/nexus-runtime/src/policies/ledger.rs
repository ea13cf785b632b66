//! What the digests of receipts stand for that name the embedded policy and a policy server's together.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex as Shared, PoisonError},
    time::Duration,
};

use nexus_core::{
    Actor, Digest, ExpectedVersion, Metadata, StreamId, Version,
    ports::{BoxFuture, Clock, Direction, PolicyLedger, PolicySource, RequestContext, StreamRead},
};
use sha2::{Digest as _, Sha256};
use tokio::{sync::Mutex, time::Instant};

use super::{
    PolicyFailure,
    records::{Place, RecordError, Records},
    stored::{POLICIES, POLICY_COMBINED, PolicyCombined},
};

/// Most combinations that are put on record in a [`WINDOW`]: a server must not be able to fill the disk by naming new
/// revisions all the time.
const MAX_NEW: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);

/// Puts every new combination on record in `$policies`, once.
pub(crate) struct Ledger(Arc<Inner>);

struct Inner {
    records: Records,
    clock: Arc<dyn Clock>,
    /// The circumstances of its records, but for the time.
    request: RequestContext,
    /// What is on record.
    known: Shared<HashSet<Digest>>,
    /// Whoever holds it may put something on record.
    pace: Mutex<Pace>,
}

/// How many combinations were put on record since when.
struct Pace {
    since: Instant,
    new: u32,
}

impl Ledger {
    /// What `$policies` has on record.
    ///
    /// # Errors
    /// When the stream cannot be read or understood.
    pub(crate) async fn restore(
        records: Records,
        clock: Arc<dyn Clock>,
        request: RequestContext,
    ) -> Result<Self, PolicyFailure> {
        let known = Shared::new(on_record(&records).await?);
        let pace = Mutex::new(Pace { since: Instant::now(), new: 0 });
        Ok(Self(Arc::new(Inner { records, clock, request, known, pace })))
    }
}

impl PolicyLedger for Ledger {
    fn digest<'a>(&'a self, embedded: Digest, source: &'a PolicySource) -> BoxFuture<'a, Result<Digest, String>> {
        Box::pin(async move {
            let digest = combined(embedded, source);
            if self.0.knows(digest) {
                return Ok(digest);
            }
            // In a task of its own: the caller may go away while it is written.
            let (inner, source) = (Arc::clone(&self.0), source.clone());
            let task = tokio::spawn(async move { inner.put_on_record(digest, embedded, source).await });
            task.await.map_err(|error| format!("the record ended early: {error}"))?.map(|()| digest)
        })
    }
}

impl Inner {
    fn knows(&self, digest: Digest) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    async fn put_on_record(&self, digest: Digest, embedded: Digest, source: PolicySource) -> Result<(), String> {
        let mut pace = self.pace.lock().await;
        if self.knows(digest) {
            return Ok(());
        }
        pace.one_more()?;
        self.store(digest, embedded, &source).await.map_err(|error| error.to_string())?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        tracing::info!(%digest, path = %source.path, revisions = ?source.revisions, "a policy server decides too, by a policy that is new");
        Ok(())
    }

    async fn store(&self, digest: Digest, embedded: Digest, source: &PolicySource) -> Result<(), RecordError> {
        let record = PolicyCombined {
            digest: digest.to_string(),
            embedded: embedded.to_string(),
            path: source.path.clone(),
            revisions: source.revisions.clone(),
            mirror: source.mirror.map(|mirror| mirror.to_string()),
        };
        let metadata = Metadata { user_id: Some(Actor::system().id), ..Metadata::default() };
        let event = self.records.event(POLICY_COMBINED, &record, metadata)?;
        let request = RequestContext { time: self.clock.now(), ..self.request.clone() };
        let place = Place {
            stream: POLICIES,
            aggregate_type: "PolicySet",
            // Bundles may come into force at the same time; the two do not depend on each other.
            expected: ExpectedVersion::Any,
            decision_id: self.records.ids.decision_id(),
            request: &request,
        };
        self.records.store(place, vec![event]).await.map(|_| ())
    }
}

impl Pace {
    fn one_more(&mut self) -> Result<(), String> {
        if self.since.elapsed() >= WINDOW {
            *self = Self { since: Instant::now(), new: 0 };
        }
        if self.new >= MAX_NEW {
            return Err(format!("the policy server named more than {MAX_NEW} new revisions within a minute"));
        }
        self.new += 1;
        Ok(())
    }
}

/// SHA-256 over the digest of the embedded policy, the path, the digest of the mirror (empty without one), then name and
/// revision of each bundle in the order of names; each with its length before it, as eight bytes.
fn combined(embedded: Digest, source: &PolicySource) -> Digest {
    let mut hasher = Sha256::new();
    let mut put = |part: &[u8]| {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    };
    put(embedded.as_bytes());
    put(source.path.as_bytes());
    put(source.mirror.as_ref().map_or(&[], |mirror| mirror.as_bytes().as_slice()));
    for (name, revision) in &source.revisions {
        put(name.as_bytes());
        put(revision.as_bytes());
    }
    Digest::from_bytes(hasher.finalize().into())
}

async fn on_record(records: &Records) -> Result<HashSet<Digest>, PolicyFailure> {
    let damaged = |reason: &dyn std::fmt::Display| PolicyFailure::Damaged(reason.to_string());
    let stream = StreamId::new(POLICIES).map_err(|error| damaged(&error))?;
    let (mut known, mut from) = (HashSet::new(), Version::new(1));
    loop {
        let read = StreamRead { from, direction: Direction::Forward, ..StreamRead::all(stream.clone(), 100) };
        let page = records.store.read_stream(read).await?;
        for event in page.events.iter().filter(|event| event.event_type.as_str() == POLICY_COMBINED) {
            let told: PolicyCombined = event.payload.to().map_err(|error| damaged(&error))?;
            known.insert(told.digest.parse().map_err(|_| damaged(&format_args!("{}: no digest", event.version)))?);
        }
        match page.next {
            Some(next) => from = next,
            None => return Ok(known),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_decided_is_in_the_digest() {
        let source = |path: &str, revisions: &[(&str, &str)], mirror: Option<u8>| PolicySource {
            path: path.to_owned(),
            revisions: revisions.iter().map(|(name, at)| ((*name).to_owned(), (*at).to_owned())).collect(),
            mirror: mirror.map(|byte| Digest::from_bytes([byte; 32])),
        };
        let embedded = Digest::from_bytes([1; 32]);
        let others = [
            combined(embedded, &source("nexus", &[("a", "1")], None)),
            combined(Digest::from_bytes([2; 32]), &source("nexus", &[("a", "1")], None)),
            combined(embedded, &source("other", &[("a", "1")], None)),
            combined(embedded, &source("nexus", &[("a", "2")], None)),
            combined(embedded, &source("nexus", &[("b", "1")], None)),
            combined(embedded, &source("nexus", &[("a1", "")], None)),
            combined(embedded, &source("nexus", &[], None)),
            combined(embedded, &source("nexus", &[("a", "1")], Some(3))),
            combined(embedded, &source("nexus", &[("a", "1"), ("b", "1")], None)),
        ];
        assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
    }

    #[tokio::test(start_paused = true)]
    async fn new_revisions_are_taken_at_a_pace() {
        let mut pace = Pace { since: Instant::now(), new: 0 };
        assert!((0..MAX_NEW).all(|_| pace.one_more().is_ok()));
        assert!(pace.one_more().unwrap_err().contains("more than 60"));
        tokio::time::advance(WINDOW).await;
        assert!(pace.one_more().is_ok());
    }
}
