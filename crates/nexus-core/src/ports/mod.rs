//! The ports: what the platform needs from a technology. Each has one contract suite in `nexus-testkit` that every
//! adapter passes. Asynchronous ports return [`BoxFuture`]; the others answer from memory or from a local file and
//! are called where blocking is allowed.

mod authenticator;
mod clock;
mod event_store;
mod history_tree;
mod idempotency;
mod policy_answer;
mod policy_compiler;
mod policy_engine;
mod policy_server;
mod read_store;
mod schema_compatibility;
mod schema_registry;
mod subject_registry;

pub use authenticator::{Authenticated, AuthenticationError, Authenticator, Credential, MAX_TOKEN_BYTES};
pub use clock::{Clock, IdSource};
pub use event_store::{
    AppendError, BoxFuture, Direction, EventFilter, EventStore, LogPage, LogRead, ReadError, StreamInfo, StreamList,
    StreamListPage, StreamPage, StreamRead,
};
pub use history_tree::{ConsistencyProof, HistoryTree, InclusionProof, LogKey, ProofError, SignedTreeHead, TreeHead};
pub use idempotency::{IdempotencyIndex, IdempotencyRecord};
pub use policy_answer::{PolicyValue, outcome_of, outcome_of_package};
pub use policy_compiler::{
    CompiledPolicy, ExplainedRule, PolicyCompiler, PolicyCoverage, PolicyExplanation, PolicyModule, PolicyProblem,
    PolicyTestReport, PolicyTestResult,
};
pub use policy_engine::{
    Denial, PolicyEngine, PolicyEvent, PolicyInput, PolicyKind, PolicyResource, PolicySchema, RequestContext, Severity,
    Verdict, VerdictOutcome,
};
pub use policy_server::{
    PolicyLedger, PolicyMirrorStatus, PolicyServer, PolicyServerReach, PolicyServerStatus, PolicySource, ServerVerdict,
};
pub use read_store::{
    Column, ColumnKind, Filter, FilterOp, ReadStore, ReadStoreError, ResourceSpec, ResourceStore, RowChange, RowData,
    RowPage, RowQuery, SortKey,
};
pub use schema_compatibility::{
    CompatibilityBreach, CompatibilityDirection, CompatibilityMode, CompatibilityReport, InvalidCompatibilityMode,
    SchemaBump, SchemaChange, SchemaChangeKind,
};
pub use schema_registry::{
    RegisterError, SchemaDocument, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry, Violation,
};
pub use subject_registry::{
    ChosenMode, Deletion, DocumentCheck, ImportedAs, InvalidSemanticVersion, RegisteredSchema, Registration,
    RegistrationPlan, RegistryChange, SchemaLink, SchemaUpcaster, SemanticVersion, Subject, SubjectAccess, SubjectInfo,
    SubjectRegistry, SubjectRules, WantedVersion, mode_in_force,
};
