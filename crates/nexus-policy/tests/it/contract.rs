use std::sync::Arc;

use nexus_core::ports::PolicyEngine;
use nexus_policy::RegoPolicyEngine;
use nexus_testkit::contract::PolicyEngineFixture;

use crate::module;

struct Rego;

impl PolicyEngineFixture for Rego {
    fn engine(modules: &[(&str, &str)]) -> Result<Arc<dyn PolicyEngine>, String> {
        let modules = modules.iter().map(|(name, source)| module(name, source)).collect();
        let engine = RegoPolicyEngine::new(modules).map_err(|error| error.to_string())?;
        Ok(Arc::new(engine))
    }
}

nexus_testkit::policy_engine_contract!(Rego);
