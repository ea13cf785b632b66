use nexus_core::ports::PolicyModule;

macro_rules! module {
    ($name:literal) => {
        ($name, include_str!(concat!("../policies/", $name)))
    };
}

const RULES: [(&str, &str); 8] = [
    module!("append_only.rego"),
    module!("architecture.rego"),
    module!("development.rego"),
    module!("nexus.rego"),
    module!("roles.rego"),
    module!("schemas.rego"),
    module!("sides.rego"),
    module!("system_streams.rego"),
];

const TESTS: [(&str, &str); 3] =
    [module!("architecture_test.rego"), module!("denials_test.rego"), module!("roles_test.rego")];

/// The policy Nexus ships: roles, registered schemas, system streams, immutable events, two sides kept apart.
#[must_use]
pub fn shipped() -> Vec<PolicyModule> {
    RULES.into_iter().map(named).collect()
}

/// The tests of the shipped policy.
#[must_use]
pub fn shipped_tests() -> Vec<PolicyModule> {
    TESTS.into_iter().map(named).collect()
}

/// The shipped policy and these modules.
#[must_use]
pub fn with_shipped(modules: impl IntoIterator<Item = PolicyModule>) -> Vec<PolicyModule> {
    shipped().into_iter().chain(modules).collect()
}

fn named((name, source): (&str, &str)) -> PolicyModule {
    PolicyModule { name: format!("nexus/{name}"), source: source.to_owned() }
}
