use std::{sync::Arc, time::Duration};

use crate::{
    event::{Actor, Digest},
    json::Json,
    name::Text,
    ports::SchemaRef,
    time::Timestamp,
};

/// Decides who may do what. Answers from memory, without blocking.
///
/// Undefined, failing or overrunning evaluation is a verdict that does not [allow](Verdict::allows); it is never an
/// error somebody could forget to look at.
pub trait PolicyEngine: Send + Sync + 'static {
    /// Judges one request.
    fn decide(&self, input: &PolicyInput<'_>) -> Verdict;

    /// Digest of the bundle in force.
    fn digest(&self) -> Digest;

    /// The bundle in force at this moment, when it can be replaced: what is asked of it is decided by one bundle,
    /// however long that takes. `None` when the engine never changes.
    fn pinned(&self) -> Option<Arc<dyn PolicyEngine>> {
        None
    }
}

/// What is judged. Rendered for the policy as `input`, with camelCase names.
#[derive(Debug, Clone, Copy)]
pub struct PolicyInput<'a> {
    /// The kind of door: `input.kind`.
    pub kind: PolicyKind,
    /// The command type, event type, query or verb: `input.action`.
    pub action: &'a str,
    /// On what: `input.resource`.
    pub resource: PolicyResource<'a>,
    /// By whom: `input.actor`.
    pub actor: &'a Actor,
    /// The command's payload: `input.payload`.
    pub payload: Option<&'a Json>,
    /// The event to be stored: `input.event`.
    pub event: Option<PolicyEvent<'a>>,
    /// The schema of the command or event: `input.schema`.
    pub schema: Option<PolicySchema>,
    /// The circumstances: `input.context`.
    pub request: &'a RequestContext,
}

/// The kind of door a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A command is to be handled.
    Command,
    /// An event is to be stored.
    Append,
    /// A read model or stream is to be read.
    Query,
    /// A past state is to be read.
    Temporal,
    /// A live feed is to be opened.
    Subscribe,
    /// The platform is to be operated.
    Admin,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Command, Self::Append, Self::Query, Self::Temporal, Self::Subscribe, Self::Admin];

    /// The name in `input.kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Append => "append",
            Self::Query => "query",
            Self::Temporal => "temporal",
            Self::Subscribe => "subscribe",
            Self::Admin => "admin",
        }
    }
}

/// The thing acted on.
#[derive(Debug, Clone, Copy)]
pub struct PolicyResource<'a> {
    /// Its type, such as the aggregate type: `input.resource.type`.
    pub resource_type: &'a str,
    /// Its id; empty when it has none yet: `input.resource.id`.
    pub id: &'a str,
}

/// The event to be stored.
#[derive(Debug, Clone, Copy)]
pub struct PolicyEvent<'a> {
    /// Its type: `input.event.type`.
    pub event_type: &'a str,
    /// Its payload: `input.event.payload`.
    pub payload: &'a Json,
}

/// The schema a command or event was checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicySchema {
    /// `input.schema.id`.
    pub id: u32,
    /// `input.schema.version`.
    pub version: u32,
    /// `input.schema.registered`.
    pub registered: bool,
}

impl PolicySchema {
    /// The facts of a registered schema.
    #[must_use]
    pub fn registered(schema: &SchemaRef) -> Self {
        Self { id: schema.id, version: schema.version, registered: true }
    }
}

/// The circumstances of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// The service that serves it: `input.context.service`.
    pub service: Text,
    /// The client program, if it named itself: `input.context.clientId`.
    pub client_id: Option<Text>,
    /// `dev`, `production`, …: `input.context.environment`.
    pub environment: Text,
    /// When it came: `input.context.time`.
    pub time: Timestamp,
}

/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What came out.
    pub outcome: VerdictOutcome,
    /// Digest of the bundle that was evaluated.
    pub policy_digest: Digest,
    /// How long it took.
    pub elapsed: Duration,
}

impl Verdict {
    /// Whether the request may go on. Only an explicit allow without any denial does.
    #[must_use]
    pub fn allows(&self) -> bool {
        matches!(self.outcome, VerdictOutcome::Allow)
    }

    /// The denials with severity error; empty for other outcomes.
    #[must_use]
    pub fn denials(&self) -> &[Denial] {
        match &self.outcome {
            VerdictOutcome::Deny(denials) => denials,
            _ => &[],
        }
    }
}

/// What came out of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictOutcome {
    /// `allow` is true and no rule denied.
    Allow,
    /// Rules denied; at least one.
    Deny(Vec<Denial>),
    /// No rule denied and none allowed either. Treated as a no.
    Undefined,
    /// The evaluation failed or ran over a limit. Treated as a no.
    Failed {
        /// What happened, for the operator.
        reason: String,
    },
}

/// One rule that said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Stable id of the rule, such as `orders.large-order`.
    pub id: String,
    /// What is wrong.
    pub message: String,
    /// What would make it a yes.
    pub remediation: String,
    /// How much it matters.
    pub severity: Severity,
}

/// How much a denial matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The request is refused.
    Error,
    /// The request goes on; the finding is recorded.
    Warning,
}
