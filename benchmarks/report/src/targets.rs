use crate::Table;

/// A target and what was measured.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is measured.
    pub what: String,
    /// What it should be.
    pub wanted: String,
    /// What it is; `None` when it was not measured.
    pub measured: Option<String>,
    /// Whether it is met.
    pub met: bool,
}

/// The targets with what was measured and whether they are met.
#[must_use]
pub fn targets_table(targets: &[Target]) -> String {
    let mut table = Table::new(&["target", "wanted", "measured", ""]);
    for target in targets {
        let verdict = match (&target.measured, target.met) {
            (None, _) => "not measured",
            (Some(_), true) => "met",
            (Some(_), false) => "**missed**",
        };
        let measured = target.measured.clone().unwrap_or_else(|| "–".to_owned());
        table.row(&[target.what.clone(), target.wanted.clone(), measured, verdict.to_owned()]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_figure_is_not_called_met() {
        let target = Target { what: "a".into(), wanted: "b".into(), measured: None, met: true };
        assert!(targets_table(&[target]).contains("| not measured |"));
    }
}
