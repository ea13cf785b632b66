use nexus_core::{ports::SchemaKind, upcast::DeclaredUpcaster};
use serde_json::Value;

use super::files::Subject;
use crate::{Failure, app::Domain};

/// What the code of an application declares.
#[derive(Default)]
pub(crate) struct Declared {
    /// Its schemas, by subject, with the aggregate each belongs to.
    pub(crate) schemas: Vec<DeclaredSchema>,
    /// Its upcasters.
    pub(crate) upcasters: Vec<DeclaredUpcaster>,
}

/// One schema in the code.
pub(crate) struct DeclaredSchema {
    pub(crate) subject: Subject,
    pub(crate) aggregate: String,
    /// The version, where the code says so.
    pub(crate) version: Option<u32>,
    pub(crate) schema: Value,
}

/// What a domain declares, in order of its subjects.
///
/// # Errors
/// When its definitions contradict one another.
pub(crate) fn declared(domain: &Domain) -> Result<Declared, Failure> {
    let catalogue = domain.catalogue()?;
    let mut declared = Declared { upcasters: domain.upcasters().to_vec(), ..Declared::default() };
    for aggregate in catalogue.aggregates() {
        declared.upcasters.extend(aggregate.upcasters().iter().cloned());
        for event in aggregate.events() {
            let subject = Subject::new(SchemaKind::Event, event.event_type);
            let (aggregate, schema) = (aggregate.name().to_owned(), event.schema.clone());
            declared.schemas.push(DeclaredSchema { subject, aggregate, version: event.version, schema });
        }
        for command in aggregate.commands() {
            let subject = Subject::new(SchemaKind::Command, command.command_type);
            let (aggregate, schema) = (aggregate.name().to_owned(), command.schema.clone());
            declared.schemas.push(DeclaredSchema { subject, aggregate, version: None, schema });
        }
    }
    for schema in &mut declared.schemas {
        let of_it = declared
            .upcasters
            .iter()
            .filter(|upcaster| schema.subject.kind == SchemaKind::Event && upcaster.event_type == schema.subject.name);
        schema.version = schema.version.or_else(|| of_it.map(|upcaster| upcaster.to).max());
    }
    declared.schemas.sort_by(|left, right| left.subject.cmp(&right.subject));
    Ok(declared)
}
