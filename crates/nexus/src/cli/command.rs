use std::io::Read as _;

use serde_json::{Map, Value, json};

use crate::{
    Client, Failure,
    cli::{
        Format, Output,
        args::{CommandSend, CommandVerb},
        output::{table, text_of},
    },
    client::{Request, segment},
};

pub(crate) async fn run(verb: CommandVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        CommandVerb::Send(send) => self::send(send, client, output).await,
        CommandVerb::List => list(client, output).await,
        CommandVerb::Describe { command_type, example } => describe(&command_type, example, client, output).await,
    }
}

async fn send(send: CommandSend, client: &Client, output: Output) -> Result<(), Failure> {
    let payload = read_data(&send.data)?;
    let mut envelope = Map::from_iter([("payload".to_owned(), payload)]);
    if let Some(id) = &send.id {
        envelope.insert("aggregateId".to_owned(), json!(id));
    }
    if let Some(expect) = &send.expect {
        let expected = expect.parse::<u64>().map_or_else(|_| json!(expect), |number| json!(number));
        envelope.insert("expectedVersion".to_owned(), expected);
    }
    let query = if send.dry_run { vec![("dryRun", "true".to_owned())] } else { Vec::new() };
    let headers: Vec<_> = send.idempotency_key.into_iter().map(|key| ("idempotency-key", key)).collect();
    let request = Request {
        path: &format!("/api/commands/{}", segment(&send.command_type)),
        query: &query,
        headers: &headers,
        body: Some(Value::Object(envelope).to_string()),
    };
    let answer = client.send(request).await?.into_success()?;
    output.value(&answer.body, |body| if send.dry_run { describe_dry_run(body) } else { describe_answer(body) })
}

fn describe_answer(body: &Value) -> String {
    let ids = body.get("eventIds").and_then(Value::as_array).map_or(0, Vec::len);
    let (id, version, position) = (text_of(body, "aggregateId"), text_of(body, "version"), text_of(body, "position"));
    format!("{id} is at version {version}: {ids} event(s) stored, log position {position}")
}

fn describe_dry_run(body: &Value) -> String {
    let events = body.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let described = events.iter().map(|event| {
        let payload = event.get("payload").unwrap_or(&Value::Null);
        format!("  {} {payload}", text_of(event, "eventType"))
    });
    let head = format!("nothing was stored; {} event(s) would be:", events.len());
    std::iter::once(head).chain(described).collect::<Vec<_>>().join("\n")
}

/// The JSON of `--data`: text, `@FILE` or `-`.
fn read_data(data: &str) -> Result<Value, Failure> {
    let (text, place) = match data.strip_prefix('@') {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            (text.map_err(|error| Failure::usage(format_args!("{path} cannot be read: {error}")))?, path)
        }
        None if data == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format_args!("standard input cannot be read: {error}")))?;
            (text, "standard input")
        }
        None => (data.to_owned(), "--data"),
    };
    let refused = |error: &dyn std::fmt::Display| {
        Failure::usage(format_args!("{place} is not JSON: {error}"))
            .hint("`command describe TYPE --example` prints a payload to start from")
    };
    let document = nexus_core::Json::parse(text).map_err(|error| refused(&error))?;
    document.to_value().map_err(|error| refused(&error))
}

async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    let body = client.get("/api/commands", &[]).await?;
    let commands = body.get("commands").and_then(Value::as_array).cloned().unwrap_or_default();
    output.list(&commands, |commands| {
        let row = |command: &Value| vec![text_of(command, "commandType"), text_of(command, "aggregateType")];
        table(output, &["COMMAND", "AGGREGATE"], &commands.iter().map(row).collect::<Vec<_>>())
    })
}

async fn describe(command_type: &str, example: bool, client: &Client, output: Output) -> Result<(), Failure> {
    let body = client.get(&format!("/api/commands/{}", segment(command_type)), &[]).await?;
    let member = if example { "example" } else { "schema" };
    match (output.format(), example) {
        (Format::Text, _) | (_, true) => {
            let part = body.get(member).unwrap_or(&Value::Null);
            output.value(part, |part| format!("{part:#}"))
        }
        _ => output.value(&body, Value::to_string),
    }
}
