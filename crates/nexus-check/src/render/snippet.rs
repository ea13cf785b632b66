use std::ops::Range;

use super::{Sources, clean};
use crate::Place;

/// Most lines of a finding that are shown; a longer one is shown by its first line.
const MOST_LINES: usize = 6;

/// The lines a place covers, and the bytes of them to underline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The lines, clean, joined by line feeds.
    pub(super) text: String,
    /// The number of the first, 1-based.
    pub(super) first: usize,
    /// What to underline in `text`, at least one byte where the line has any.
    pub(super) marked: Range<usize>,
}

impl Shown {
    /// What to show of a place; `None` when its file does not have it.
    pub(super) fn of(place: &Place, sources: &Sources) -> Option<Self> {
        let first = usize::try_from(place.start.line).ok()?;
        let end_line = usize::try_from(place.end.line).ok()?.max(first);
        // A place that ends before the first character of a line ends with the line before.
        let last = if place.end.column <= 1 && end_line > first { end_line - 1 } else { end_line };
        let whole = last - first < MOST_LINES;
        let lines = sources.lines(&place.file, first, if whole { last } else { first })?;
        let lines: Vec<_> = lines.iter().map(|line| clean::source_line(line)).collect();
        let start = offset(lines.first()?, place.start.column);
        let before: usize = lines.iter().rev().skip(1).map(|line| line.len() + 1).sum();
        let end = match (whole && last == end_line, lines.last()) {
            (true, Some(line)) => before + offset(line, place.end.column),
            (_, line) => before + line.map_or(0, String::len),
        };
        let text = lines.join("\n");
        let least = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Some(Self { first, marked: start..end.max(start + least), text })
    }
}

/// The byte where a 1-based column of characters begins; the end of the line for columns behind it.
fn offset(line: &str, column: u32) -> usize {
    let skipped = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    line.char_indices().nth(skipped).map_or(line.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Point;

    fn shown(text: &str, start: (u32, u32), end: (u32, u32)) -> Option<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), text).unwrap();
        let point = |(line, column)| Point { line, column };
        let place = Place { file: "a".to_owned(), start: point(start), end: point(end) };
        let shown = Shown::of(&place, &Sources::below(directory.path()))?;
        Some((shown.text.clone(), shown.text[shown.marked].to_owned()))
    }

    fn texts(text: &str, marked: &str) -> Option<(String, String)> {
        Some((text.to_owned(), marked.to_owned()))
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(shown("für ‚x‘ y\n", (1, 5), (1, 8)), texts("für ‚x‘ y", "‚x‘"));
    }

    #[test]
    fn a_place_over_several_lines_shows_them() {
        assert_eq!(shown("ab\ncd\nef\n", (1, 2), (2, 2)), texts("ab\ncd", "b\nc"));
        assert_eq!(shown("ab\ncd\nef\n", (1, 2), (3, 1)), texts("ab\ncd", "b\ncd"));
    }

    #[test]
    fn a_long_place_shows_its_first_line() {
        let text = "line\n".repeat(20);
        assert_eq!(shown(&text, (2, 3), (19, 2)), texts("line", "ne"));
    }

    #[test]
    fn an_empty_place_and_a_column_behind_the_line_mark_what_there_is() {
        assert_eq!(shown("abc\n", (1, 2), (1, 2)), texts("abc", "b"));
        assert_eq!(shown("abc\n", (1, 9), (1, 12)), texts("abc", ""));
        assert_eq!(shown("\n", (1, 1), (1, 1)), texts("", ""));
        assert_eq!(shown("abc\n", (7, 1), (7, 2)), None);
        assert_eq!(shown("abc\n", (1, 1), (u32::MAX, 1)), texts("abc", "abc"));
    }
}
