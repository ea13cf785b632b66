//! The verdict of [`compat`](crate::compat) in the words of the port.

use nexus_core::ports::{
    CompatibilityBreach, CompatibilityDirection, CompatibilityMode, CompatibilityReport, SchemaBump, SchemaChange,
};
use serde_json::Value;

use crate::compat;

/// Judges a schema against earlier ones, ascending by version; all of them self-contained.
pub(crate) fn judge(new: &Value, old: &[(u32, &Value)], mode: CompatibilityMode) -> CompatibilityReport {
    let report = compat::judge(new, old, mode_of(mode));
    let counted = if mode.is_transitive() { old } else { old.last().map(std::slice::from_ref).unwrap_or_default() };
    let counted = if mode == CompatibilityMode::None { &[] } else { counted };
    CompatibilityReport {
        compatible: report.compatible,
        mode,
        required_bump: bump_of(report.required_bump),
        against: counted.iter().map(|(version, _)| *version).collect(),
        breaches: report.breaches.into_iter().map(breach_of).collect(),
    }
}

/// What changed from one schema to another.
pub(crate) fn compare(from: &Value, to: &Value) -> Vec<SchemaChange> {
    compat::diff(from, to).into_iter().map(change_of).collect()
}

fn mode_of(mode: CompatibilityMode) -> compat::CompatibilityMode {
    match mode {
        CompatibilityMode::None => compat::CompatibilityMode::None,
        CompatibilityMode::Backward => compat::CompatibilityMode::Backward,
        CompatibilityMode::BackwardTransitive => compat::CompatibilityMode::BackwardTransitive,
        CompatibilityMode::Forward => compat::CompatibilityMode::Forward,
        CompatibilityMode::ForwardTransitive => compat::CompatibilityMode::ForwardTransitive,
        CompatibilityMode::Full => compat::CompatibilityMode::Full,
        CompatibilityMode::FullTransitive => compat::CompatibilityMode::FullTransitive,
    }
}

fn bump_of(bump: compat::Bump) -> SchemaBump {
    match bump {
        compat::Bump::None => SchemaBump::None,
        compat::Bump::Patch => SchemaBump::Patch,
        compat::Bump::Minor => SchemaBump::Minor,
        compat::Bump::Major => SchemaBump::Major,
    }
}

fn breach_of(breach: compat::Breach) -> CompatibilityBreach {
    CompatibilityBreach {
        rule: breach.rule,
        pointer: breach.pointer,
        message: breach.message,
        fix: breach.fix,
        counter_example: breach.counter_example,
        version: breach.version,
        direction: match breach.direction {
            compat::Direction::Backward => CompatibilityDirection::Backward,
            compat::Direction::Forward => CompatibilityDirection::Forward,
        },
    }
}

fn change_of(change: compat::Change) -> SchemaChange {
    SchemaChange {
        pointer: change.pointer,
        kind: change.kind.as_str(),
        description: change.description,
        bump: bump_of(change.bump),
        warning: change.warning,
    }
}
