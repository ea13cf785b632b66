use serde::Serialize;

use super::RULES;
use crate::Level;

/// What a rule needs to say all that it can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// The files of the repository.
    Files,
    /// Also an earlier state to compare with.
    Base,
    /// The digest of the policy bundle that is in force at run time.
    BundleDigest,
}

/// A rule of the gate, told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleDescription {
    /// Its name, for ever: `NX-ARCH-001`.
    pub id: &'static str,
    /// What must hold, in one sentence without a full stop.
    pub title: &'static str,
    /// Why it must hold.
    pub why: &'static str,
    /// What mends a finding.
    pub mend: &'static str,
    /// How much a finding matters unless the rule says otherwise about one.
    pub level: Level,
    /// What it needs.
    pub needs: Needs,
    /// What it is about.
    pub tags: &'static [&'static str],
    /// For rules about security, how severe a finding is, from 0.0 to 10.0 as code scanning counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_severity: Option<&'static str>,
    /// Its page in Markdown, with an example and how to mend it.
    #[serde(skip)]
    pub page: &'static str,
}

impl RuleDescription {
    /// Where its page is on the web.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://github.com/nexus-events/nexus/blob/main/docs/rules/{}.md", self.id)
    }
}

/// The rule of this id, however it is written.
///
/// # Errors
/// The nearest id there is, when the text is not one.
pub fn rule(id: &str) -> Result<&'static RuleDescription, &'static str> {
    let wanted = id.trim().to_ascii_uppercase();
    let distance = |rule: &&RuleDescription| strsim::damerau_levenshtein(rule.id, &wanted);
    match RULES.iter().find(|rule| rule.id == wanted) {
        Some(rule) => Ok(rule),
        None => Err(RULES.iter().min_by_key(distance).map_or("", |rule| rule.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_however_it_is_written() {
        assert_eq!(rule(" nx-evt-001 ").map(|rule| rule.id), Ok("NX-EVT-001"));
    }

    #[test]
    fn an_unknown_rule_is_answered_with_the_nearest() {
        assert_eq!(rule("NX-EVT-01").map(|rule| rule.id), Err("NX-EVT-001"));
        assert_eq!(rule("NX-SHC-003").map(|rule| rule.id), Err("NX-SCH-003"));
    }
}
