use serde_json::Value;

use crate::{
    Client, Failure,
    cli::{
        Output,
        args::ProjectionVerb,
        output::{table, text_of},
    },
    client::segment,
};

pub(crate) async fn run(verb: ProjectionVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        ProjectionVerb::List => {
            let body = client.get("/api/projections", &[]).await?;
            let projections = body.get("projections").and_then(Value::as_array).cloned().unwrap_or_default();
            output.list(&projections, |projections| {
                let names = ["name", "state", "checkpoint", "head", "lagEvents", "lagSeconds"];
                let row = |projection: &Value| names.iter().map(|name| text_of(projection, name)).collect();
                let heads = ["NAME", "STATE", "CHECKPOINT", "HEAD", "LAG EVENTS", "LAG SECONDS"];
                table(output, &heads, &projections.iter().map(row).collect::<Vec<_>>())
            })
        }
        ProjectionVerb::Status { name } => {
            let body = client.get(&format!("/api/projections/{}", segment(&name)), &[]).await?;
            output.value(&body, |body| format!("{body:#}"))
        }
    }
}
