use super::{Draft, Looked, Rule};
use crate::{
    Level,
    facts::{Facts, Known, Seen, TableUse},
};

/// NX-EVT-001: stored events are never changed or removed.
pub(crate) struct EventsStay;

impl Rule for EventsStay {
    fn id(&self) -> &'static str {
        "NX-EVT-001"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let of = |seen: &Seen| {
            let destroys = seen.tables.iter().filter(|table_use| is_destroyed(facts, seen, table_use));
            Looked::at(&seen.text.file, destroys.map(|table_use| draft(facts, seen, table_use)).collect())
        };
        facts.seen.iter().filter(|seen| !seen.tables.is_empty()).map(of).collect()
    }
}

fn is_destroyed(facts: &Facts, seen: &Seen, table_use: &TableUse) -> bool {
    let Some(table) = table_use.table.as_deref() else { return true };
    let named = |table: &str| {
        let mut immutable = facts.services.iter().flat_map(|service| service.immutable.iter().flatten());
        immutable.any(|immutable| immutable.value.eq_ignore_ascii_case(table))
    };
    // A service that names its tables of events has said that the usual names mean something else in it.
    let says = facts.owner(&seen.text.file).is_some_and(|service| service.immutable.is_some());
    table_use.verb.is_destructive() && (named(table) || (!says && Known::is_event_table(table)))
}

fn draft(facts: &Facts, seen: &Seen, table_use: &TableUse) -> Draft {
    let place = seen.text.place(table_use.range.clone());
    let (pointer, message) = match &table_use.table {
        Some(table) => {
            (format!("{table}/{}", table_use.how), format!("{} on `{table}`, which holds events", table_use.how))
        }
        None => (table_use.how.clone(), format!("{} removes stored events", table_use.how)),
    };
    Draft::new(place.clone(), pointer, message)
        .fix(
            "store a further event that says what is right now: a correction, a cancellation. Personal data is made \
             unreadable by destroying its key, never by changing the event",
        )
        .shown("events are facts that were acknowledged; readers and proofs rest on their bytes", Some(place))
        .of(facts.owner(&seen.text.file))
}
