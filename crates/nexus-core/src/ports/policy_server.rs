use std::{collections::BTreeMap, time::Duration};

use crate::{
    event::Digest,
    ports::{BoxFuture, PolicyInput, VerdictOutcome},
    time::Timestamp,
};

/// A policy server beside the embedded policy. It is asked about what the embedded policy allows, and about nothing
/// else, so it can restrict and never permit.
///
/// Every adapter holds to this:
///
/// - An answer comes in bounded time and memory, whatever the server does: slow, down, endless, garbage.
/// - What the server leaves undefined, what cannot be evaluated and what cannot be understood does not allow.
/// - A server that cannot be reached is told from one that answered. What then happens is the operator's choice, and
///   every refusal that comes of it says so.
/// - [`ServerVerdict::source`] names what decided, so that two answers under different revisions never look alike.
/// - Nothing is asked twice for one decision, unless the connection had been closed by the time it was used.
pub trait PolicyServer: Send + Sync + 'static {
    /// Judges one request that the embedded policy allows.
    fn decide<'a>(&'a self, input: &'a PolicyInput<'a>) -> BoxFuture<'a, ServerVerdict>;

    /// Where the server is and how it does, for people.
    fn status(&self) -> PolicyServerStatus;
}

/// What came of asking a policy server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVerdict {
    /// What came out.
    pub outcome: VerdictOutcome,
    /// What decided beside the embedded policy; `None` when nothing did, because the server could not be reached.
    pub source: Option<PolicySource>,
    /// How long it took.
    pub elapsed: Duration,
}

/// The policy that a server decided by, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicySource {
    /// The path that was asked, such as `nexus`.
    pub path: String,
    /// The revisions of its bundles, by name.
    pub revisions: BTreeMap<String, String>,
    /// Digest of the copy of its modules that decided while it could not be reached.
    pub mirror: Option<Digest>,
}

/// Where a policy server is and how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyServerStatus {
    /// Its address.
    pub url: String,
    /// The path that is asked.
    pub path: String,
    /// Whether it is there.
    pub reach: PolicyServerReach,
    /// When it answered last.
    pub last_answer: Option<Timestamp>,
    /// What went wrong last; `None` when the last answer was fine.
    pub last_error: Option<String>,
    /// The revisions it named last.
    pub revisions: BTreeMap<String, String>,
    /// What is done while it cannot be reached: `last-known-good`, `embedded` or `deny`.
    pub when_unreachable: String,
    /// The copy of its modules; `None` when none is kept.
    pub mirror: Option<PolicyMirrorStatus>,
}

/// Whether a policy server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyServerReach {
    /// It was not asked yet.
    Unknown,
    /// It answered when it was asked last.
    Answering,
    /// It did not answer when it was asked last.
    Failing,
    /// It failed several times in a row, and is left alone for a moment.
    Away,
}

impl PolicyServerReach {
    /// The name for people and programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Answering => "answering",
            Self::Failing => "failing",
            Self::Away => "away",
        }
    }
}

/// The copy of a server's modules that decides while it cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyMirrorStatus {
    /// Digest of the copy; `None` when there is none that could decide.
    pub digest: Option<Digest>,
    /// When the server was last found to have these modules.
    pub taken_at: Option<Timestamp>,
    /// Why there is none, or why the last attempt to take one failed.
    pub trouble: Option<String>,
}

/// Keeps on record what the digests in receipts stand for when a policy server had its say.
pub trait PolicyLedger: Send + Sync + 'static {
    /// The digest that names the embedded policy and the server's together. It is on record when this answers.
    ///
    /// # Errors
    /// Why it could not be put on record: what is decided under it must not go on.
    fn digest<'a>(&'a self, embedded: Digest, source: &'a PolicySource) -> BoxFuture<'a, Result<Digest, String>>;
}
