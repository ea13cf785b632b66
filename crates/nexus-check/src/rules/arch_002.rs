use super::{Draft, Looked, Rule};
use crate::{
    Level,
    facts::{At, Facts, Seen, ServiceManifest, TableUse, Target},
};

/// NX-ARCH-002: a table has one service, and nothing is imported from another context.
pub(crate) struct NothingIsShared;

impl Rule for NothingIsShared {
    fn id(&self) -> &'static str {
        "NX-ARCH-002"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let declared =
            facts.services.iter().map(|service| Looked::at(&service.name.value, claimed_twice(facts, service)));
        let used = facts.seen.iter().filter_map(|seen| {
            let service = facts.owner(&seen.text.file)?;
            let tables = seen.tables.iter().filter_map(|table_use| foreign_table(facts, seen, service, table_use));
            let imports = seen.imports.iter().filter_map(|(target, range)| {
                foreign_import(facts, service, target).map(|other| imported(seen, service, other, range.clone()))
            });
            Some(Looked::at(&service.name.value, tables.chain(imports).collect()))
        });
        declared.chain(used).collect()
    }
}

fn owns_table(service: &ServiceManifest, table: &str) -> bool {
    service.tables.iter().any(|own| own.value.eq_ignore_ascii_case(table))
}

/// Tables that an earlier manifest claims as well.
fn claimed_twice(facts: &Facts, service: &ServiceManifest) -> Vec<Draft> {
    let earlier = || facts.services.iter().take_while(|other| !std::ptr::eq(*other, service));
    let draft = |table: &At<String>| {
        let other = earlier().find(|other| owns_table(other, &table.value))?;
        let at = other.tables.iter().find(|own| own.value.eq_ignore_ascii_case(&table.value))?;
        let (name, twin) = (&service.name.value, &other.name.value);
        Some(
            Draft::new(
                service.place(table.range.clone()),
                format!("{name}/table/{}", table.value),
                format!("the table `{}` belongs to `{twin}` and to `{name}`", table.value),
            )
            .fix("leave it to one of them, and let the other keep a read model of its own from its events")
            .shown(format!("`{twin}` claims it here"), Some(other.place(at.range.clone())))
            .of(Some(service)),
        )
    };
    service.tables.iter().filter_map(draft).collect()
}

/// A statement on a table of another service.
fn foreign_table(facts: &Facts, seen: &Seen, service: &ServiceManifest, table_use: &TableUse) -> Option<Draft> {
    let table = table_use.table.as_deref()?;
    let other = facts.services.iter().find(|other| owns_table(other, table))?;
    if owns_table(service, table) {
        return None;
    }
    let at = other.tables.iter().find(|own| own.value.eq_ignore_ascii_case(table))?;
    let (name, owner) = (&service.name.value, &other.name.value);
    Some(
        Draft::new(
            seen.text.place(table_use.range.clone()),
            format!("{name}/table/{table}"),
            format!("`{name}` reaches into the table `{table}` of `{owner}`"),
        )
        .fix(format!("let `{name}` keep a read model of its own from the events of `{owner}`"))
        .shown(format!("{} on `{table}`", table_use.how), Some(seen.text.place(table_use.range.clone())))
        .shown(format!("`{owner}` claims it here"), Some(other.place(at.range.clone())))
        .of(Some(service)),
    )
}

/// The service of another context that an import reaches into.
fn foreign_import<'a>(facts: &'a Facts, service: &ServiceManifest, target: &Target) -> Option<&'a ServiceManifest> {
    let other = match target {
        Target::Crate(name) => {
            let package = facts.crates.iter().find(|package| package.name.replace('-', "_") == *name)?;
            facts.owner_of_crate(package)?
        }
        Target::Path(path) => facts.owner(path)?,
    };
    (other.context != service.context).then_some(other)
}

fn imported(seen: &Seen, service: &ServiceManifest, other: &ServiceManifest, range: std::ops::Range<usize>) -> Draft {
    let place = seen.text.place(range);
    Draft::new(
        place.clone(),
        format!("{}/import/{}", service.name.value, other.name.value),
        format!("code of the context `{}` imports from the context `{}`", service.context, other.context),
    )
    .fix(
        "take the data from the events of the other context, and name it in the words of this one; what really is common \
         belongs in a crate or package of no service",
    )
    .shown(format!("{} → {}", service.name.value, other.name.value), Some(place))
    .of(Some(service))
}
