use std::path::Path;

use nexus_core::ports::{PolicyModule, PolicyTestReport};
use nexus_policy::{RegoPolicyEngine, run_tests};
use nexus_runtime::PolicyBundle;

use crate::{
    Failure,
    app::Domain,
    policies::{LOCAL, read},
};

/// A bundle in a directory, among those that the application declares.
pub(crate) struct Candidate {
    /// The name it takes.
    pub(crate) name: String,
    bundles: Vec<PolicyBundle>,
}

impl Candidate {
    /// The bundle in a directory, in the place of the declared one of its name. Without a name it is that of the
    /// directory.
    pub(crate) fn read(domain: &Domain, directory: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let own = directory.canonicalize().ok();
        let own = own.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().to_lowercase());
        let name = name.map(str::to_owned).or(own).unwrap_or_else(|| "candidate".to_owned());
        let mut bundles = domain.policy_bundles()?;
        bundles.retain(|bundle| bundle.name != name);
        bundles.push(PolicyBundle { name: name.clone(), modules: read(directory)? });
        Ok(Self { name, bundles })
    }

    /// The bundle of the directory that the command line declares, among the others.
    pub(crate) fn local(bundles: &[PolicyBundle]) -> Self {
        Self { name: LOCAL.to_owned(), bundles: bundles.to_vec() }
    }

    /// Runs its tests. Those of the other bundles are theirs.
    pub(crate) fn test(&self) -> Result<PolicyTestReport, Failure> {
        let mut report = run_tests(&self.modules()).map_err(does_not_load)?;
        let own = format!("{}/", self.name);
        report.results.retain(|result| result.module.starts_with(&own));
        report.coverage.retain(|coverage| coverage.module.starts_with(&own));
        Ok(report)
    }

    /// The policy with it in force.
    pub(crate) fn engine(&self) -> Result<RegoPolicyEngine, Failure> {
        RegoPolicyEngine::new(self.modules()).map_err(does_not_load)
    }

    fn modules(&self) -> Vec<PolicyModule> {
        let of = |bundle: &PolicyBundle| {
            let prefix = format!("{}/", bundle.name);
            let named = bundle.modules.iter().cloned().map(move |mut module| {
                if !module.name.starts_with(&prefix) {
                    module.name.insert_str(0, &prefix);
                }
                module
            });
            named.collect::<Vec<_>>()
        };
        self.bundles.iter().flat_map(of).collect()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err, which hands the error over")]
fn does_not_load(error: nexus_policy::PolicyError) -> Failure {
    Failure::with_code(3, format_args!("the policy does not load: {error}"))
}
