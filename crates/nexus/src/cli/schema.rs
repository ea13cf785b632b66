use serde_json::Value;

use crate::{
    Client, Failure,
    cli::{
        Output,
        args::SchemaVerb,
        output::{table, text_of},
    },
    client::segment,
};

pub(crate) async fn run(verb: SchemaVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        SchemaVerb::List => {
            let body = client.get("/api/schemas", &[]).await?;
            let schemas = body.get("schemas").and_then(Value::as_array).cloned().unwrap_or_default();
            output.list(&schemas, |schemas| {
                let names = ["id", "kind", "name", "version"];
                let row = |schema: &Value| names.iter().map(|name| text_of(schema, name)).collect();
                table(output, &["ID", "KIND", "NAME", "VERSION"], &schemas.iter().map(row).collect::<Vec<_>>())
            })
        }
        SchemaVerb::Show { name, version } => {
            let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
            let body = client.get(&format!("/api/schemas/{}/versions/{version}", segment(&name)), &[]).await?;
            output.value(&body, |body| format!("{:#}", body.get("schema").unwrap_or(body)))
        }
    }
}
