use serde_json::Value;

use crate::{
    Client, Failure,
    cli::{
        Format, Output,
        args::{QueryList, QueryVerb},
        output::{table, text_of},
    },
    client::segment,
};

pub(crate) async fn run(verb: QueryVerb, client: &Client, output: Output) -> Result<(), Failure> {
    match verb {
        QueryVerb::List(list) => self::list(list, client, output).await,
        QueryVerb::Get { resource, id } => {
            let path = format!("/api/queries/{}/{}", segment(&resource), segment(&id));
            output.value(&client.get(&path, &[]).await?, |row| format!("{row:#}"))
        }
    }
}

async fn list(list: QueryList, client: &Client, output: Output) -> Result<(), Failure> {
    let mut filters = Vec::new();
    for filter in &list.filter {
        filters.push(parse_filter(filter)?);
    }
    let mut query: Vec<(&str, String)> = filters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    query.push(("limit", list.limit.to_string()));
    query.extend(list.sort.map(|sort| ("sort", sort)));
    query.extend(list.cursor.map(|cursor| ("cursor", cursor)));
    query.extend(list.consistent_with.map(|position| ("consistentWith", position.to_string())));
    let body = client.get(&format!("/api/queries/{}", segment(&list.resource)), &query).await?;
    if output.format() == Format::Json {
        return output.value(&body, Value::to_string);
    }
    let items = body.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    output.list(&items, |items| rows(items, output))?;
    if output.format() == Format::Text {
        let more = body.get("nextToken").and_then(Value::as_str);
        let more = more.map(|cursor| format!("; go on with --cursor {cursor}")).unwrap_or_default();
        output.talk(&output.dim(&format!("{} of {}{more}", items.len(), text_of(&body, "total"))));
    }
    Ok(())
}

/// `field=value` or `field[op]=value` as a query parameter.
fn parse_filter(filter: &str) -> Result<(String, String), Failure> {
    let wrong = || {
        Failure::usage(format_args!("`{filter}` is not a condition"))
            .hint("write FIELD=VALUE or FIELD[gte]=VALUE (gte, lte, in, prefix)")
    };
    let (name, value) = filter.split_once('=').ok_or_else(wrong)?;
    let name = match name.split_once('[') {
        Some((field, op)) => format!("filter[{field}][{op}"),
        None if name.is_empty() => return Err(wrong()),
        None => format!("filter[{name}]"),
    };
    Ok((name, value.to_owned()))
}

fn rows(items: &[Value], output: Output) -> String {
    let Some(fields) = items.first().and_then(Value::as_object) else {
        return "no rows".to_owned();
    };
    let heads: Vec<&str> = fields.keys().map(String::as_str).collect();
    let cells: Vec<Vec<String>> =
        items.iter().map(|item| heads.iter().map(|head| text_of(item, head)).collect()).collect();
    table(output, &heads, &cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_become_query_parameters() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(parse_filter("country=France").unwrap(), pair("filter[country]", "France"));
        assert_eq!(parse_filter("totalMinor[gte]=5").unwrap(), pair("filter[totalMinor][gte]", "5"));
        assert_eq!(parse_filter("note=a=b").unwrap(), pair("filter[note]", "a=b"));
        assert!(parse_filter("country").is_err());
        assert!(parse_filter("=x").is_err());
    }
}
