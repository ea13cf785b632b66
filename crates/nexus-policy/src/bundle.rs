use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use nexus_core::{
    Digest,
    ports::{PolicyModule, PolicyProblem},
};
use regorus::{
    Engine, PolicyLengthConfig,
    unstable::{Module, Ref},
    utils::limits::ExecutionTimerConfig,
};
use sha2::{Digest as _, Sha256};

use crate::{
    bounds, calls, nesting,
    reads::{self, Reads},
    sections,
};

/// Why a bundle is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A module does not parse, or its rules do not fit together.
    #[error("{module}{}: {reason}", line.map_or(String::new(), |line| format!(":{line}")))]
    Invalid {
        /// The module's name; `bundle` when no single module is to blame.
        module: String,
        /// 1-based line, when it is known.
        line: Option<u32>,
        /// What is wrong.
        reason: String,
    },
    /// Two modules have the same name.
    #[error("the bundle has two modules named `{module}`")]
    Duplicate {
        /// The name.
        module: String,
    },
    /// A module calls a built-in function that policies may not use.
    #[error("{module}:{line}: `{function}` is not available to policies: {reason}")]
    Forbidden {
        /// The module's name.
        module: String,
        /// 1-based line of the call.
        line: u32,
        /// The function.
        function: String,
        /// Why not.
        reason: &'static str,
    },
    /// A module is in the package that the engine itself uses.
    #[error("{module}: the package `{}` is reserved; choose another", ENTRY_PACKAGE)]
    Reserved {
        /// The module's name.
        module: String,
    },
}

impl From<PolicyError> for PolicyProblem {
    fn from(error: PolicyError) -> Self {
        let (module, line) = match &error {
            PolicyError::Invalid { module, line, reason } => {
                return Self { module: Some(module.clone()), line: *line, reason: reason.clone() };
            }
            PolicyError::Forbidden { module, line, function, reason } => {
                let reason = format!("`{function}` is not available to policies: {reason}");
                return Self { module: Some(module.clone()), line: Some(*line), reason };
            }
            PolicyError::Duplicate { module } | PolicyError::Reserved { module } => (module.clone(), None),
        };
        Self { module: Some(module), line, reason: error.to_string() }
    }
}

/// Package of the module that asks both entry points at once.
const ENTRY_PACKAGE: &str = "nexus_entry";
/// The name of that module.
pub(crate) const ENTRY_MODULE: &str = "<entry>";
/// The rule that is evaluated.
pub(crate) const ENTRY_RULE: &str = "data.nexus_entry.decision";
/// A comprehension over an undefined rule is empty, so what is undefined stays visible in the answer.
const ENTRY_SOURCE: &str = "package nexus_entry\n\n\
    decision := {\"allow\": [value | value := data.nexus.allow], \"deny\": [value | value := data.nexus.deny]}\n";

/// Most columns of a line. Long enough for a key or a certificate; a module has at most 1 MiB and 20,000 lines.
const MAX_COLUMNS: NonZeroU32 = NonZeroU32::MIN.saturating_add(16_383);
/// After how many steps the time is looked at. After each: a number that is squared in every step takes twice as long in
/// each, so a few steps more can be minutes.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN;
/// How the packages of tests end.
const TEST_SUFFIX: &str = "_test";

/// A loaded bundle.
pub(crate) struct Bundle {
    /// What is asked for a decision.
    pub(crate) sections: Vec<Section>,
    /// An engine with all modules that decide and the entry.
    pub(crate) whole: Engine,
    /// The same without the entry.
    pub(crate) plain: Engine,
    pub(crate) digest: Digest,
    /// The modules that decide.
    pub(crate) modules: Vec<PolicyModule>,
}

/// Modules of a bundle that are asked together.
#[derive(Clone)]
pub(crate) struct Section {
    /// An engine with them and the entry, ready to be cloned.
    pub(crate) engine: Engine,
    /// What they read of their input, when that can be told.
    pub(crate) reads: Option<Reads>,
}

impl Bundle {
    /// Parses and checks the modules; those that are tests take no part.
    ///
    /// # Errors
    /// [`PolicyError`] for the first thing that is wrong.
    pub(crate) fn load(modules: &[PolicyModule], time_limit: Duration) -> Result<Self, PolicyError> {
        let modules = deciding(modules)?;
        let mut plain = prepare(&modules, time_limit, false)?;
        // The whole is made ready first: what does not fit together must not come into force in parts.
        let whole = with_entry(plain.clone(), &modules)?;
        let sections = sections(plain.get_modules(), &modules, time_limit)?;
        Ok(Self { sections, whole, plain, digest: digest(&modules), modules })
    }
}

/// The sections of a bundle. Those that only look at what requests have in common are one.
fn sections(
    parsed: &[Ref<Module>],
    modules: &[PolicyModule],
    time_limit: Duration,
) -> Result<Vec<Section>, PolicyError> {
    let reads = |indices: &BTreeSet<usize>| {
        let modules: Vec<_> = indices.iter().filter_map(|index| parsed.get(*index).cloned()).collect();
        reads::analyse(&modules)
    };
    let (mut common, mut apart) = (BTreeSet::new(), Vec::new());
    for indices in sections::sections(parsed) {
        if reads(&indices)?.is_some_and(|reads| reads.are_common()) {
            common.extend(indices);
        } else {
            apart.push(indices);
        }
    }
    let all = std::iter::once(common).chain(apart).filter(|indices| !indices.is_empty());
    let made = all.map(|indices| {
        let modules: Vec<_> = indices.iter().filter_map(|index| modules.get(*index).cloned()).collect();
        let engine = with_entry(assemble(&modules, time_limit, false)?, &modules)?;
        Ok(Section { engine, reads: reads(&indices)? })
    });
    made.collect()
}

/// Adds the entry to an engine, and compiles what is in it.
pub(crate) fn with_entry(mut engine: Engine, modules: &[PolicyModule]) -> Result<Engine, PolicyError> {
    engine
        .add_policy(ENTRY_MODULE.to_owned(), ENTRY_SOURCE.to_owned())
        .map_err(|error| invalid(modules, "bundle", &error))?;
    // The first evaluation compiles the modules; it runs here so that it fails here and not at a request.
    engine.set_input(regorus::Value::new_object());
    engine.eval_rule(ENTRY_RULE.to_owned()).map_err(|error| invalid(modules, "bundle", &error))?;
    Ok(engine)
}

/// The modules that decide: all but the tests.
fn deciding(modules: &[PolicyModule]) -> Result<Vec<PolicyModule>, PolicyError> {
    let mut found = Vec::new();
    for module in modules {
        let package = add(&mut bare(Duration::MAX), module, modules)?;
        if !is_test(&package) {
            found.push(module.clone());
        }
    }
    Ok(found)
}

/// Parses a module into an engine; answers its package.
fn add(engine: &mut Engine, module: &PolicyModule, modules: &[PolicyModule]) -> Result<String, PolicyError> {
    // The parser descends once for every bracket or sign, and nothing catches a stack that ends.
    if let Some(line) = nesting::line(&module.source) {
        let reason = "it is nested too deep".to_owned();
        return Err(PolicyError::Invalid { module: module.name.clone(), line: Some(line), reason });
    }
    let package = engine.add_policy(module.name.clone(), module.source.clone());
    package.map_err(|error| invalid(modules, &module.name, &error))
}

/// Whether a package holds tests.
pub(crate) fn is_test(package: &str) -> bool {
    package.ends_with(TEST_SUFFIX)
}

/// An engine with these modules, once they are known to stay within the limits. With `strict`, a built-in that fails is
/// an error. Otherwise, as in OPA, its expression is undefined, and what is undefined does not allow.
///
/// # Errors
/// [`PolicyError`] for the first thing that is wrong.
pub(crate) fn prepare(modules: &[PolicyModule], time_limit: Duration, strict: bool) -> Result<Engine, PolicyError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = modules.iter().find(|module| !names.insert(&module.name)) {
        return Err(PolicyError::Duplicate { module: twice.name.clone() });
    }
    let mut engine = assemble(modules, time_limit, strict)?;
    reads::analyse(engine.get_modules())?;
    calls::check(engine.get_modules())?;
    Ok(engine)
}

/// An engine with these modules.
fn assemble(modules: &[PolicyModule], time_limit: Duration, strict: bool) -> Result<Engine, PolicyError> {
    let mut engine = bare(time_limit);
    engine.set_strict_builtin_errors(strict);
    bounds::apply(&mut engine, strict).map_err(|error| invalid(modules, "bundle", &error))?;
    for module in modules {
        let package = add(&mut engine, module, modules)?;
        if package == format!("data.{ENTRY_PACKAGE}") || package.starts_with("data.nexus_entry.") {
            return Err(PolicyError::Reserved { module: module.name.clone() });
        }
    }
    Ok(engine)
}

/// An engine without modules, with the options all of them are evaluated under.
pub(crate) fn bare(time_limit: Duration) -> Engine {
    let mut engine = Engine::new();
    engine.set_policy_length_config(PolicyLengthConfig { max_col: MAX_COLUMNS, ..PolicyLengthConfig::default() });
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: time_limit, check_interval: CHECK_INTERVAL });
    engine
}

/// SHA-256 over names and sources, whatever their order.
fn digest(modules: &[PolicyModule]) -> Digest {
    let mut sorted: Vec<_> = modules.iter().collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut hasher = Sha256::new();
    for module in sorted {
        for text in [&module.name, &module.source] {
            // The length keeps a name from running into a source.
            hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    Digest::from_bytes(hasher.finalize().into())
}

/// Reads the place out of the engine's message: `--> <file>:<line>:<column>`, then the source line, then `error: …`.
pub(crate) fn invalid(modules: &[PolicyModule], fallback: &str, error: &dyn std::fmt::Display) -> PolicyError {
    let text = error.to_string();
    let place = modules.iter().find_map(|module| {
        let (_, after) = text.split_once(&format!("--> {}:", module.name))?;
        let line = after.split(':').next()?.trim().parse().ok()?;
        Some((module.name.clone(), line))
    });
    let (_, reason) = text.split_once("error: ").unwrap_or(("", &text));
    let (module, line) = place.map_or((fallback.to_owned(), None), |(module, line)| (module, Some(line)));
    PolicyError::Invalid { module, line, reason: reason.split_whitespace().collect::<Vec<_>>().join(" ") }
}
