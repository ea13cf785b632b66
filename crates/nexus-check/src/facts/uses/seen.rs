use std::{ops::Range, sync::Arc};

use super::{calls, deploy, events, imports, known::Known, tables};
use crate::facts::{
    files::{FileKind, Found},
    source::Source,
    sql::Verb,
    text::Text,
};

/// What one file does that rules speak about.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) text: Arc<Text>,
    /// Addresses of services.
    pub(crate) links: Vec<Link>,
    /// What is done to tables.
    pub(crate) tables: Vec<TableUse>,
    /// What is taken from other parts of the repository.
    pub(crate) imports: Vec<(imports::Target, Range<usize>)>,
    /// Event types that are made.
    pub(crate) events: Vec<(String, Range<usize>)>,
}

/// A use of another service's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The host.
    pub(crate) host: String,
    /// Where the call is, or the address when no call is known.
    pub(crate) range: Range<usize>,
    /// How it is used, for people.
    pub(crate) how: String,
    /// Where the address is written, when that is not where the call is.
    pub(crate) address: Option<Range<usize>>,
    /// Which service uses it, when the file itself says so.
    pub(crate) from: Option<String>,
}

/// Something done to a table, or to stored events by the interface of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableUse {
    pub(crate) verb: Verb,
    /// In lower case; `None` for a store whose streams are always of events.
    pub(crate) table: Option<String>,
    /// What does it, for people.
    pub(crate) how: String,
    pub(crate) range: Range<usize>,
}

impl Seen {
    /// Looks at a file; `None` when it has nothing to do with what is known.
    pub(crate) fn of(found: &Found, text: Arc<Text>, known: &Known) -> Option<Self> {
        if !known.may_be_in(&text.text, found.kind) {
            return None;
        }
        let mut seen = Self { text: Arc::clone(&text), ..Self::default() };
        match found.kind {
            FileKind::Sql => seen.tables = tables::of_file(&text, known),
            FileKind::Deployment => seen.links = deploy::links(&text, known),
            _ => {
                let source = Source::new(text, found.kind);
                let pieces = source.pieces();
                seen.links = calls::links(&source, &pieces, known);
                seen.tables = tables::of_source(&source, &pieces, known);
                seen.imports = imports::of_source(&source, known);
                seen.events = events::made(&source);
            }
        }
        let is_empty =
            seen.links.is_empty() && seen.tables.is_empty() && seen.imports.is_empty() && seen.events.is_empty();
        (!is_empty).then_some(seen)
    }
}
