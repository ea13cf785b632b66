//! What changed between two versions.

use serde_json::Value;

use super::report::Change;

/// Every difference between two versions that is not merely one of writing, in the order of the newer document.
#[must_use]
pub fn diff(from: &Value, to: &Value) -> Vec<Change> {
    let _ = (from, to);
    Vec::new()
}
