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

pub(crate) async fn run(verb: SchemaVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        SchemaVerb::List => {
            let schemas = all(client).await?;
            output.list(&schemas, |schemas| {
                let names = ["id", "kind", "name", "version", "semanticVersion"];
                let row = |schema: &Value| names.iter().map(|name| text_of(schema, name)).collect();
                table(
                    output,
                    &["ID", "KIND", "NAME", "VERSION", "SEMANTIC"],
                    &schemas.iter().map(row).collect::<Vec<_>>(),
                )
            })
        }
        SchemaVerb::Show { name, version } => {
            let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
            let body = client.get(&format!("/api/schemas/{}/versions/{version}", segment(&name)), &[]).await?;
            output.value(&body, |body| format!("{:#}", body.get("schema").unwrap_or(body)))
        }
    }
}
