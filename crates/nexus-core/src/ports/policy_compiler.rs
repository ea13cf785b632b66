use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    json::Json,
    ports::{PolicyEngine, PolicyInput, Verdict},
};

/// One file of policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyModule {
    /// Its name, such as `orders.rego`; appears in errors.
    pub name: String,
    /// Its text, Rego v1.
    pub source: String,
}

/// Makes engines of modules, and runs the tests among them.
///
/// Modules whose package ends with `_test` are tests: they take no part in decisions.
pub trait PolicyCompiler: Send + Sync + 'static {
    /// Compiles modules.
    ///
    /// # Errors
    /// [`PolicyProblem`]: they do not parse, do not fit together, or could run without bounds.
    fn compile(&self, modules: &[PolicyModule]) -> Result<Arc<dyn CompiledPolicy>, PolicyProblem>;

    /// Runs every rule whose name starts with `test_` in the modules that are tests.
    ///
    /// # Errors
    /// [`PolicyProblem`]: the modules do not compile. A test that fails is in the report.
    fn test(&self, modules: &[PolicyModule]) -> Result<PolicyTestReport, PolicyProblem>;
}

/// An engine one can look into.
pub trait CompiledPolicy: PolicyEngine {
    /// The value at a path such as `nexus/allow`, over any input; `None` where it is undefined.
    ///
    /// # Errors
    /// [`PolicyProblem`]: the path is none, or the evaluation failed or ran over a limit.
    fn value_at(&self, path: &str, input: Option<&Json>) -> Result<Option<Json>, PolicyProblem>;

    /// What the rules look at under `data` that no module defines, such as `data.teams`; sorted. Where it cannot be told
    /// what they look at, it is `data`.
    fn foreign_data(&self) -> Vec<String>;

    /// Judges a request and tells which rules fired.
    fn explain(&self, input: &PolicyInput<'_>) -> PolicyExplanation;
}

/// Why modules cannot be used, or an evaluation did not come to an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", self.place())]
pub struct PolicyProblem {
    /// The module to blame, if it is one.
    pub module: Option<String>,
    /// 1-based line, when it is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub reason: String,
}

impl PolicyProblem {
    /// A problem of no module in particular.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { module: None, line: None, reason: reason.into() }
    }

    fn place(&self) -> String {
        match (&self.module, self.line) {
            (Some(module), Some(line)) => format!("{module}:{line}: "),
            (Some(module), None) => format!("{module}: "),
            (None, _) => String::new(),
        }
    }
}

/// What came of the tests of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyTestReport {
    /// Every test, in the order of modules and lines.
    pub results: Vec<PolicyTestResult>,
    /// How much of each module that decides the tests went through.
    pub coverage: Vec<PolicyCoverage>,
}

impl PolicyTestReport {
    /// The tests that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &PolicyTestResult> {
        self.results.iter().filter(|result| result.failure.is_some())
    }
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTestResult {
    /// Its full name, such as `nexus.roles_test.test_a_reader_reads`.
    pub name: String,
    /// The module it is in.
    pub module: String,
    /// 1-based line where it begins.
    pub line: u32,
    /// Why it does not hold; `None` when it does.
    pub failure: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// The lines of a module that an evaluation went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCoverage {
    /// The module.
    pub module: String,
    /// 1-based lines that were evaluated, ascending.
    pub covered: Vec<u32>,
    /// 1-based lines that could have been evaluated and were not, ascending.
    pub uncovered: Vec<u32>,
}

/// A verdict with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyExplanation {
    /// The verdict.
    pub verdict: Verdict,
    /// Every definition of `allow` and `deny`, and what it says to this request.
    pub rules: Vec<ExplainedRule>,
    /// The lines the evaluation went through, by module.
    pub coverage: Vec<PolicyCoverage>,
}

/// One definition of a rule and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// The rule, such as `nexus.deny`.
    pub rule: String,
    /// The module it is in.
    pub module: String,
    /// 1-based line where the definition begins.
    pub line: u32,
    /// Whether it holds for the request.
    pub fired: bool,
}
