use axum::{
    http::Method,
    routing::{delete, get, post, put},
};
use nexus_core::ports::PolicyKind;

use super::{compatibility, config, context, mode, register, schemas, subjects};
use crate::access::{Access, Routes};

/// Adds the routes under `/registry`. They are described by those who made them up, not in the OpenAPI document.
pub(crate) fn add(routes: Routes) -> Routes {
    // What is asked of the policy is known once the context is out of the path.
    let within = Access::Inside(PolicyKind::Query);
    let path = "/registry/contexts/{context}/{*rest}";
    plain(routes)
        .undocumented(within, Method::GET, path, get(context::within))
        .undocumented(within, Method::POST, path, post(context::within))
        .undocumented(within, Method::PUT, path, put(context::within))
        .undocumented(within, Method::DELETE, path, delete(context::within))
}

/// Adds those without a context in the path.
pub(super) fn plain(routes: Routes) -> Routes {
    changes(questions(reads(routes)))
}

fn reads(routes: Routes) -> Routes {
    let list = Access::query("schemas.list", "schema");
    let subject = Access::query("schemas.get", "schema").on("subject");
    routes
        .undocumented(list, Method::GET, "/registry", get(schemas::root))
        .undocumented(list, Method::GET, "/registry/", get(schemas::root))
        .undocumented(list, Method::GET, "/registry/contexts", get(subjects::contexts))
        .undocumented(list, Method::GET, "/registry/subjects", get(subjects::list))
        .undocumented(subject, Method::GET, "/registry/subjects/{subject}/metadata", get(subjects::with_metadata))
        .undocumented(subject, Method::GET, "/registry/subjects/{subject}/versions", get(subjects::versions))
        .undocumented(subject, Method::GET, "/registry/subjects/{subject}/versions/{version}", get(subjects::version))
        .undocumented(
            subject,
            Method::GET,
            "/registry/subjects/{subject}/versions/{version}/schema",
            get(subjects::version_text),
        )
        .undocumented(
            subject,
            Method::GET,
            "/registry/subjects/{subject}/versions/{version}/referencedby",
            get(subjects::referenced_by),
        )
        .undocumented(list, Method::GET, "/registry/schemas", get(schemas::list))
        .undocumented(list, Method::GET, "/registry/schemas/types", get(schemas::types))
        .undocumented(list, Method::GET, "/registry/schemas/ids/{id}", get(schemas::by_id))
        .undocumented(list, Method::GET, "/registry/schemas/ids/{id}/schema", get(schemas::text_by_id))
        .undocumented(list, Method::GET, "/registry/schemas/ids/{id}/subjects", get(schemas::subjects_of_id))
        .undocumented(list, Method::GET, "/registry/schemas/ids/{id}/versions", get(schemas::versions_of_id))
        .undocumented(list, Method::GET, "/registry/schemas/guids/{guid}", get(schemas::by_guid))
        .undocumented(list, Method::GET, "/registry/schemas/guids/{guid}/ids", get(schemas::ids_of_guid))
        .undocumented(list, Method::GET, "/registry/config", get(config::get_global))
        .undocumented(subject, Method::GET, "/registry/config/{subject}", get(config::get))
        .undocumented(list, Method::GET, "/registry/mode", get(mode::get_global))
        .undocumented(subject, Method::GET, "/registry/mode/{subject}", get(mode::get))
}

/// What is asked with a body and changes nothing.
fn questions(routes: Routes) -> Routes {
    let find = Access::query("schemas.get", "schema").on("subject");
    let judge = Access::query("schemas.judge", "schema").on("subject");
    let judged = "/registry/compatibility/subjects/{subject}/versions";
    let judged_with = "/registry/compatibility/subjects/{subject}/versions/{version}";
    routes
        .undocumented(find, Method::POST, "/registry/subjects/{subject}", post(register::look_up))
        .undocumented(judge, Method::POST, judged, post(compatibility::with_all))
        .undocumented(judge, Method::POST, judged_with, post(compatibility::with_version))
}

fn changes(routes: Routes) -> Routes {
    let register = Access::admin("schemas.register", "schema").on("subject");
    let remove = Access::admin("schemas.delete", "schema").on("subject");
    let one = Access::admin("schemas.configure", "schema").on("subject");
    let all = Access::admin("schemas.configure", "schema");
    let version = "/registry/subjects/{subject}/versions/{version}";
    routes
        .undocumented(register, Method::POST, "/registry/subjects/{subject}/versions", post(register::register))
        .undocumented(remove, Method::DELETE, "/registry/subjects/{subject}", delete(subjects::delete))
        .undocumented(remove, Method::DELETE, version, delete(subjects::delete_version))
        .undocumented(all, Method::PUT, "/registry/config", put(config::set_global))
        .undocumented(all, Method::DELETE, "/registry/config", delete(config::reset_global))
        .undocumented(one, Method::PUT, "/registry/config/{subject}", put(config::set))
        .undocumented(one, Method::DELETE, "/registry/config/{subject}", delete(config::reset))
        .undocumented(all, Method::PUT, "/registry/mode", put(mode::set_global))
        .undocumented(all, Method::DELETE, "/registry/mode", delete(mode::reset_global))
        .undocumented(one, Method::PUT, "/registry/mode/{subject}", put(mode::set))
        .undocumented(one, Method::DELETE, "/registry/mode/{subject}", delete(mode::reset))
}
