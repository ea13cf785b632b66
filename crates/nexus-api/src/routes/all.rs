use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    routes::{
        appends, backup, causation, commands, dashboard, events, feed, governance, history, operations, projections,
        queries, registry, schemas, streams,
    },
    state::Api,
};

/// Every route. A route that is not registered here is not served; one that is, is in the OpenAPI document, except
/// those under `/registry`, whose description is Confluent's.
pub(crate) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(commands::list_commands))
        .routes(routes!(commands::describe_command, commands::send_command))
        .routes(routes!(appends::append_events, streams::stream_events))
        .routes(routes!(appends::append_streams))
        .routes(routes!(appends::append_stream))
        .routes(routes!(streams::list_streams))
        .routes(routes!(events::list_events))
        .routes(routes!(events::get_event))
        .routes(routes!(causation::event_causation))
        .routes(routes!(feed::event_feed))
        .routes(routes!(queries::query_rows))
        .routes(routes!(queries::query_row))
        .routes(routes!(schemas::list_schemas, schemas::register_schema))
        .routes(routes!(schemas::get_subject, schemas::delete_subject))
        .routes(routes!(schemas::list_versions))
        .routes(routes!(schemas::get_schema, schemas::delete_version))
        .routes(routes!(schemas::configure_subject))
        .routes(routes!(schemas::check_compatibility))
        .routes(routes!(schemas::diff_versions))
        .routes(routes!(schemas::validate_document))
        .routes(routes!(schemas::schema_usage))
        .routes(routes!(schemas::dry_run_log))
        .routes(routes!(governance::list_policies))
        .routes(routes!(history::log_head))
        .routes(routes!(history::log_heads))
        .routes(routes!(history::inclusion_proof))
        .routes(routes!(history::consistency_proof))
        .routes(routes!(history::log_key))
        .routes(routes!(projections::list_projections))
        .routes(routes!(projections::get_projection))
        .routes(routes!(projections::projection_health))
        .routes(routes!(backup::backup_archive))
        .routes(routes!(operations::livez))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics_text))
        .routes(routes!(operations::version))
        .routes(routes!(operations::openapi_json))
        .routes(routes!(operations::error_page))
        .routes(routes!(dashboard::dashboard))
        .routes(routes!(dashboard::dashboard_asset))
        .merge(registry::routes().into())
}
