//! Values of a bundle by path, as OPA's data API has them.

use nexus_core::{Json, ports::PolicyProblem};
use regorus::{Engine, Value};

use crate::document;

/// The value at a path of names with slashes between; the empty path is all of `data`.
pub(crate) fn value_at(engine: &mut Engine, path: &str, input: Option<&Json>) -> Result<Option<Json>, PolicyProblem> {
    let input = input.map_or_else(|| Ok(Value::new_object()), document::value);
    engine.set_input(input.map_err(|error| PolicyProblem::new(format!("the input is not JSON: {error}")))?);
    let query = query(path)?;
    let results = engine.eval_query(query, false).map_err(|error| {
        let text = error.to_string();
        let (_, reason) = text.split_once("error: ").unwrap_or(("", &text));
        PolicyProblem::new(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    let value = results.result.into_iter().next().and_then(|result| result.expressions.into_iter().next());
    match value.map(|expression| expression.value) {
        None | Some(Value::Undefined) => Ok(None),
        Some(value) => {
            let json = Json::from_serialize(&value);
            json.map(Some).map_err(|error| PolicyProblem::new(format!("the value is not JSON: {error}")))
        }
    }
}

/// The reference that leads down a path.
fn query(path: &str) -> Result<String, PolicyProblem> {
    let mut query = "data".to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | ' '));
        if !plain {
            return Err(PolicyProblem::new(format!("`{name}` is not a name in a path of data")));
        }
        query.push_str(&format!("[\"{name}\"]"));
    }
    Ok(query)
}
