//! What the OpenAPI document says beyond the single operations.

use axum::http::Method;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, InfoBuilder, OpenApi, RefOr, Response, ResponseBuilder,
        extensions::ExtensionsBuilder,
        header::HeaderBuilder,
        path::Operation,
        schema::{ObjectBuilder, Ref, Type},
        security::{Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::{
    access::{Access, AccessTable},
    problem::{FieldError, ProblemBody, ProblemError},
};

const DESCRIPTION: &str = "Commands, events, streams and read models of a Nexus application, and its governance. \
    Every refusal is a problem document (RFC 9457) whose `code` is explained at `/docs/errors/<code>`.";

const TAGS: [(&str, &str); 7] = [
    ("commands", "Ask an aggregate to decide."),
    ("events", "Read the log, append to it under governance, follow it live."),
    ("log", "Prove what the log holds: signed tree heads, inclusion and consistency."),
    ("queries", "Read the rows of read models."),
    ("governance", "The schemas and policies in force."),
    ("projections", "How far read models have followed the log."),
    ("operations", "Health, metrics, and this document."),
];

/// Adds the title, the tags, who gets to each operation, and the answer every operation may give instead of its own: a
/// problem.
pub(crate) fn complete(document: &mut OpenApi, access: &AccessTable) {
    document.info =
        InfoBuilder::new().title("Nexus").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION)).build();
    let tag = |(name, description): (&str, &str)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(TAGS.map(tag).into());
    let components = document.components.get_or_insert_default();
    let mut add = |name: std::borrow::Cow<'static, str>, schema| components.schemas.insert(name.into_owned(), schema);
    add(ProblemBody::name(), ProblemBody::schema());
    add(ProblemError::name(), ProblemError::schema());
    add(FieldError::name(), FieldError::schema());
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer()));
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
                tell_access(operation, access.of(path, &method));
            }
        }
    }
}

/// The name of the one way to say who asks.
const SCHEME: &str = "token";

fn bearer() -> Http {
    let description = "A JSON Web Token of a configured issuer, or an API token of this server.";
    HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build()
}

/// Says whether an operation needs credentials, and what the policy is asked before it.
fn tell_access(operation: &mut Operation, access: Option<&Access>) {
    let Some(kind) = access.and_then(Access::kind) else {
        operation.security = Some(Vec::new());
        return;
    };
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    let asked = match access {
        Some(Access::Door(door)) => {
            json!({ "kind": kind.as_str(), "action": door.action, "resourceType": door.resource_type })
        }
        _ => json!({ "kind": kind.as_str() }),
    };
    let extensions = ExtensionsBuilder::new().add("x-nexus-access", asked).build();
    operation.extensions.get_or_insert_default().merge(extensions);
}

fn problem() -> Response {
    let retry_after = HeaderBuilder::new()
        .description(Some("Seconds after which the same request may succeed; with 503, 409 and 429."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).build()))
        .build();
    ResponseBuilder::new()
        .description("The request was refused or failed.")
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name(ProblemBody::name()))))
        .header("Retry-After", retry_after)
        .build()
}
