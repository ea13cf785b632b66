use axum::{
    http::Method,
    routing::{get, post},
};
use nexus_core::ports::PolicyKind;
use utoipa_axum::routes;

use crate::{
    access::{Access, RateClass, Routes},
    routes::{
        appends, backup, causation, commands, dashboard, events, feed, history, operations, policies, projections,
        queries, registry, schemas, streams, tokens,
    },
};

/// Every route, with what is asked before its handler runs. A route that is not registered here is not served; one
/// that is, is in the OpenAPI document, except those under `/registry` and `/opa`, whose descriptions are Confluent's and OPA's.
pub(crate) fn all() -> Routes {
    let routes = writes(Routes::default());
    let routes = reads(routes);
    let routes = of_schemas(routes);
    let routes = of_policies(routes);
    let routes = of_operations(routes);
    registry::add(routes)
}

fn writes(routes: Routes) -> Routes {
    routes
        .at(Access::Inside(PolicyKind::Command), routes!(commands::send_command))
        .at(Access::Inside(PolicyKind::Append), routes!(appends::append_events))
        .at(Access::Inside(PolicyKind::Append), routes!(appends::append_streams))
        .at(Access::Inside(PolicyKind::Append), routes!(appends::append_stream))
}

fn reads(routes: Routes) -> Routes {
    let stream = Access::query("streams.read", "stream").on("aggregateId");
    let row = Access::query("queries.get", "{resourceType}").on("id").limited(RateClass::Queries);
    let rows = Access::query("queries.list", "{resourceType}").limited(RateClass::Queries);
    routes
        .at(Access::query("commands.list", "command"), routes!(commands::list_commands))
        .at(Access::query("commands.describe", "command").on("commandType"), routes!(commands::describe_command))
        .at(Access::query("streams.list", "stream"), routes!(streams::list_streams))
        .at(stream, routes!(streams::stream_events))
        .at(Access::query("events.list", "event"), routes!(events::list_events))
        .at(Access::query("events.get", "event").on("eventId"), routes!(events::get_event))
        .at(Access::query("events.causation", "event").on("eventId"), routes!(causation::event_causation))
        .at(Access::subscribe("events.follow", "event"), routes!(feed::event_feed))
        .at(rows, routes!(queries::query_rows))
        .at(row, routes!(queries::query_row))
        .at(Access::query("log.head", "log"), routes!(history::log_head))
        .at(Access::query("log.heads", "log"), routes!(history::log_heads))
        .at(Access::query("log.prove", "log"), routes!(history::inclusion_proof))
        .at(Access::query("log.prove", "log"), routes!(history::consistency_proof))
        .at(Access::query("log.key", "log"), routes!(history::log_key))
        .at(Access::query("projections.list", "projection"), routes!(projections::list_projections))
        .at(Access::query("projections.get", "projection").on("name"), routes!(projections::get_projection))
        .at(Access::query("projections.get", "projection").on("name"), routes!(projections::projection_health))
}

fn of_schemas(routes: Routes) -> Routes {
    let read = |action| Access::query(action, "schema").on("name");
    routes
        .at(Access::query("schemas.list", "schema"), routes!(schemas::list_schemas))
        .at(Access::admin("schemas.register", "schema"), routes!(schemas::register_schema))
        .at(read("schemas.get"), routes!(schemas::get_subject))
        .at(Access::admin("schemas.delete", "schema").on("name"), routes!(schemas::delete_subject))
        .at(read("schemas.get"), routes!(schemas::list_versions))
        .at(read("schemas.get"), routes!(schemas::get_schema))
        .at(Access::admin("schemas.delete", "schema").on("name"), routes!(schemas::delete_version))
        .at(Access::admin("schemas.configure", "schema").on("name"), routes!(schemas::configure_subject))
        .at(read("schemas.judge"), routes!(schemas::check_compatibility))
        .at(read("schemas.judge"), routes!(schemas::diff_versions))
        .at(read("schemas.validate"), routes!(schemas::validate_document))
        .at(read("schemas.usage"), routes!(schemas::schema_usage))
        .at(read("schemas.usage"), routes!(schemas::dry_run_log))
}

/// Looking into the policy is for those who may change it: it tells what it protects, and how.
fn of_policies(routes: Routes) -> Routes {
    let look = Access::admin("policies.query", "policy");
    routes
        .at(Access::query("policies.list", "policy"), routes!(policies::list_policies))
        .at(Access::temporal("decisions.read", "decision"), routes!(policies::list_decisions))
        .at(Access::admin("policies.evaluate", "policy"), routes!(policies::evaluate_policy))
        .at(Access::query("policies.get", "policy").on("bundle"), routes!(policies::get_policy))
        .at(Access::admin("policies.push", "policy").on("bundle"), routes!(policies::push_policy))
        .at(Access::admin("policies.push", "policy").on("bundle"), routes!(policies::roll_back_policy))
        .undocumented(look, Method::GET, "/opa/v1/policies", get(policies::opa_policies))
        .undocumented(look, Method::GET, "/opa/v1/data", get(policies::opa_get))
        .undocumented(look, Method::POST, "/opa/v1/data", post(policies::opa_post))
        .undocumented(look, Method::GET, "/opa/v1/data/{*path}", get(policies::opa_get))
        .undocumented(look, Method::POST, "/opa/v1/data/{*path}", post(policies::opa_post))
}

fn of_operations(routes: Routes) -> Routes {
    routes
        .at(Access::admin("backup", "server"), routes!(backup::backup_archive))
        .at(Access::admin("tokens.create", "token"), routes!(tokens::create_token))
        .at(Access::admin("tokens.list", "token"), routes!(tokens::list_tokens))
        .at(Access::admin("tokens.revoke", "token").on("id"), routes!(tokens::revoke_token))
        .at(Access::query("metrics.read", "server"), routes!(operations::metrics_text))
        // It names the data directory and the release, which is nobody else's business.
        .at(Access::query("version.read", "server"), routes!(operations::version))
        .at(Access::Public, routes!(operations::livez))
        .at(Access::Public, routes!(operations::readyz))
        .at(Access::Public, routes!(operations::openapi_json))
        .at(Access::Public, routes!(operations::error_page))
        .at(Access::Public, routes!(dashboard::dashboard))
        .at(Access::Public, routes!(dashboard::dashboard_asset))
}
