use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use nexus_core::{
    ports::{
        ChosenMode, CompatibilityMode, Registration, SchemaKind, SchemaLink, Subject, SubjectAccess, SubjectRules,
        WantedVersion,
    },
    upcast::{Step, Steps},
};
use serde_json::{Value, value::RawValue};

use super::find::kind_of;
use crate::{
    dto::SchemaDto,
    problem::{Problem, schema_failure},
    request::{Conversation, Object, WriteRequest, digits, typed},
    routes::answer::{encoded, header_value, json},
    state::Api,
};

/// Registers a schema.
///
/// The same schema again answers the first registration with 200. A schema that does not follow the versions before
/// it, as the mode of its subject demands, is refused with 409 and the whole report. A change that breaks what is stored
/// goes through with an `upcaster` that holds for every stored event of the type; when it does not, the first that fails
/// is named.
#[utoipa::path(
    post,
    path = "/api/schemas",
    tag = "governance",
    request_body(
        content = serde_json::Value, content_type = "application/json",
        description = "`{kind, name, schema, version?, compatibility?, references?, owner?, upcaster?}`. `version` is the number or \
            the MAJOR.MINOR.PATCH it is expected to become. `compatibility` is a mode, or `{mode, reason?, expiresAt?}`; \
            one that is weaker than the default of the kind ends after 30 days at the latest. `references` are \
            `{name, subject, version, kind?}`: where the schema says `$ref: name`, that version is meant. `upcaster` is a \
            list of steps that bring events of the newest version to this one; it is tried on samples and on every stored \
            event first.",
    ),
    responses(
        (status = 201, description = "Registered.", body = SchemaDto, headers(("Location" = String, description = "The schema."))),
        (status = 200, description = "It was registered before.", body = SchemaDto),
    )
)]
pub(crate) async fn register_schema(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let write = WriteRequest::read(&api, request, api.config.max_body_bytes).await?;
    write.params.only(&[])?;
    let wanted = registration(&write, &api)?;
    let info = write.caller.info(&api, Conversation::default());
    let outcome = api.node.schema_service().register(wanted, info).await.map_err(schema_failure)?;
    let body = SchemaDto::listed(&outcome.schema);
    let status = if outcome.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = json(status, &body)?;
    let location = format!("/api/schemas/{}/versions/{}?kind={}", encoded(&body.name), body.version, body.kind);
    response.headers_mut().insert(header::LOCATION, header_value(&location));
    Ok(response)
}

fn registration(write: &WriteRequest, api: &Api) -> Result<Registration, Problem> {
    let mut body = Object::of_body(write.body.as_bytes())?;
    let kind = kind_member(&mut body)?.ok_or_else(|| Problem::invalid("/kind", "required", "`kind` is missing"))?;
    let name = body.required_text("name")?;
    if name.starts_with(crate::routes::registry::COMMANDS) && kind == SchemaKind::Event {
        let detail = "names that start with `:.commands:` stand for commands in the Confluent-compatible interface";
        return Err(Problem::invalid("/name", "name", detail));
    }
    let mut wanted = Registration::new(Subject::new(kind, name), schema(&mut body)?);
    wanted.links = references(&mut body)?;
    wanted.owner = body.text("owner")?;
    wanted.version = body.take("version").map(wanted_version).transpose()?;
    if let Some(raw) = body.take("compatibility") {
        let own = api.node.schemas().subject(&wanted.subject).map(|info| info.rules).unwrap_or_default();
        wanted.rules = Some(SubjectRules { compatibility: Some(chosen_mode(raw, "/compatibility")?), ..own });
    }
    wanted.upcaster = body.take("upcaster").map(steps).transpose()?;
    body.finish(&["kind", "name", "schema", "version", "compatibility", "references", "owner", "upcaster"])?;
    Ok(wanted)
}

/// The member `kind`, if it is there.
pub(super) fn kind_member(body: &mut Object<'_>) -> Result<Option<SchemaKind>, Problem> {
    let Some(text) = body.text("kind")? else { return Ok(None) };
    let kind = kind_of(&text).ok_or_else(|| Problem::invalid("/kind", "enum", "`kind` must be event or command"))?;
    Ok(Some(kind))
}

/// The member `schema`, which must be there.
pub(super) fn schema(body: &mut Object<'_>) -> Result<Value, Problem> {
    typed(body.required("schema")?, "/schema", "must be a JSON Schema whose numbers can be represented")
}

/// The members of `references`.
pub(super) fn references(body: &mut Object<'_>) -> Result<Vec<SchemaLink>, Problem> {
    if !body.has("references") {
        return Ok(Vec::new());
    }
    let mut links = Vec::new();
    for (index, raw) in body.required_array("references")?.into_iter().enumerate() {
        let mut reference = Object::read(raw, format!("/references/{index}"))?;
        let kind = kind_member(&mut reference)?.unwrap_or(SchemaKind::Event);
        let (name, subject) = (reference.required_text("name")?, reference.required_text("subject")?);
        let place = reference.place("version");
        let version = typed(reference.required("version")?, place, "must be a whole number from 1")?;
        links.push(SchemaLink { name, subject: Subject::new(kind, subject), version });
        reference.finish(&["name", "subject", "version", "kind"])?;
    }
    Ok(links)
}

/// A list of steps; the first that is none is named.
fn steps(raw: &RawValue) -> Result<Steps, Problem> {
    let each: Vec<&RawValue> = typed(raw, "/upcaster", "must be a list of steps")?;
    for (index, step) in each.iter().enumerate() {
        if let Err(error) = serde_json::from_str::<Step>(step.get()) {
            // Where in the text of the step it is says nothing to who sent the whole.
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            return Err(Problem::invalid(format!("/upcaster/{index}"), "step", format!("is no step: {reason}")));
        }
    }
    typed(raw, "/upcaster", "must be a list of steps")
}

fn wanted_version(raw: &RawValue) -> Result<WantedVersion, Problem> {
    let detail = "must be a whole number from 1, or MAJOR.MINOR.PATCH";
    let number = |text: &str| {
        let number = digits(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        number.map(WantedVersion::Number).ok_or_else(|| Problem::invalid("/version", "version", detail))
    };
    if !raw.get().starts_with('"') {
        return number(raw.get());
    }
    let text: String = typed(raw, "/version", detail)?;
    text.parse().map_or_else(|_| number(&text), |semantic| Ok(WantedVersion::Semantic(semantic)))
}

/// A mode alone, or with its reason and its end.
pub(super) fn chosen_mode(raw: &RawValue, place: &str) -> Result<ChosenMode, Problem> {
    if raw.get().starts_with('"') {
        return Ok(ChosenMode {
            mode: mode(&typed::<String>(raw, place, "must be a mode")?, place)?,
            reason: None,
            expires: None,
        });
    }
    let mut object = Object::read(raw, place)?;
    let mode_place = object.place("mode");
    let mode = mode(&object.required_text("mode")?, &mode_place)?;
    let reason = object.text("reason")?;
    let expires_place = object.place("expiresAt");
    let expires =
        object.take("expiresAt").map(|raw| typed(raw, expires_place, "must be an RFC 3339 time")).transpose()?;
    object.finish(&["mode", "reason", "expiresAt"])?;
    Ok(ChosenMode { mode, reason, expires })
}

fn mode(text: &str, place: &str) -> Result<CompatibilityMode, Problem> {
    text.parse().map_err(|error: nexus_core::ports::InvalidCompatibilityMode| {
        Problem::invalid(place, "enum", error.to_string())
    })
}

/// `read-write`, `read-only` or `import`.
pub(super) fn access(text: &str) -> Result<SubjectAccess, Problem> {
    match text {
        "read-write" => Ok(SubjectAccess::ReadWrite),
        "read-only" => Ok(SubjectAccess::ReadOnly),
        "import" => Ok(SubjectAccess::Import),
        _ => Err(Problem::invalid("/access", "enum", "`access` must be read-write, read-only or import")),
    }
}
