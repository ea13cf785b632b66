use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use nexus_core::{
    Position,
    ports::{HistoryTree, ProofError},
};

use crate::{
    dto::{ConsistencyProofDto, InclusionProofDto, LogKeyDto, TreeHeadDto, TreeHeadList},
    problem::{Code, Problem},
    request::{Caller, Params},
    routes::answer::json,
    state::Api,
};

/// Signs the head of the log: one hash that names every event up to now. Keep it, and nobody can change them unnoticed.
#[utoipa::path(
    get,
    path = "/api/log/head",
    tag = "log",
    params(("at" = Option<u64>, Query, description = "Instead over the events up to this position.")),
    responses((status = 200, description = "The signed tree head.", body = TreeHeadDto))
)]
pub(crate) async fn log_head(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["at"])?;
    let at = params.number("at")?.map(Position::new);
    let signed = history(&api)?.head(at).await?;
    json(StatusCode::OK, &TreeHeadDto::from(signed))
}

/// Lists the tree heads that were signed and saved as the log grew.
#[utoipa::path(
    get,
    path = "/api/log/heads",
    tag = "log",
    params(
        ("after" = Option<u64>, Query, description = "Only heads over more events than this; all when not given."),
        ("limit" = Option<u32>, Query, description = "Most heads to answer, 1 to 1000; 100 when not given."),
    ),
    responses((status = 200, description = "The heads, smallest first.", body = TreeHeadList))
)]
pub(crate) async fn log_heads(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&["after", "limit"])?;
    let (after, limit) = (params.number("after")?.unwrap_or(0), params.limit(100)?);
    let mut found = history(&api)?.heads(after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|signed| signed.head.tree_size).filter(|_| more);
    json(StatusCode::OK, &TreeHeadList { heads: found.into_iter().map(TreeHeadDto::from).collect(), next })
}

/// Proves that an event is under a tree head.
#[utoipa::path(
    get,
    path = "/api/log/proofs/inclusion",
    tag = "log",
    params(
        ("position" = u64, Query, description = "Position of the event."),
        ("treeSize" = u64, Query, description = "`treeSize` of the head."),
    ),
    responses((status = 200, description = "The proof, as RFC 9162 describes it.", body = InclusionProofDto))
)]
pub(crate) async fn inclusion_proof(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["position", "treeSize"])?;
    let (position, size) = (required(&params, "position")?, required(&params, "treeSize")?);
    let proof = history(&api)?.inclusion(Position::new(position), size).await?;
    json(StatusCode::OK, &InclusionProofDto::from(proof))
}

/// Proves that everything under a tree head is under a later one, unchanged.
#[utoipa::path(
    get,
    path = "/api/log/proofs/consistency",
    tag = "log",
    params(
        ("from" = u64, Query, description = "`treeSize` of the earlier head."),
        ("to" = u64, Query, description = "`treeSize` of the later head."),
    ),
    responses((status = 200, description = "The proof, as RFC 9162 describes it.", body = ConsistencyProofDto))
)]
pub(crate) async fn consistency_proof(
    State(api): State<Api>,
    _caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["from", "to"])?;
    let (from, to) = (required(&params, "from")?, required(&params, "to")?);
    let proof = history(&api)?.consistency(from, to).await?;
    json(StatusCode::OK, &ConsistencyProofDto::from(proof))
}

/// Tells the key that signs the tree heads. Compare it with what you were told some other way.
#[utoipa::path(
    get,
    path = "/api/log/key",
    tag = "log",
    responses((status = 200, description = "Log id and public key.", body = LogKeyDto))
)]
pub(crate) async fn log_key(State(api): State<Api>, _caller: Caller, params: Params) -> Result<Response, Problem> {
    params.only(&[])?;
    json(StatusCode::OK, &LogKeyDto::from(history(&api)?.key()))
}

fn history(api: &Api) -> Result<&Arc<dyn HistoryTree>, Problem> {
    let none = || Problem::new(Code::NoHistoryTree, "this store keeps no Merkle tree, so that nothing can be proved");
    api.node.history().ok_or_else(none)
}

fn required(params: &Params, name: &str) -> Result<u64, Problem> {
    let missing = || Problem::parameter(name, format!("`{name}` is required"));
    params.number(name)?.ok_or_else(missing)
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Read(error) => error.into(),
            ProofError::OutOfRange { name, .. } => Self::parameter(name, error.to_string()),
            other => Self::new(Code::InternalError, "nothing could be proved").caused_by(&other),
        }
    }
}
