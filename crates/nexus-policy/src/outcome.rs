//! What the answer of a bundle means.

use nexus_core::ports::{Denial, PolicyValue, VerdictOutcome, outcome_of};
use regorus::Value;

/// The package that is asked.
const PACKAGE: &str = "data.nexus";

/// Judges `{"allow": [value?], "deny": [value?]}`; an empty list says that the rule is undefined.
pub(crate) fn read(decision: &Value) -> VerdictOutcome {
    match (entry(decision, "allow"), entry(decision, "deny")) {
        (Ok(allow), Ok(deny)) => match outcome_of(PACKAGE, allow, deny) {
            VerdictOutcome::Deny(denials) => VerdictOutcome::Deny(in_order(denials)),
            outcome => outcome,
        },
        (Err(reason), _) | (_, Err(reason)) => VerdictOutcome::Failed { reason },
    }
}

/// What two sections of a bundle say together: any denial refuses, any allow is enough.
pub(crate) fn join(one: VerdictOutcome, other: VerdictOutcome) -> VerdictOutcome {
    use VerdictOutcome::{Allow, Deny, Failed, Undefined};
    match (one, other) {
        (failed @ Failed { .. }, _) | (_, failed @ Failed { .. }) => failed,
        (Deny(one), Deny(other)) => Deny(in_order(one.into_iter().chain(other).collect())),
        (deny @ Deny(_), _) | (_, deny @ Deny(_)) => deny,
        (Allow, _) | (_, Allow) => Allow,
        (Undefined, Undefined) => Undefined,
    }
}

/// Every denial once, in an order that does not depend on which module it comes from.
fn in_order(mut denials: Vec<Denial>) -> Vec<Denial> {
    let key = |denial: &Denial| (denial.id.clone(), denial.message.clone(), denial.remediation.clone());
    denials.sort_by_cached_key(key);
    denials.dedup();
    denials
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
        Some(self.0.as_set().ok()?.iter().map(Rego).collect())
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
