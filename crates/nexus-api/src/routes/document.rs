//! What the OpenAPI document says beyond the single operations.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, InfoBuilder, OpenApi, RefOr, Response, ResponseBuilder,
        header::HeaderBuilder,
        path::Operation,
        schema::{ObjectBuilder, Ref, Type},
        tag::TagBuilder,
    },
};

use crate::problem::{FieldError, ProblemBody, ProblemError};

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

/// Adds the title, the tags, and the answer every operation may give instead of its own: a problem.
pub(crate) fn complete(document: &mut OpenApi) {
    document.info =
        InfoBuilder::new().title("Nexus").version(env!("CARGO_PKG_VERSION")).description(Some(DESCRIPTION)).build();
    let tag = |(name, description): (&str, &str)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(TAGS.map(tag).into());
    let components = document.components.get_or_insert_default();
    let mut add = |name: std::borrow::Cow<'static, str>, schema| components.schemas.insert(name.into_owned(), schema);
    add(ProblemBody::name(), ProblemBody::schema());
    add(ProblemError::name(), ProblemError::schema());
    add(FieldError::name(), FieldError::schema());
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            add_problem(operation);
        }
    }
}

fn add_problem(operation: &mut Operation) {
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
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
