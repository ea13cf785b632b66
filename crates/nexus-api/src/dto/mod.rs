//! What the API answers with: documents that can be written and read back, for servers and clients alike.

mod answers;
mod catalogue;
mod cloud_event;
mod event;
mod history;
mod metadata;
mod operations;
mod policies;
mod schemas;
mod tokens;
mod upcasting;

pub use answers::{
    AppendAccepted, AppendLineAccepted, AppendLineRefused, AppendLineStream, AppendedStreamDto, CausationNode,
    CausationTree, CommandAccepted, DecisionDto, DryRunAnswer, DryRunEvent, EventList, PageInfo, RowList,
    StreamAppendAccepted, StreamEvents, StreamList, StreamSummary,
};
pub use catalogue::{CommandDto, CommandList};
pub(crate) use cloud_event::CloudEvent;
pub use event::{EventDto, InvalidEvent, ReceiptDto};
pub use history::{ConsistencyProofDto, InclusionProofDto, InvalidProof, LogKeyDto, TreeHeadDto, TreeHeadList};
pub use metadata::MetadataDto;
pub use operations::{
    ProjectionErrorDto, ProjectionHealth, ProjectionList, ProjectionStatus, Readiness, ReadinessCheck, VersionInfo,
};
pub use policies::{
    CoverageDto, DecisionList, DenialDto, EvaluationDto, ExplainedRuleDto, PolicyActivatedDto, PolicyBundleDto,
    PolicyList, PolicyModuleDto, PolicyServerDto, PolicySources, PolicyTestDto, RecordedDecisionDto,
};
pub use schemas::{
    AffectedDto, BreachDto, CompatibilityDto, DryRunFailureDto, LogDryRunDto, ModeDto, SchemaChangeDto, SchemaDiffDto,
    SchemaDto, SchemaList, SchemaReferenceDto, SchemaUsageDto, SchemaVersions, SubjectDto, SubjectRulesDto,
    ValidationDto, VersionUsageDto, ViolationDto,
};
pub use tokens::{TokenCreatedDto, TokenDto, TokenList};
pub use upcasting::{FailedEventDto, FailedSampleDto, SchemaUpcasterDto, UpcasterProofDto};
