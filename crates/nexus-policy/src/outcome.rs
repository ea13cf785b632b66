//! What the answer of a bundle means.

use nexus_core::ports::{Denial, Severity, VerdictOutcome};
use regorus::Value;

/// Judges `{"allow": [value?], "deny": [value?]}`; an empty list says that the rule is undefined.
pub(crate) fn read(decision: &Value) -> VerdictOutcome {
    let denials = match entry(decision, "deny").map(|deny| deny.map(denials)) {
        Ok(None) => Vec::new(),
        Ok(Some(Ok(denials))) => denials,
        Ok(Some(Err(reason))) | Err(reason) => return VerdictOutcome::Failed { reason },
    };
    let refusing: Vec<Denial> = denials.into_iter().filter(|denial| denial.severity == Severity::Error).collect();
    if !refusing.is_empty() {
        return VerdictOutcome::Deny(in_order(refusing));
    }
    match entry(decision, "allow") {
        Ok(Some(Value::Bool(true))) => VerdictOutcome::Allow,
        Ok(Some(Value::Bool(false)) | None) => VerdictOutcome::Undefined,
        Ok(Some(other)) => {
            VerdictOutcome::Failed { reason: format!("`data.nexus.allow` is not a boolean but {}", shown(other)) }
        }
        Err(reason) => VerdictOutcome::Failed { reason },
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
fn entry<'a>(decision: &'a Value, name: &str) -> Result<Option<&'a Value>, String> {
    let values = decision
        .as_object()
        .ok()
        .and_then(|members| members.get(&Value::from(name)))
        .and_then(|values| values.as_array().ok());
    // Never seen: the shape is that of the engine's own rule. It refuses all the same.
    let values = values.ok_or_else(|| format!("the evaluation gave no `{name}`"))?;
    Ok(values.first())
}

fn denials(deny: &Value) -> Result<Vec<Denial>, String> {
    let Ok(members) = deny.as_set() else {
        return Err(format!("`data.nexus.deny` is not a set but {}; write `deny contains …`", shown(deny)));
    };
    members.iter().map(denial).collect()
}

/// One member of the set: an object, or a text that is the message.
fn denial(member: &Value) -> Result<Denial, String> {
    let text = |name: &str| {
        let value = member.as_object().ok()?.get(&Value::from(name))?;
        value.as_string().ok().map(ToString::to_string)
    };
    if !matches!(member, Value::Object(_) | Value::String(_)) {
        return Err(format!("`data.nexus.deny` contains {}, which is neither an object nor a text", shown(member)));
    }
    let message = member.as_string().ok().map(ToString::to_string);
    let severity = match text("severity").as_deref() {
        Some("warning") => Severity::Warning,
        _ => Severity::Error,
    };
    Ok(Denial {
        id: text("id").unwrap_or_else(|| "policy.unnamed".to_owned()),
        message: message.or_else(|| text("message")).unwrap_or_else(|| "a policy rule refuses this request".to_owned()),
        remediation: text("remediation")
            .unwrap_or_else(|| "ask the owner of the policy what would be accepted".to_owned()),
        severity,
    })
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("`{cut}…`") } else { format!("`{text}`") }
}
