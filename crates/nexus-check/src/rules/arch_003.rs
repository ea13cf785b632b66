use std::collections::BTreeSet;

use super::{
    Draft, Looked, Rule,
    cycles::{Edges, path},
};
use crate::{Level, facts::Facts};

/// NX-ARCH-003: contexts do not depend on each other's events in a circle.
pub(crate) struct NoEventCycles;

impl Rule for NoEventCycles {
    fn id(&self) -> &'static str {
        "NX-ARCH-003"
    }

    fn level(&self) -> Level {
        Level::Warning
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut edges = Edges::new();
        for (from, to) in dependencies(facts) {
            edges.entry(from).or_default().insert(to);
        }
        let mut told: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        let contexts: BTreeSet<_> = facts.services.iter().map(|service| service.context.as_str()).collect();
        let mut looked = Vec::new();
        for context in contexts {
            let nexts = edges.get(context).into_iter().flatten();
            let cycles = nexts.filter_map(|next| path(&edges, next, context));
            // A circle is told once, from the context that comes first.
            let news = cycles.filter(|cycle| told.insert(cycle.iter().copied().collect()));
            let drafts = news.filter_map(|cycle| draft(facts, context, &cycle)).collect();
            looked.push(Looked::at(context, drafts));
        }
        looked
    }
}

/// Consuming context and producing context of every event that crosses from one to another.
fn dependencies(facts: &Facts) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    for consumer in &facts.services {
        for consumed in &consumer.consumes {
            let makes = |producer: &&crate::facts::ServiceManifest| {
                producer.context != consumer.context
                    && producer.produces.iter().any(|produced| produced.event.value == consumed.event.value)
            };
            let producers = facts.services.iter().filter(makes);
            all.extend(producers.map(|producer| (consumer.context.as_str(), producer.context.as_str())));
        }
    }
    all
}

/// The finding stands at the first event of the circle; the others are evidence.
fn draft(facts: &Facts, context: &str, cycle: &[&str]) -> Option<Draft> {
    let mut steps = Vec::new();
    let mut consumer = context;
    for producer in cycle {
        steps.push(step(facts, consumer, producer)?);
        consumer = producer;
    }
    let way = format!("{context} → {}", cycle.join(" → "));
    let (first, _) = steps.first()?;
    let mut draft = Draft::new(first.clone(), format!("cycle/{way}"), format!("contexts wait for each other's events: {way}")).fix(
        "decide which context leads; let the other follow, or let a third one that both follow hold what they tell each other",
    );
    for (place, text) in steps {
        draft = draft.shown(text, Some(place));
    }
    let owner = facts.services.iter().find(|service| service.context == context);
    Some(draft.of(owner))
}

/// Where one context consumes an event of another.
fn step(facts: &Facts, consumer: &str, producer: &str) -> Option<(crate::Place, String)> {
    let of =
        |context: &str| facts.services.iter().filter(move |service| service.context == context).collect::<Vec<_>>();
    let made: BTreeSet<_> =
        of(producer).iter().flat_map(|service| &service.produces).map(|made| &made.event.value).collect();
    of(consumer).into_iter().find_map(|service| {
        let consumed = service.consumes.iter().find(|consumed| made.contains(&consumed.event.value))?;
        let text = format!("`{}` consumes `{}` of {producer}", service.name.value, consumed.event.value);
        Some((service.place(consumed.event.range.clone()), text))
    })
}
