//! Which crate may depend on which. The table is data here and prose in ARCHITECTURE.md; both must say the same, and
//! the manifests must keep to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Member, Repository, markdown};

const RULE: &str = "layers";
const HERE: &str = "xtask/src/tidy/layers.rs";
const MAP: &str = "ARCHITECTURE.md";
const WHY: &str = "crates are the seams of the system: an arrow that is not drawn couples what was meant to be apart";

/// A crate and the crates of the workspace it may use outside its tests.
struct Layer {
    name: &'static str,
    may_depend_on: &'static [&'static str],
}

const fn layer(name: &'static str, may_depend_on: &'static [&'static str]) -> Layer {
    Layer { name, may_depend_on }
}

/// From the bottom up.
const LAYERS: &[Layer] = &[
    layer("nexus-core", &[]),
    layer("nexus-macros", &[]),
    layer("nexus-log", &["nexus-core"]),
    layer("nexus-schema", &["nexus-core"]),
    layer("nexus-policy", &["nexus-core"]),
    layer("nexus-opa", &["nexus-core"]),
    layer("nexus-read", &["nexus-core"]),
    layer("nexus-identity", &["nexus-core"]),
    layer("nexus-registry-confluent", &["nexus-core"]),
    layer("nexus-runtime", &["nexus-core"]),
    layer("nexus-check", &["nexus-core", "nexus-schema", "nexus-policy"]),
    layer("nexus-api", &["nexus-core", "nexus-runtime"]),
    layer(
        "nexus",
        &[
            "nexus-core",
            "nexus-macros",
            "nexus-log",
            "nexus-schema",
            "nexus-policy",
            "nexus-opa",
            "nexus-read",
            "nexus-identity",
            "nexus-runtime",
            "nexus-api",
            "nexus-check",
        ],
    ),
    layer("orders", &["nexus"]),
    layer("nexus-cli", &["nexus", "orders"]),
    layer("nexus-testkit", &["nexus-core"]),
    layer("nexus-faults", &["nexus-core", "nexus-log", "nexus-testkit"]),
    layer("nexus-e2e", &["nexus-core", "nexus-testkit"]),
    layer("xtask", &[]),
];

/// Tests may use any crate, except one that is built on the crate under test: the tests of a layer must not need the
/// layers above it. These pairs (crate, what its tests use) are the exceptions.
const TESTS_MAY_LOOK_UP: &[(&str, &str)] = &[
    // The macros write paths through the facade, so only code that uses the facade can show that they compile.
    ("nexus-macros", "nexus"),
];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    check_against(repository, LAYERS)
}

fn check_against(repository: &Repository, layers: &[Layer]) -> Vec<Finding> {
    let mut findings = check_members(repository, layers);
    findings.extend(check_dev_dependencies(repository));
    findings.extend(check_map(repository, layers));
    findings
}

fn finding(path: &str, line: usize, what: String, fix: String) -> Finding {
    Finding { path: path.to_owned(), line, rule: RULE, what, why: WHY, fix }
}

fn check_members(repository: &Repository, layers: &[Layer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &repository.members {
        let Some(layer) = layers.iter().find(|layer| layer.name == member.name) else {
            let what = format!("crate `{}` has no place in the layers", member.name);
            let fix = format!("give it a row in {HERE} and in the crate table of {MAP}");
            findings.push(finding(&member.manifest, 1, what, fix));
            continue;
        };
        for dependency in &member.dependencies {
            if !layer.may_depend_on.contains(&dependency.as_str()) {
                let line = repository.line_of(&member.manifest, dependency);
                let what = format!("`{}` must not depend on `{dependency}`", member.name);
                let fix = format!(
                    "depend on a port of nexus-core and let `nexus` hand the adapter in, or change {HERE} and {MAP} \
                     with an ADR"
                );
                findings.push(finding(&member.manifest, line, what, fix));
            }
        }
    }
    let exists = |layer: &&Layer| repository.members.iter().any(|member| member.name == layer.name);
    for gone in layers.iter().filter(|layer| !exists(layer)) {
        let what = format!("there is no crate `{}`", gone.name);
        let line = repository.line_of(HERE, &format!("\"{}\"", gone.name));
        findings.push(finding(HERE, line, what, "remove its row".to_owned()));
    }
    findings
}

fn check_dev_dependencies(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &repository.members {
        for used in &member.dev_dependencies {
            let excepted =
                used == "nexus-testkit" || TESTS_MAY_LOOK_UP.contains(&(member.name.as_str(), used.as_str()));
            if !excepted && below(&repository.members, used).contains(member.name.as_str()) {
                let line = repository.line_of(&member.manifest, used);
                let what = format!("the tests of `{}` use `{used}`, which is built on it", member.name);
                let fix = format!("move the test up into `{used}`, or use a fake of nexus-testkit");
                findings.push(finding(&member.manifest, line, what, fix));
            }
        }
    }
    findings
}

/// Everything a crate is built on, over all steps.
fn below<'a>(members: &'a [Member], name: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![name];
    while let Some(next) = open.pop() {
        let dependencies = members.iter().filter(|member| member.name == next).flat_map(|member| &member.dependencies);
        for dependency in dependencies {
            if found.insert(dependency.as_str()) {
                open.push(dependency);
            }
        }
    }
    found
}

/// The table of ARCHITECTURE.md: `crate | … | may depend on`, names as code.
fn check_map(repository: &Repository, layers: &[Layer]) -> Vec<Finding> {
    let Some(table) = markdown::table(repository.text(MAP), "crate") else {
        let what = "has no crate table".to_owned();
        let fix = "add a table with the columns crate, responsibility, may depend on".to_owned();
        return vec![finding(MAP, 1, what, fix)];
    };
    let mut rows: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for row in &table.rows {
        let name = row.cells.first().and_then(|cell| cell.code.first());
        let arrows = row.cells.last().map(|cell| cell.code.iter().map(String::as_str));
        if let (Some(name), Some(arrows)) = (name, arrows) {
            rows.insert(name, (row.line, arrows.collect()));
        }
    }
    let mut findings = Vec::new();
    for layer in layers {
        let drawn: BTreeSet<_> = layer.may_depend_on.iter().copied().collect();
        match rows.remove(layer.name) {
            None => findings.push(finding(
                MAP,
                1,
                format!("the crate table lacks `{}`", layer.name),
                "add its row: what it is responsible for and what it may depend on".to_owned(),
            )),
            Some((line, arrows)) if arrows != drawn => findings.push(finding(
                MAP,
                line,
                format!("the row of `{}` says {arrows:?}, {HERE} says {drawn:?}", layer.name),
                "make both say what is meant".to_owned(),
            )),
            Some(_) => {}
        }
    }
    for (name, (line, _)) in rows {
        let what = format!("the crate table has a row for `{name}`, which is in no layer");
        findings.push(finding(MAP, line, what, format!("remove the row, or add it to {HERE}")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP_TEXT: &str =
        "| crate | what | may depend on |\n| --- | --- | --- |\n| `low` | x | – |\n| `high` | y | `low` |\n";
    const TWO: &[Layer] = &[layer("low", &[]), layer("high", &["low"])];

    fn member(name: &str, dependencies: &[&str], dev: &[&str]) -> Member {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Member {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: owned(dependencies),
            dev_dependencies: owned(dev),
        }
    }

    fn found(map: &str, members: Vec<Member>) -> Vec<String> {
        let mut repository = Repository::planted(&[(MAP, map)]);
        repository.members = members;
        let findings = check_against(&repository, TWO);
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn drawn_arrows_pass() {
        let members = vec![member("low", &[], &[]), member("high", &["low"], &["low"])];
        assert_eq!(found(MAP_TEXT, members), [] as [String; 0]);
    }

    #[test]
    fn an_arrow_that_points_up_is_a_finding() {
        let members = vec![member("low", &["high"], &[]), member("high", &[], &[])];
        assert_eq!(found(MAP_TEXT, members), ["`low` must not depend on `high`"]);
    }

    #[test]
    fn a_crate_without_a_place_is_a_finding() {
        let members = vec![member("low", &[], &[]), member("high", &[], &[]), member("new", &[], &[])];
        assert_eq!(found(MAP_TEXT, members), ["crate `new` has no place in the layers"]);
    }

    #[test]
    fn a_row_without_a_crate_is_a_finding() {
        assert_eq!(found(MAP_TEXT, vec![member("low", &[], &[])]), ["there is no crate `high`"]);
    }

    #[test]
    fn tests_must_not_use_what_is_built_on_the_crate() {
        let members = vec![member("low", &[], &["high"]), member("high", &["low"], &[])];
        assert_eq!(found(MAP_TEXT, members), ["the tests of `low` use `high`, which is built on it"]);
    }

    #[test]
    fn the_testkit_and_named_exceptions_may_look_up() {
        let mut repository = Repository::planted(&[]);
        repository.members = vec![
            member("nexus-core", &[], &["nexus-testkit"]),
            member("nexus-testkit", &["nexus-core"], &[]),
            member("nexus-macros", &[], &["nexus"]),
            member("nexus", &["nexus-macros"], &[]),
        ];
        assert_eq!(check_dev_dependencies(&repository), []);
    }

    #[test]
    fn a_map_that_draws_other_arrows_is_a_finding_on_its_line() {
        let map = MAP_TEXT.replace("| x | – |", "| x | `high` |");
        let mut repository = Repository::planted(&[(MAP, &map)]);
        repository.members = vec![member("low", &[], &[]), member("high", &[], &[])];
        let findings = check_against(&repository, TWO);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].path.as_str(), findings[0].line), (MAP, 3));
    }

    #[test]
    fn a_map_with_too_few_or_too_many_rows_is_a_finding() {
        let members = || vec![member("low", &[], &[]), member("high", &["low"], &[])];
        let fewer = MAP_TEXT.replace("| `low` | x | – |\n", "");
        assert_eq!(found(&fewer, members()), ["the crate table lacks `low`"]);
        let more = format!("{MAP_TEXT}| `ghost` | z | – |\n");
        assert_eq!(found(&more, members()), ["the crate table has a row for `ghost`, which is in no layer"]);
        assert_eq!(found("no table", members()), ["has no crate table"]);
    }

    #[test]
    fn the_layers_themselves_only_point_down() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for used in layer.may_depend_on {
                let below = LAYERS[..index].iter().any(|lower| lower.name == *used);
                assert!(below, "{} points at {used}, which is not below it", layer.name);
            }
        }
    }
}
