//! What the answer of a bundle means.

use nexus_core::ports::{PolicyValue, VerdictOutcome, outcome_of};
use regorus::Value;

/// The package that is asked.
const PACKAGE: &str = "data.nexus";

/// Judges `{"allow": [value?], "deny": [value?]}`; an empty list says that the rule is undefined.
pub(crate) fn read(decision: &Value) -> VerdictOutcome {
    match (entry(decision, "allow"), entry(decision, "deny")) {
        (Ok(allow), Ok(deny)) => outcome_of(PACKAGE, allow, deny),
        (Err(reason), _) | (_, Err(reason)) => VerdictOutcome::Failed { reason },
    }
}

/// The value of one entry point, if it is defined.
fn entry<'a>(decision: &'a Value, name: &str) -> Result<Option<Rego<'a>>, String> {
    let values = decision
        .as_object()
        .ok()
        .and_then(|members| members.get(&Value::from(name)))
        .and_then(|values| values.as_array().ok());
    // Never seen: the shape is that of the engine's own rule. It refuses all the same.
    let values = values.ok_or_else(|| format!("the evaluation gave no `{name}`"))?;
    Ok(values.first().map(Rego))
}

/// A value as the engine has it.
#[derive(Clone, Copy)]
struct Rego<'a>(&'a Value);

impl PolicyValue for Rego<'_> {
    fn boolean(self) -> Option<bool> {
        self.0.as_bool().ok().copied()
    }

    fn text(self) -> Option<String> {
        self.0.as_string().ok().map(ToString::to_string)
    }

    fn members(self) -> Option<Vec<Self>> {
        Some(self.0.as_set().ok()?.iter_sorted().map(Rego).collect())
    }

    fn is_object(self) -> bool {
        matches!(self.0, Value::Object(_))
    }

    fn member(self, name: &str) -> Option<Self> {
        self.0.as_object().ok()?.get(&Value::from(name)).map(Rego)
    }

    fn shown(self) -> String {
        self.0.to_string()
    }
}
