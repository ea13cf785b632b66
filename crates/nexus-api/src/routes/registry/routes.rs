use axum::{
    Router,
    routing::{any, get, post},
};

use super::{compatibility, config, context, mode, register, schemas, subjects};
use crate::state::Api;

/// The routes under `/registry`. They are described by those who made them up, not in the OpenAPI document.
pub(crate) fn routes() -> Router<Api> {
    plain().route("/registry/contexts/{context}/{*rest}", any(context::within))
}

/// Those without a context in the path.
pub(super) fn plain() -> Router<Api> {
    Router::new()
        .route("/registry", get(schemas::root))
        .route("/registry/", get(schemas::root))
        .route("/registry/contexts", get(subjects::contexts))
        .route("/registry/subjects", get(subjects::list))
        .route("/registry/subjects/{subject}", post(register::look_up).delete(subjects::delete))
        .route("/registry/subjects/{subject}/metadata", get(subjects::with_metadata))
        .route("/registry/subjects/{subject}/versions", get(subjects::versions).post(register::register))
        .route(
            "/registry/subjects/{subject}/versions/{version}",
            get(subjects::version).delete(subjects::delete_version),
        )
        .route("/registry/subjects/{subject}/versions/{version}/schema", get(subjects::version_text))
        .route("/registry/subjects/{subject}/versions/{version}/referencedby", get(subjects::referenced_by))
        .route("/registry/schemas", get(schemas::list))
        .route("/registry/schemas/types", get(schemas::types))
        .route("/registry/schemas/ids/{id}", get(schemas::by_id))
        .route("/registry/schemas/ids/{id}/schema", get(schemas::text_by_id))
        .route("/registry/schemas/ids/{id}/subjects", get(schemas::subjects_of_id))
        .route("/registry/schemas/ids/{id}/versions", get(schemas::versions_of_id))
        .route("/registry/schemas/guids/{guid}", get(schemas::by_guid))
        .route("/registry/schemas/guids/{guid}/ids", get(schemas::ids_of_guid))
        .route("/registry/compatibility/subjects/{subject}/versions", post(compatibility::with_all))
        .route("/registry/compatibility/subjects/{subject}/versions/{version}", post(compatibility::with_version))
        .route("/registry/config", get(config::get_global).put(config::set_global).delete(config::reset_global))
        .route("/registry/config/{subject}", get(config::get).put(config::set).delete(config::reset))
        .route("/registry/mode", get(mode::get_global).put(mode::set_global).delete(mode::reset_global))
        .route("/registry/mode/{subject}", get(mode::get).put(mode::set).delete(mode::reset))
}
