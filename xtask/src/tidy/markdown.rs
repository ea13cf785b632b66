//! The parts of Markdown that rules read: tables, links and headings, each with its line.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A table: lower-case header texts and rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Default)]
pub(crate) struct Row {
    /// 1-based.
    pub(crate) line: usize,
    pub(crate) cells: Vec<Cell>,
}

#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// The text, code spans included.
    pub(crate) text: String,
    /// The code spans alone.
    pub(crate) code: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) target: String,
    /// 1-based.
    pub(crate) line: usize,
}

/// The first table whose first header cell is `first`.
pub(crate) fn table(text: &str, first: &str) -> Option<Table> {
    tables(text).into_iter().find(|table| table.header.first().is_some_and(|cell| cell == first))
}

/// Every link and image, except those inside code.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let link = |(event, range): (Event<'_>, Range<usize>)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(Link { target: dest_url.into_string(), line: line_at(text, range.start) })
        }
        _ => None,
    };
    events(text).into_iter().filter_map(link).collect()
}

/// The anchors of the headings, as forges make them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut heading: Option<String> = None;
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                if let Some(title) = heading.take() {
                    anchors.push(next_free(&anchors, &anchor(&title)));
                }
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(title) = &mut heading {
                    title.push_str(&part);
                }
            }
            _ => {}
        }
    }
    anchors
}

/// A second heading of the same title gets `-1`, the next `-2`.
fn next_free(taken: &[String], wanted: &str) -> String {
    let again = taken.iter().filter(|anchor| {
        let rest = anchor.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    match again.count() {
        0 => wanted.to_owned(),
        count => format!("{wanted}-{count}"),
    }
}

fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn tables(text: &str) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut table = Table::default();
    let mut row = Row::default();
    let mut cell: Option<Cell> = None;
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::Table(_)) => table = Table::default(),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                row = Row { line: line_at(text, range.start), cells: Vec::new() };
            }
            Event::Start(Tag::TableCell) => cell = Some(Cell::default()),
            Event::End(TagEnd::TableCell) => row.cells.extend(cell.take()),
            Event::End(TagEnd::TableHead) => {
                let texts = std::mem::take(&mut row).cells.into_iter().map(|cell| cell.text);
                table.header = texts.map(|text| text.trim().to_lowercase()).collect();
            }
            Event::End(TagEnd::TableRow) => table.rows.push(std::mem::take(&mut row)),
            Event::End(TagEnd::Table) => tables.push(std::mem::take(&mut table)),
            Event::Text(part) => {
                if let Some(cell) = &mut cell {
                    cell.text.push_str(&part);
                }
            }
            Event::Code(part) => {
                if let Some(cell) = &mut cell {
                    cell.text.push_str(&part);
                    cell.code.push(part.into_string());
                }
            }
            _ => {}
        }
    }
    tables
}

fn events(text: &str) -> Vec<(Event<'_>, Range<usize>)> {
    Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter().collect()
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_lines_text_and_code() {
        let text = "intro\n\n| Crate | uses |\n| --- | --- |\n| `a` | `b`, `c` |\n| `d` | – |\n";
        let table = table(text, "crate").unwrap();
        assert_eq!(table.header, ["crate", "uses"]);
        assert_eq!(table.rows.len(), 2);
        assert_eq!(table.rows[0].line, 5);
        assert_eq!(table.rows[0].cells[1].text, "b, c");
        assert_eq!(table.rows[0].cells[1].code, ["b", "c"]);
        assert_eq!(table.rows[1].cells[1].code, [] as [String; 0]);
    }

    #[test]
    fn links_in_code_do_not_count() {
        let text = "[a](x.md)\n`[b](y.md)`\n\n```\n[c](z.md)\n```\n![d](p.png)\n";
        let targets: Vec<_> = links(text).into_iter().map(|link| link.target).collect();
        assert_eq!(targets, ["x.md", "p.png"]);
    }

    #[test]
    fn anchors_follow_the_titles_and_are_unique() {
        let text = "# One `two`, three\n## Again\n## Again\n";
        assert_eq!(anchors(text), ["one-two-three", "again", "again-1"]);
    }
}
