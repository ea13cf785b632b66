//! Which lines an evaluation went through.

use nexus_core::ports::PolicyCoverage;
use regorus::Engine;

use crate::calls;

/// The coverage of every module that `wanted` names, in the order of their names.
pub(crate) fn of(engine: &mut Engine, wanted: impl Fn(&str) -> bool) -> Vec<PolicyCoverage> {
    let report = engine.get_coverage_report().unwrap_or_default();
    let mut found: Vec<PolicyCoverage> = Vec::new();
    for module in engine.get_modules() {
        let name = module.package.span.source.file().clone();
        if !wanted(&name) || calls::package(module).starts_with("data.nexus_entry") {
            continue;
        }
        let lines = report.files.iter().find(|file| file.path == name);
        let (covered, uncovered) = match lines {
            Some(file) => {
                (file.covered.iter().copied().collect(), file.not_covered.difference(&file.covered).copied().collect())
            }
            // Nothing of it was evaluated.
            None => (Vec::new(), module.policy.iter().map(|rule| rule.span().line).collect()),
        };
        found.push(PolicyCoverage { module: name, covered, uncovered });
    }
    found.sort_by(|a, b| a.module.cmp(&b.module));
    found
}
