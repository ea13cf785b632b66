use std::ops::Range;

use crate::{Place, Point};

/// The place of a range of bytes.
pub(super) fn place(file: &str, text: &str, range: Range<usize>) -> Place {
    Place { file: file.to_owned(), start: point(text, range.start), end: point(text, range.end.max(range.start)) }
}

fn point(text: &str, offset: usize) -> Point {
    let before = text.get(..offset).unwrap_or(text);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let line_begins = before.rfind('\n').map_or(0, |index| index + 1);
    let column = before.get(line_begins..).map_or(0, |line| line.chars().count());
    Point { line: number(before.matches('\n').count() + 1), column: number(column + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_by_character() {
        let place = place("a", "ü = 1\nö = 22\n", 12..14);
        assert_eq!((place.start.line, place.start.column, place.end.column), (2, 5, 7));
    }
}
