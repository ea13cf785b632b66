use super::{known::Known, seen::TableUse};
use crate::facts::{
    source::{Piece, Source},
    sql::{Origin, Verb, statements},
    text::Text,
};

/// Calls of event stores that remove what is stored.
const STORE_CALLS: &[&str] = &[
    "delete_stream",
    "deletestream",
    "deletestreamasync",
    "tombstone_stream",
    "tombstonestream",
    "tombstonestreamasync",
    "hard_delete_stream",
    "harddeletestream",
    "truncate_stream",
    "truncatestream",
];
/// Calls and types of DynamoDB that change or remove an item.
const ITEM_CALLS: &[(&str, Verb)] = &[
    ("deleteitem", Verb::Delete),
    ("updateitem", Verb::Update),
    ("putitem", Verb::Overwrite),
    ("deletecommand", Verb::Delete),
    ("updatecommand", Verb::Update),
    ("deleteitemcommand", Verb::Delete),
    ("updateitemcommand", Verb::Update),
];
/// How many tokens before a call its object is looked for.
const MOST_BACK: usize = 20_000;
/// How many tokens behind a call its table is looked for.
const REACH: usize = 40;

/// What a file of SQL does to tables that are known.
pub(crate) fn of_file(text: &Text, known: &Known) -> Vec<TableUse> {
    let found =
        statements(&text.text, Origin::File).into_iter().filter(|statement| known.tables.contains(&statement.table));
    let table_use = |statement: crate::facts::sql::Statement| TableUse {
        verb: statement.verb,
        how: statement.verb.describe().to_owned(),
        table: Some(statement.table),
        range: statement.range,
    };
    found.map(table_use).collect()
}

/// What a source does to tables that are known: by SQL in its texts, by DynamoDB, by the interface of an event store.
pub(crate) fn of_source(source: &Source, pieces: &[Piece], known: &Known) -> Vec<TableUse> {
    let mut found: Vec<_> = pieces.iter().flat_map(|piece| of_piece(piece, known)).collect();
    for index in 0..source.tokens.len() {
        found.extend(store_call(source, index));
        found.extend(item_call(source, index, known));
    }
    found
}

fn of_piece(piece: &Piece, known: &Known) -> Vec<TableUse> {
    // The shortest statement there is says more than this.
    if piece.text.len() < 8 {
        return Vec::new();
    }
    let all = statements(&piece.text, Origin::Program).into_iter();
    let table_use = |statement: crate::facts::sql::Statement| TableUse {
        verb: statement.verb,
        how: statement.verb.describe().to_owned(),
        table: Some(statement.table),
        range: piece.written(statement.range),
    };
    all.filter(|statement| known.tables.contains(&statement.table)).map(table_use).collect()
}

/// `store.delete_stream(…)`: a call and not what declares it.
fn store_call(source: &Source, index: usize) -> Option<TableUse> {
    let name = source.says(index);
    let is_call = source.is_sign(index + 1, '(')
        && index > 0
        && (source.is_sign(index - 1, '.') || source.is_sign(index - 1, ':'));
    let is_erasure = is_call && STORE_CALLS.contains(&name.to_lowercase().as_str());
    is_erasure.then(|| TableUse {
        verb: Verb::Delete,
        table: None,
        how: format!("`{name}`"),
        range: source.tokens.get(index).map_or(0..0, |token| token.range.clone()),
    })
}

/// `client.update_item().table_name("events")`, `new DeleteCommand({ TableName: "events" })`.
fn item_call(source: &Source, index: usize, known: &Known) -> Option<TableUse> {
    let name = source.says(index);
    if !source.tokens.get(index)?.is_word() || !source.is_sign(index + 1, '(') || name.len() > 24 {
        return None;
    }
    let plain = name.replace('_', "").to_lowercase();
    let (_, verb) = ITEM_CALLS.iter().find(|(call, _)| *call == plain)?;
    let near = index + 2..source.tokens.len().min(index + REACH);
    let named = near.filter(|at| is_table_name(source, *at)).find_map(|at| text_near(source, at));
    let table = named.or_else(|| table_of_object(source, index))?.to_lowercase();
    // Putting a new item is how events are stored; only a condition could tell, so it is not judged.
    let counts = known.tables.contains(&table) && *verb != Verb::Overwrite;
    counts.then(|| TableUse {
        verb: *verb,
        table: Some(table),
        how: format!("DynamoDB's `{name}`"),
        range: source.tokens.get(index).map_or(0..0, |token| token.range.clone()),
    })
}

fn is_table_name(source: &Source, index: usize) -> bool {
    ["table_name", "tableName", "TableName", "Table"].contains(&source.says(index))
}

/// The text, or the constant, that stands in the next three tokens.
fn text_near(source: &Source, index: usize) -> Option<String> {
    (index + 1..index + 4).find_map(|at| {
        let token = source.tokens.get(at)?;
        if token.is_text() {
            return Some(source.says(at).to_owned());
        }
        let constant = (*source.constants.get(source.says(at))?)?;
        Some(source.says(constant).to_owned())
    })
}

/// The table of `table.delete_item(…)` where `table = dynamodb.Table("events")`.
fn table_of_object(source: &Source, index: usize) -> Option<String> {
    let object = index.checked_sub(2).filter(|object| source.is_sign(object + 1, '.'))?;
    let name = source.says(object);
    let assigned =
        (object.saturating_sub(MOST_BACK)..object).filter(|at| source.says(*at) == name && source.is_sign(at + 1, '='));
    let mut values = assigned.filter_map(|at| (at + 2..at + 8).find(|word| source.is_word(*word, "Table")));
    text_near(source, values.next_back()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::files::{FileKind, Language};

    fn found(source: &str, kind: FileKind) -> Vec<(Verb, Option<String>)> {
        let known = Known { tables: ["events".to_owned()].into(), ..Known::default() };
        let source = Source::new(Arc::new(Text::new("a", source.into())), kind);
        let uses = of_source(&source, &source.pieces(), &known);
        uses.into_iter().map(|found| (found.verb, found.table)).collect()
    }

    #[test]
    fn items_and_streams_that_are_removed_are_seen() {
        let events = || Some("events".to_owned());
        let rust = "fn f() { client.update_item().table_name(\"events\"); store.delete_stream(id); put_item(); }";
        assert_eq!(found(rust, FileKind::Rust), [(Verb::Update, events()), (Verb::Delete, None)]);
        let script = "send(new DeleteCommand({ TableName: 'events', Key: {} })); new DeleteCommand({ TableName: 'x' })";
        assert_eq!(found(script, FileKind::Plain(Language::Script)), [(Verb::Delete, events())]);
        let python = "table = db.Table('events')\ntable.delete_item(Key={})\nother.delete_item(Key={})";
        assert_eq!(found(python, FileKind::Plain(Language::Python)), [(Verb::Delete, events())]);
    }

    #[test]
    fn a_declaration_is_no_call() {
        assert_eq!(found("trait Store { fn delete_stream(&self); }", FileKind::Rust), []);
    }
}
