use serde_json::Value;

use crate::ports::{Denial, Severity, VerdictOutcome};

/// A value of a policy, in whichever form its engine has it.
pub trait PolicyValue: Copy {
    /// The truth value it is.
    fn boolean(self) -> Option<bool>;

    /// The text it is.
    fn text(self) -> Option<String>;

    /// The members of the set it is, in a fixed order.
    fn members(self) -> Option<Vec<Self>>;

    /// Whether it is an object.
    fn is_object(self) -> bool;

    /// A member of the object it is.
    fn member(self, name: &str) -> Option<Self>;

    /// What it looks like.
    fn shown(self) -> String;
}

/// JSON has no sets: they are written as arrays.
impl PolicyValue for &Value {
    fn boolean(self) -> Option<bool> {
        self.as_bool()
    }

    fn text(self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    fn members(self) -> Option<Vec<Self>> {
        self.as_array().map(|members| members.iter().collect())
    }

    fn is_object(self) -> bool {
        Value::is_object(self)
    }

    fn member(self, name: &str) -> Option<Self> {
        self.get(name)
    }

    fn shown(self) -> String {
        self.to_string()
    }
}

/// What `allow` and `deny` of a package say together; `None` for a rule that is undefined. Only an explicit `true`
/// without a denial allows.
pub fn outcome_of<V: PolicyValue>(package: &str, allow: Option<V>, deny: Option<V>) -> VerdictOutcome {
    let denials = match deny.map(|deny| denials(package, deny)) {
        None => Vec::new(),
        Some(Ok(denials)) => denials,
        Some(Err(reason)) => return VerdictOutcome::Failed { reason },
    };
    let refusing: Vec<Denial> = denials.into_iter().filter(|denial| denial.severity == Severity::Error).collect();
    if !refusing.is_empty() {
        return VerdictOutcome::Deny(refusing);
    }
    match allow.map(|allow| (allow.boolean(), allow)) {
        Some((Some(true), _)) => VerdictOutcome::Allow,
        Some((Some(false), _)) | None => VerdictOutcome::Undefined,
        Some((None, other)) => {
            VerdictOutcome::Failed { reason: format!("`{package}.allow` is not a boolean but {}", shown(other)) }
        }
    }
}

/// What a whole package says that was answered as a JSON document; `None` where it is undefined.
#[must_use]
pub fn outcome_of_package(package: &str, answer: Option<&Value>) -> VerdictOutcome {
    match answer {
        None => VerdictOutcome::Undefined,
        Some(Value::Object(rules)) => outcome_of(package, rules.get("allow"), rules.get("deny")),
        Some(other) => {
            VerdictOutcome::Failed { reason: format!("`{package}` is no package with rules but {}", shown(other)) }
        }
    }
}

fn denials<V: PolicyValue>(package: &str, deny: V) -> Result<Vec<Denial>, String> {
    let members = deny
        .members()
        .ok_or_else(|| format!("`{package}.deny` is not a set but {}; write `deny contains …`", shown(deny)))?;
    members.into_iter().map(|member| denial(package, member)).collect()
}

/// One member of the set: an object, or a text that is the message.
fn denial<V: PolicyValue>(package: &str, member: V) -> Result<Denial, String> {
    let message = member.text();
    if message.is_none() && !member.is_object() {
        let shown = shown(member);
        return Err(format!("`{package}.deny` contains {shown}, which is neither an object nor a text"));
    }
    let text = |name: &str| member.member(name).and_then(PolicyValue::text);
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

fn shown(value: impl PolicyValue) -> String {
    let text = value.shown();
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("`{cut}…`") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(answer: &Value) -> VerdictOutcome {
        outcome_of_package("data.rules", Some(answer))
    }

    fn reason(answer: &Value) -> String {
        match outcome(answer) {
            VerdictOutcome::Failed { reason } => reason,
            other => panic!("{answer} gives {other:?}"),
        }
    }

    #[test]
    fn only_an_explicit_true_without_a_denial_allows() {
        assert_eq!(outcome(&json!({ "allow": true, "deny": [] })), VerdictOutcome::Allow);
        assert_eq!(outcome(&json!({ "allow": true })), VerdictOutcome::Allow);
        for undefined in [json!({}), json!({ "allow": false }), json!({ "deny": [] })] {
            assert_eq!(outcome(&undefined), VerdictOutcome::Undefined, "{undefined}");
        }
        assert_eq!(outcome_of_package("data.rules", None), VerdictOutcome::Undefined);
        for wrong in [json!("true"), json!(1), json!([true]), json!(null), json!({ "yes": true })] {
            assert!(reason(&json!({ "allow": wrong })).starts_with("`data.rules.allow` is not a boolean but"));
        }
        for wrong in [json!(true), json!([]), json!(null), json!("allow")] {
            assert!(reason(&wrong).starts_with("`data.rules` is no package"), "{wrong}");
        }
    }

    #[test]
    fn denials_are_objects_or_texts_and_warnings_refuse_nothing() {
        let told =
            outcome(&json!({ "allow": true, "deny": ["no", { "id": "a", "severity": "warning" }, { "id": "b" }] }));
        let VerdictOutcome::Deny(denials) = told else { panic!("{told:?}") };
        let told: Vec<_> = denials.iter().map(|denial| (denial.id.as_str(), denial.message.as_str())).collect();
        assert_eq!(told, [("policy.unnamed", "no"), ("b", "a policy rule refuses this request")]);
        let warned = json!({ "allow": true, "deny": [{ "id": "a", "severity": "warning" }] });
        assert_eq!(outcome(&warned), VerdictOutcome::Allow);
        for wrong in [json!({}), json!("no"), json!(true), json!({ "id": "a" })] {
            assert!(reason(&json!({ "allow": true, "deny": wrong })).contains("is not a set"), "{wrong}");
        }
        assert!(reason(&json!({ "allow": true, "deny": [7] })).contains("contains `7`"));
        assert!(reason(&json!({ "allow": "é".repeat(500) })).ends_with("…`"));
    }
}
