//! The verdict of [`compat`](crate::compat) in the words of the port.

use nexus_core::ports::{CompatibilityMode, CompatibilityReport};
use serde_json::Value;

use crate::compat;

/// Judges a schema against earlier ones, ascending by version; all of them self-contained.
pub(crate) fn judge(new: &Value, old: &[(u32, &Value)], mode: CompatibilityMode) -> CompatibilityReport {
    let report = compat::judge(new, old, mode);
    let counted = if mode.is_transitive() { old } else { old.last().map(std::slice::from_ref).unwrap_or_default() };
    let counted = if mode == CompatibilityMode::None { &[] } else { counted };
    CompatibilityReport {
        compatible: report.compatible,
        mode,
        required_bump: report.required_bump,
        against: counted.iter().map(|(version, _)| *version).collect(),
        breaches: report.breaches,
    }
}
