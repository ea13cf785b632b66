use clap::Args;

use super::step::Step;

/// What to run of the gate.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Run this step only; may be given more than once.
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Leave this step out; may be given more than once.
    #[arg(long, value_name = "STEP")]
    skip: Vec<Step>,
    /// Go on after a step that failed.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Fail when the reference data beside the repository, or a tool that tests use, is absent, instead of testing less.
    #[arg(long)]
    pub(crate) require_data: bool,
}

impl Options {
    /// The steps to run, in order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let wanted = |step: &Step| {
            let chosen = self.only.is_empty() || self.only.contains(step);
            // A run of yesterday's binary proves nothing.
            let needed = *step == Step::Build && self.only.iter().any(|step| step.runs_binary());
            (chosen || needed) && !self.skip.contains(step)
        };
        Step::ALL.iter().copied().filter(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(only: &[Step], skip: &[Step]) -> Vec<Step> {
        let options = Options { only: only.to_vec(), skip: skip.to_vec(), ..Options::default() };
        options.steps()
    }

    #[test]
    fn without_a_choice_every_step_runs_in_order() {
        assert_eq!(steps(&[], &[]), Step::ALL);
    }

    #[test]
    fn what_runs_the_binary_brings_its_build() {
        assert_eq!(steps(&[Step::Check], &[]), [Step::Build, Step::Check]);
        assert_eq!(steps(&[Step::E2e], &[]), [Step::Build, Step::E2e]);
        assert_eq!(steps(&[Step::E2e], &[Step::Build]), [Step::E2e]);
    }

    #[test]
    fn what_is_skipped_does_not_run() {
        assert!(!steps(&[], &[Step::Docs]).contains(&Step::Docs));
    }
}
