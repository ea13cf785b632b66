//! What the server says.

use std::collections::BTreeMap;

use nexus_core::{
    Json,
    ports::{PolicyModule, VerdictOutcome, outcome_of_package},
};
use serde::Deserialize;
use serde_json::Value;

/// Most bundles whose revisions are told in one answer, and the longest name or revision in bytes.
const MAX_BUNDLES: usize = 64;
const MAX_TEXT: usize = 256;
/// Most modules of a server.
const MAX_MODULES: usize = 1000;

/// A decision, and the revisions it was made under.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: VerdictOutcome,
    pub(crate) revisions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Document {
    result: Option<Value>,
    provenance: Option<Provenance>,
}

#[derive(Deserialize)]
struct Provenance {
    /// Of a server with a single bundle without a name.
    revision: Option<String>,
    bundles: Option<BTreeMap<String, Bundle>>,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    revision: String,
}

/// What the revision of a bundle without a name is told under.
const UNNAMED: &str = "*";

/// Reads a decision.
///
/// # Errors
/// Why it cannot be understood.
pub(crate) fn decision(path: &str, bytes: Vec<u8>) -> Result<Answer, String> {
    let document: Document = strict(bytes)?;
    let mut revisions = BTreeMap::new();
    if let Some(Provenance { revision, bundles }) = document.provenance {
        revisions.extend(revision.map(|revision| (UNNAMED.to_owned(), revision)));
        revisions.extend(bundles.into_iter().flatten().map(|(name, bundle)| (name, bundle.revision)));
    }
    let long = revisions.iter().any(|(name, revision)| name.len().max(revision.len()) > MAX_TEXT);
    if long || revisions.len() > MAX_BUNDLES {
        return Err(format!(
            "its provenance names more than {MAX_BUNDLES} bundles, or one with more than {MAX_TEXT} bytes"
        ));
    }
    let package = format!("data.{}", path.replace('/', "."));
    Ok(Answer { outcome: outcome_of_package(&package, document.result.as_ref()), revisions })
}

#[derive(Deserialize)]
struct Modules {
    result: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    id: String,
    raw: String,
}

/// Reads the modules of a server, in the order of their names.
///
/// # Errors
/// Why they cannot be understood.
pub(crate) fn modules(bytes: Vec<u8>) -> Result<Vec<PolicyModule>, String> {
    let Modules { result } = strict(bytes)?;
    if result.len() > MAX_MODULES {
        return Err(format!("it has more than {MAX_MODULES} modules"));
    }
    let mut modules: Vec<_> =
        result.into_iter().map(|module| PolicyModule { name: module.id, source: module.raw }).collect();
    modules.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(modules)
}

/// Two readers must not understand a document differently, so it is read as strictly as what clients send.
fn strict<T: for<'de> Deserialize<'de>>(bytes: Vec<u8>) -> Result<T, String> {
    let json = Json::parse(bytes).map_err(|error| format!("its answer is not JSON: {error}"))?;
    json.to().map_err(|error| format!("its answer is not in OPA's form: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, String> {
        decision("shop/orders", text.as_bytes().to_vec())
    }

    #[test]
    fn decisions_are_read_with_what_they_were_made_under() {
        let answer = read(
            r#"{"decision_id": "x", "result": {"allow": true, "deny": [], "other": 1},
                "provenance": {"version": "1.0", "bundles": {"b": {"revision": "r2"}, "a": {}}}}"#,
        );
        let answer = answer.unwrap();
        assert_eq!(answer.outcome, VerdictOutcome::Allow);
        let told: Vec<_> = answer.revisions.iter().map(|(name, at)| (name.as_str(), at.as_str())).collect();
        assert_eq!(told, [("a", ""), ("b", "r2")]);
        let old = read(r#"{"result": {"allow": true}, "provenance": {"revision": "r1"}}"#).unwrap();
        assert_eq!(old.revisions["*"], "r1");
        assert_eq!(read("{}").unwrap(), Answer { outcome: VerdictOutcome::Undefined, revisions: BTreeMap::new() });
        let wrong = read(r#"{"result": {"allow": "yes"}}"#).unwrap().outcome;
        assert!(matches!(wrong, VerdictOutcome::Failed { reason } if reason.contains("data.shop.orders.allow")));
    }

    #[test]
    fn what_is_not_in_the_form_of_opa_is_refused() {
        let many: Vec<String> = (0..65).map(|number| format!("\"b{number}\": {{}}")).collect();
        for (text, told) in [
            ("", "not JSON"),
            ("<html>", "not JSON"),
            (r#"{"result": {"allow": false, "allow": true}}"#, "not JSON"),
            ("[]", "OPA's form"),
            (r#"{"result": {"allow": true}, "provenance": []}"#, "OPA's form"),
            (r#"{"result": {"allow": true}, "provenance": {"bundles": {"a": {"revision": 1}}}}"#, "OPA's form"),
            (&format!(r#"{{"provenance": {{"bundles": {{{}}}}}}}"#, many.join(",")), "more than 64"),
            (&format!(r#"{{"provenance": {{"revision": "{}"}}}}"#, "r".repeat(300)), "256 bytes"),
        ] {
            let reason = read(text).unwrap_err();
            assert!(reason.contains(told), "{text}: {reason}");
        }
        assert!(modules(br#"{"result": [{"id": "a"}]}"#.to_vec()).is_err());
        let read =
            modules(br#"{"result": [{"id": "b", "raw": "package b", "ast": {}}, {"id": "a", "raw": ""}]}"#.to_vec());
        assert_eq!(read.unwrap().iter().map(|module| module.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
