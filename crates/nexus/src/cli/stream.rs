use serde_json::Value;

use crate::{
    Client, Failure,
    cli::{
        Output,
        args::StreamVerb,
        event, exchange,
        output::{table, text_of},
    },
    client::segment,
};

pub(crate) async fn run(verb: StreamVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        StreamVerb::List { prefix, aggregate_type, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(Some(("prefix", prefix)).filter(|(_, prefix)| !prefix.is_empty()));
            query.extend(aggregate_type.map(|wanted| ("type", wanted)));
            let body = client.get("/api/streams", &query).await?;
            let streams = body.get("streams").and_then(Value::as_array).cloned().unwrap_or_default();
            output.list(&streams, |streams| {
                let names = ["aggregateId", "aggregateType", "version", "lastEventAt"];
                let row = |stream: &Value| names.iter().map(|name| text_of(stream, name)).collect();
                table(
                    output,
                    &["STREAM", "TYPE", "VERSION", "LAST EVENT"],
                    &streams.iter().map(row).collect::<Vec<_>>(),
                )
            })
        }
        StreamVerb::Events { id, from, to, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(from.map(|version| ("from", version.to_string())));
            query.extend(to.map(|version| ("to", version.to_string())));
            let body = client.get(&format!("/api/streams/{}/events", segment(&id)), &query).await?;
            let events = body.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
            output.list(&events, |events| {
                events.iter().map(|recorded| event::line(recorded, output)).collect::<Vec<_>>().join("\n")
            })
        }
        StreamVerb::Export(export) => exchange::export(export, client, output).await,
        StreamVerb::Import(import) => exchange::import(import, client, output).await,
    }
}
