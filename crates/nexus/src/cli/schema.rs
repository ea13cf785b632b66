use std::{collections::BTreeMap, fs, path::Path};

use nexus_core::ports::SchemaKind;
use nexus_schema::compat;
use serde_json::{Map, Value, json};

use crate::{
    App, Client, Failure,
    cli::{
        Output,
        args::{SchemaCheck, SchemaDiff, SchemaGenerate, SchemaRegister, SchemaVerb},
        output::{table, text_of},
    },
    client::{Answer, Request, segment},
    schemas::{self, Declared, Lock, SchemaFiles},
};

pub(crate) async fn run(
    verb: SchemaVerb,
    app: App,
    client: impl FnOnce() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        SchemaVerb::List => list(&client()?, output).await,
        SchemaVerb::Show { name, version } => {
            let body = version_of(&client()?, &name, version).await?;
            output.value(&body, |body| format!("{:#}", body.get("schema").unwrap_or(body)))
        }
        SchemaVerb::Diff(diff) => self::diff(&diff, client, output).await,
        SchemaVerb::Register(register) => self::register(register, &client()?, output).await,
        SchemaVerb::Usage { name, kind } => usage(&name, kind, &client()?, output).await,
        SchemaVerb::Check(check) => self::check(&check, &declared(app, check.files_only)?, output),
        SchemaVerb::Generate(generate) => {
            let name = app.name.clone();
            self::generate(&generate, &name, &declared(app, false)?, output)
        }
    }
}

/// What the application declares; the domain of its first sample where it has none of its own.
fn declared(app: App, nothing: bool) -> Result<Declared, Failure> {
    if nothing {
        return Ok(Declared::default());
    }
    schemas::declared(&app.with_sample(None)?.domain)
}

async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    let schemas = all(client).await?;
    output.list(&schemas, |schemas| {
        let names = ["id", "kind", "name", "version", "semanticVersion"];
        let row = |schema: &Value| names.iter().map(|name| text_of(schema, name)).collect();
        let heads = ["ID", "KIND", "NAME", "VERSION", "SEMANTIC"];
        table(output, &heads, &schemas.iter().map(row).collect::<Vec<_>>())
    })
}

/// All schemas, page by page.
async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    let (mut schemas, mut cursor) = (Vec::new(), None);
    loop {
        let query: Vec<(&str, String)> = cursor.map(|cursor| ("cursor", cursor)).into_iter().collect();
        let body = client.get("/api/schemas", &query).await?;
        schemas.extend(body.get("schemas").and_then(Value::as_array).cloned().unwrap_or_default());
        cursor = body.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(schemas);
        }
    }
}

async fn version_of(client: &Client, name: &str, version: Option<u32>) -> Result<Value, Failure> {
    let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
    client.get(&format!("/api/schemas/{}/versions/{version}", segment(name)), &[]).await
}

async fn diff(
    diff: &SchemaDiff,
    client: impl FnOnce() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    let changes = match (&diff.name, diff.files.as_slice()) {
        (None, [from, to]) => {
            let changes = compat::diff(&read_json(from)?, &read_json(to)?);
            changes.iter().map(schemas::change_document).collect()
        }
        (Some(name), []) => {
            let versions = [("from", diff.from), ("to", diff.to)];
            let mut query: Vec<_> =
                versions.into_iter().filter_map(|(name, version)| Some((name, version?.to_string()))).collect();
            query.extend(diff.kind.map(|kind| ("kind", kind.to_string())));
            let body = client()?.get(&format!("/api/schemas/{}/diff", segment(name)), &query).await?;
            body.get("changes").and_then(Value::as_array).cloned().unwrap_or_default()
        }
        _ => {
            return Err(Failure::usage("say which schemas to compare")
                .hint("`schema diff NAME --from 1 --to 2`, or `schema diff --files OLD NEW`"));
        }
    };
    output.list(&changes, schemas::changes_text)
}

async fn register(register: SchemaRegister, client: &Client, output: Output) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("kind".to_owned(), json!(register.kind.to_string()));
    body.insert("name".to_owned(), json!(register.name));
    body.insert("schema".to_owned(), read_json(&register.file)?);
    if let Some(version) = register.schema_version {
        body.insert("version".to_owned(), json!(version));
    }
    if let Some(mode) = register.compatibility {
        body.insert("compatibility".to_owned(), json!(mode));
    }
    if let Some(file) = &register.upcaster {
        body.insert("upcaster".to_owned(), read_json(file)?);
    }
    let answer = registered(client, &Value::Object(body).to_string()).await?;
    let incompatible = answer.status == 409;
    match answer.into_success() {
        Ok(answer) => output.value(&answer.body, |body| {
            format!(
                "{} is registered as version {}, id {}",
                text_of(body, "name"),
                text_of(body, "version"),
                text_of(body, "id")
            )
        }),
        Err(failure) if incompatible => Err(failure.code(4)),
        Err(failure) => Err(failure),
    }
}

/// Asks until an upcaster was tried on everything stored; each time the server goes on where it stopped.
async fn registered(client: &Client, body: &str) -> Result<Answer, Failure> {
    let mut tried = Value::Null;
    loop {
        let request = Request { path: "/api/schemas", query: &[], headers: &[], body: Some(body.to_owned()) };
        let answer = client.send(request).await?;
        let said = answer.body.get("detail").cloned().unwrap_or_default();
        let unfinished = answer.body.get("code").and_then(Value::as_str) == Some("PROOF_UNFINISHED");
        // One that got no further than before is an answer, not a step on the way.
        if !unfinished || said == tried {
            return Ok(answer);
        }
        tracing::info!("{}", said.as_str().unwrap_or_default());
        tried = said;
    }
}

/// Counts the stored events of a type by the version of their schema; the server looks at a part of the log at a time.
async fn usage(name: &str, kind: Option<SchemaKind>, client: &Client, output: Output) -> Result<(), Failure> {
    let (mut counts, mut after) = (BTreeMap::<u64, u64>::new(), 0);
    loop {
        let mut query = vec![("after", after.to_string())];
        query.extend(kind.map(|kind| ("kind", kind.to_string())));
        let body = client.get(&format!("/api/schemas/{}/usage", segment(name)), &query).await?;
        let number = |value: &Value, member: &str| value.get(member).and_then(Value::as_u64).unwrap_or_default();
        for version in body.get("versions").and_then(Value::as_array).into_iter().flatten() {
            *counts.entry(number(version, "version")).or_default() += number(version, "events");
        }
        if body.get("complete").and_then(Value::as_bool) != Some(false) || number(&body, "reached") <= after {
            break;
        }
        after = number(&body, "reached");
    }
    let rows: Vec<Value> =
        counts.iter().map(|(version, events)| json!({ "name": name, "version": version, "events": events })).collect();
    output.list(&rows, |rows| {
        let row = |row: &Value| vec![text_of(row, "version"), text_of(row, "events")];
        table(output, &["VERSION", "EVENTS"], &rows.iter().map(row).collect::<Vec<_>>())
    })
}

fn check(check: &SchemaCheck, declared: &Declared, output: Output) -> Result<(), Failure> {
    let directory = &check.directory;
    let (files, lock) = (SchemaFiles::read(directory)?, Lock::read(directory)?);
    let checked = schemas::check(&files, &lock, declared);
    if checked.versions == 0 && checked.findings.is_empty() {
        return Err(Failure::usage(format_args!("there are no schemas in {}", directory.display()))
            .hint("`schema generate` writes those of the application"));
    }
    let findings: Vec<Value> = checked.findings.iter().map(schemas::finding_document).collect();
    let said = output.list(&findings, |_| match checked.findings.is_empty() {
        true => format!("{} version(s) of {} schema(s) are as they should be", checked.versions, files.subjects.len()),
        false => schemas::findings_text(&checked.findings, output),
    });
    said?;
    let incompatible = checked.findings.iter().filter(|finding| finding.incompatible).count();
    match (checked.findings.len(), incompatible) {
        (0, _) if check.lock => write(&directory.join(Lock::FILE), &Lock::of(&files).text()),
        (0, _) => Ok(()),
        (found, 0) => Err(Failure::refused(format_args!("{found} finding(s)"))),
        (found, _) => {
            Err(Failure::with_code(4, format_args!("{found} finding(s), {incompatible} of them incompatible")))
        }
    }
}

fn generate(generate: &SchemaGenerate, application: &str, declared: &Declared, output: Output) -> Result<(), Failure> {
    let directory = &generate.directory;
    let files = SchemaFiles::read(directory)?;
    let mut written = Vec::new();
    for code in &declared.schemas {
        let newest = files.newest(&code.subject);
        let digest = schemas::digest_of(&code.subject.name, &code.schema).map_err(Failure::usage)?;
        if newest.is_some_and(|(_, file)| file.digest == digest) {
            continue;
        }
        let next = newest.map_or(1, |(version, _)| version.saturating_add(1));
        let place = SchemaFiles::place(directory, &code.subject, code.version.unwrap_or(next));
        if place.exists() {
            return Err(Failure::refused(format_args!("{} is another schema than the code declares", place.display()))
                .hint("say which version it has become with `#[schema_version(N)]`, or with an upcaster"));
        }
        write(&place, &format!("{:#}\n", code.schema))?;
        written.push(place);
    }
    let documents = [
        ("asyncapi.json", format!("{:#}\n", schemas::asyncapi(application, declared))),
        ("schemas.ts", schemas::typescript(application, declared)),
    ];
    for (name, text) in documents {
        let place = directory.join(name);
        if fs::read_to_string(&place).ok().as_ref() != Some(&text) {
            write(&place, &text)?;
            written.push(place);
        }
    }
    let rows: Vec<Value> = written.iter().map(|path| json!({ "file": path.display().to_string() })).collect();
    output.list(&rows, |rows| match rows.is_empty() {
        true => "nothing has changed".to_owned(),
        false => rows.iter().map(|row| format!("wrote {}", text_of(row, "file"))).collect::<Vec<_>>().join("\n"),
    })
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::usage(format_args!("{}: {error}", path.display()));
    let text = fs::read(path).map_err(|error| refused(&error))?;
    let json = nexus_core::Json::parse(text).map_err(|error| refused(&error))?;
    json.to_value().map_err(|error| refused(&error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let refused = |error: std::io::Error| Failure::usage(format_args!("{} cannot be written: {error}", path.display()));
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(refused)?;
    }
    fs::write(path, text).map_err(refused)
}

/// A kind of schema as an argument.
pub(crate) fn kind(text: &str) -> Result<SchemaKind, String> {
    match text {
        "event" => Ok(SchemaKind::Event),
        "command" => Ok(SchemaKind::Command),
        _ => Err("it is `event` or `command`".to_owned()),
    }
}
