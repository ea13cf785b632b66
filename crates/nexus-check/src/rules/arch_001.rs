use std::ops::Range;

use super::{
    Draft, Looked, Rule,
    cycles::{Edges, path},
};
use crate::{
    Level, Place,
    facts::{Facts, Role, ServiceManifest, Text},
};

/// NX-ARCH-001: services talk only through events. A gateway calls services; that is what it is for.
pub(crate) struct ServicesTalkByEvents;

impl Rule for ServicesTalkByEvents {
    fn id(&self) -> &'static str {
        "NX-ARCH-001"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let calls = service_calls(facts);
        let mut edges = Edges::new();
        for call in calls.iter().filter(|call| call.is_violation()) {
            edges.entry(&call.from.name.value).or_default().insert(&call.to.name.value);
        }
        let of = |service: &ServiceManifest| {
            let own = calls.iter().filter(|call| call.is_violation() && std::ptr::eq(call.from, service));
            Looked::at(&service.name.value, own.map(|call| draft(call, &edges)).collect())
        };
        facts.services.iter().map(of).collect()
    }
}

/// One service reaching into another.
pub(crate) struct ServiceCall<'a> {
    pub(crate) from: &'a ServiceManifest,
    pub(crate) to: &'a ServiceManifest,
    pub(crate) place: Place,
    /// What reaches, for people.
    how: String,
    /// Where the address is, when that is elsewhere.
    address: Option<Place>,
    /// What the rule's pointer says the edge is: `calls`, `depends`.
    edge: &'static str,
}

impl ServiceCall<'_> {
    pub(crate) fn is_violation(&self) -> bool {
        self.from.role != Role::Gateway
    }
}

/// Every call and dependency from one service to another: declared, in sources, in deployment descriptors, in crates.
pub(crate) fn service_calls(facts: &Facts) -> Vec<ServiceCall<'_>> {
    let mut calls = Vec::new();
    for from in &facts.services {
        for call in &from.calls {
            let how = "declared in its manifest".to_owned();
            calls.extend(found(from, facts.service(&call.value), (&from.text, &call.range), how, "calls"));
        }
    }
    for seen in &facts.seen {
        for link in &seen.links {
            let said = link.from.as_deref().map(|name| facts.service(name));
            let Some(from) = said.unwrap_or_else(|| facts.owner(&seen.text.file)) else { continue };
            let call = found(from, facts.service(&link.host), (&seen.text, &link.range), link.how.clone(), "calls");
            let address = link.address.clone().map(|range| seen.text.place(range));
            calls.extend(call.map(|call| ServiceCall { address, ..call }));
        }
    }
    for package in &facts.crates {
        let Some(from) = facts.owner_of_crate(package) else { continue };
        for dependency in &package.dependencies {
            let target = facts.crates.iter().find(|other| other.name == dependency.name);
            let to = target.and_then(|target| facts.owner_of_crate(target));
            let how = format!("crate `{}` depends on crate `{}`", package.name, dependency.name);
            calls.extend(found(from, to, (&package.text, &dependency.range), how, "depends"));
        }
    }
    calls
}

fn found<'a>(
    from: &'a ServiceManifest,
    to: Option<&'a ServiceManifest>,
    (text, range): (&Text, &Range<usize>),
    how: String,
    edge: &'static str,
) -> Option<ServiceCall<'a>> {
    let to = to.filter(|to| !std::ptr::eq(*to, from))?;
    Some(ServiceCall { from, to, place: text.place(range.clone()), how, address: None, edge })
}

fn draft(call: &ServiceCall<'_>, edges: &Edges<'_>) -> Draft {
    let (from, to) = (call.from.name.value.as_str(), call.to.name.value.as_str());
    let message = match call.edge {
        "depends" => format!("`{from}` is built on the code of the service `{to}`"),
        _ => format!("`{from}` calls the service `{to}`"),
    };
    let draft = Draft::new(call.place.clone(), format!("{from}/{}/{to}", call.edge), message)
        .fix(format!(
            "let `{to}` publish what `{from}` needs to know as an event, and let `{from}` keep what it needs of it; what \
             both share belongs in a crate of no service"
        ))
        .shown(format!("{from} → {to}: {}", call.how), Some(call.place.clone()))
        .of(Some(call.from));
    let draft = match &call.address {
        Some(address) => draft.shown("the address is here", Some(address.clone())),
        None => draft,
    };
    match path(edges, to, from) {
        Some(back) => draft.shown(format!("and it goes round: {from} → {}", back.join(" → ")), None),
        None => draft,
    }
}
