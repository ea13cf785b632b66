use std::collections::BTreeSet;

use serde::Serialize;

use crate::{Place, facts::Facts, rules::service_calls};

/// The services of a repository, the events that lead from one to another, and the calls that should not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceGraph {
    /// In order of their manifests.
    pub services: Vec<ServiceNode>,
    /// One for each event type and consumer.
    pub events: Vec<EventEdge>,
    /// One for each place.
    pub calls: Vec<CallEdge>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceNode {
    /// Its name.
    pub name: String,
    /// The bounded context it belongs to.
    pub context: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// `service`, `command`, `query`, `worker` or `gateway`.
    pub role: &'static str,
}

/// An event type on its way from one service to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventEdge {
    /// The event type.
    pub event: String,
    /// Who publishes it; `None` when nobody does.
    pub from: Option<String>,
    /// Who consumes it; `None` when nobody does.
    pub to: Option<String>,
    /// The version that is published.
    pub version: Option<u32>,
    /// The versions that are read.
    pub versions: Option<String>,
    /// Whether consumer and producer do not fit (NX-EVT-003).
    pub violation: bool,
}

/// A call or dependency from one service to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallEdge {
    /// Who reaches out.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Where.
    pub place: Place,
    /// Whether it breaks NX-ARCH-001.
    pub violation: bool,
}

/// How the services of a repository hang together.
#[must_use]
pub fn graph(facts: &Facts) -> ServiceGraph {
    let services = facts.services.iter().map(|service| ServiceNode {
        name: service.name.value.clone(),
        context: service.context.clone(),
        owner: service.owner(),
        role: service.role.name(),
    });
    let calls = service_calls(facts).into_iter().map(|call| CallEdge {
        violation: call.is_violation(),
        from: call.from.name.value.clone(),
        to: call.to.name.value.clone(),
        place: call.place,
    });
    ServiceGraph { services: services.collect(), events: events(facts), calls: calls.collect() }
}

fn events(facts: &Facts) -> Vec<EventEdge> {
    let mut edges = BTreeSet::new();
    let consumers =
        || facts.services.iter().flat_map(|service| service.consumes.iter().map(move |read| (service, read)));
    let producers =
        || facts.services.iter().flat_map(|service| service.produces.iter().map(move |made| (service, made)));
    for (consumer, read) in consumers() {
        let of_event: Vec<_> = producers().filter(|(_, made)| made.event.value == read.event.value).collect();
        let fits = of_event.iter().any(|(_, made)| read.versions.value.contains(made.version.value));
        let edge = |from: Option<String>, version: Option<u32>| EventEdge {
            event: read.event.value.clone(),
            from,
            to: Some(consumer.name.value.clone()),
            version,
            versions: Some(read.versions.value.to_string()),
            violation: !fits,
        };
        if of_event.is_empty() {
            edges.insert(edge(None, None));
        }
        edges.extend(
            of_event.iter().map(|(service, made)| edge(Some(service.name.value.clone()), Some(made.version.value))),
        );
    }
    let is_read = |event: &str| consumers().any(|(_, read)| read.event.value == event);
    edges.extend(producers().filter(|(_, made)| !is_read(&made.event.value)).map(|(service, made)| EventEdge {
        event: made.event.value.clone(),
        from: Some(service.name.value.clone()),
        to: None,
        version: Some(made.version.value),
        versions: None,
        violation: false,
    }));
    edges.into_iter().collect()
}
