//! What the rules of a bundle look at under `data` that the bundle itself does not define.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Import, Module, Ref, Rule, WithModifier};

use crate::{
    calls::{Imports, name, package, static_path},
    visit::{self, Visitor},
};

/// The paths that no rule defines, sorted. A package that is looked at as a whole is among them: a server may hold more
/// in that place than rules.
pub(crate) fn data(modules: &[Ref<Module>]) -> Vec<String> {
    let rules: BTreeSet<String> = modules
        .iter()
        .flat_map(|module| {
            let package = package(module);
            module.policy.iter().map(move |rule| name(&package, rule)).collect::<Vec<_>>()
        })
        .collect();
    let mut foreign = BTreeSet::new();
    for module in modules {
        let mut looks = Looks::default();
        visit::module(module, &mut looks);
        foreign.extend(looks.at.into_iter().filter(|path| !defined(path, &rules)));
    }
    foreign.into_iter().collect()
}

/// Whether a path is a rule, or leads into the value of one.
fn defined(path: &str, rules: &BTreeSet<String>) -> bool {
    let ends = path.match_indices('.').map(|(end, _)| end).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).any(|outer| rules.contains(outer))
}

/// What one module looks at under `data`.
#[derive(Default)]
struct Looks {
    imports: Imports,
    at: BTreeSet<String>,
}

impl Looks {
    fn look(&mut self, reference: &Ref<Expr>) {
        let path = self.imports.full_name(&static_path(reference));
        self.at.extend(path.filter(|path| path.split('.').next() == Some("data")));
    }
}

impl Visitor for Looks {
    fn import(&mut self, import: &Import) {
        self.imports.add(import);
    }

    fn rule(&mut self, _: &Rule) {}

    fn with(&mut self, _: &WithModifier) {}

    fn reference(&mut self, reference: &Ref<Expr>) {
        self.look(reference);
    }

    fn call(&mut self, function: &Ref<Expr>, _: &[Ref<Expr>]) -> bool {
        self.look(function);
        true
    }
}

#[cfg(test)]
mod tests {
    use nexus_core::ports::{CompiledPolicy as _, PolicyModule};

    use crate::{RegoPolicyEngine, with_shipped};

    fn foreign(rules: &str) -> Vec<String> {
        let module = |name: &str, source: String| PolicyModule { name: name.to_owned(), source };
        let library =
            "package lib.teams\nmembers := {\"a\"}\nis_in(x) if x in members\nlead[x] := 1 if some x in members\n";
        let modules =
            vec![module("a.rego", format!("package nexus\n{rules}\n")), module("lib.rego", library.to_owned())];
        RegoPolicyEngine::new(modules).unwrap_or_else(|error| panic!("{rules}: {error}")).foreign_data()
    }

    #[test]
    fn what_no_module_defines_is_found_however_it_is_written() {
        for (rules, found) in [
            ("allow if data.teams.admins[input.actor.id]", "data.teams.admins"),
            ("allow if data[\"teams\"].admins", "data.teams.admins"),
            ("allow if data.lib[input.kind].members", "data.lib"),
            ("allow if count(data.lib.teams) > 0", "data.lib.teams"),
            ("allow if data.lib.teams.others", "data.lib.teams.others"),
            ("import data.teams\nallow if input.actor.id in teams", "data.teams"),
            ("import data.teams as t\nallow if t.admins == 1", "data.teams.admins"),
            ("allow if { some x in [y | y := data.x]; x }", "data.x"),
            ("default allow := false\ndeny contains sprintf(\"%v\", [data.text])", "data.text"),
            ("allow if { every x in data.all { x } }", "data.all"),
            ("allow := data.a if input.x else := data.b", "data.a,data.b"),
        ] {
            assert_eq!(foreign(rules).join(","), found, "{rules}");
        }
    }

    #[test]
    fn what_modules_define_is_their_own() {
        for rules in [
            "allow if data.lib.teams.members[input.actor.id]",
            "allow if data.lib.teams.is_in(input.actor.id)",
            "allow if data.lib.teams.lead.a == 1",
            "import data.lib.teams\nallow if teams.is_in(input.actor.id)",
            "import data.lib.teams.members as m\nallow if input.actor.id in m",
            "x := {\"data\": {\"y\": 1}}\nallow if x.data.y == 1",
            "allow if input.data.y",
        ] {
            assert_eq!(foreign(rules), Vec::<String>::new(), "{rules}");
        }
        assert_eq!(RegoPolicyEngine::new(with_shipped([])).unwrap().foreign_data(), Vec::<String>::new());
    }
}
