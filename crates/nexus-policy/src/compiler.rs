use std::sync::Arc;

use nexus_core::ports::{CompiledPolicy, PolicyCompiler, PolicyModule, PolicyProblem, PolicyTestReport};

use crate::{RegoPolicyEngine, testing};

/// A [`PolicyCompiler`] for Rego.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegoPolicyCompiler;

impl PolicyCompiler for RegoPolicyCompiler {
    fn compile(&self, modules: &[PolicyModule]) -> Result<Arc<dyn CompiledPolicy>, PolicyProblem> {
        Ok(Arc::new(RegoPolicyEngine::new(modules.to_vec())?))
    }

    fn test(&self, modules: &[PolicyModule]) -> Result<PolicyTestReport, PolicyProblem> {
        Ok(testing::run_tests(modules)?)
    }
}
