use std::ops::Range;

use crate::{Place, Point};

/// The text of one file, with what is needed to tell where something stands in it.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// Relative to the root, with `/`.
    pub(crate) file: String,
    /// Everything in it. What is not text was replaced, so that what is can be read.
    pub(crate) text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    /// How many characters stand before each block of bytes, so that places on long lines cost no more than on short.
    blocks: Vec<usize>,
}

/// Bytes of a block.
const BLOCK: usize = 1024;

impl Text {
    pub(crate) fn new(file: impl Into<String>, bytes: Vec<u8>) -> Self {
        let text = decoded(bytes);
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        let blocks = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
            let characters = *before;
            *before += begun(block);
            Some(characters)
        });
        let blocks = blocks.collect();
        Self { file: file.into(), blocks, lines, text }
    }

    /// The text in a range of bytes; empty when there is none.
    pub(crate) fn get(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or("")
    }

    /// The place of a range of bytes.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        Place { file: self.file.clone(), start: self.point(range.start), end: self.point(range.end.max(range.start)) }
    }

    /// The place of the first line that is not empty, for what is about the whole file.
    pub(crate) fn head(&self) -> Place {
        let start = self.text.len() - self.text.trim_start().len();
        let length = self.text.trim_start().lines().next().map_or(0, |line| line.trim_end().len());
        self.place(start..start + length)
    }

    fn point(&self, offset: usize) -> Point {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.characters(offset.min(self.text.len())).saturating_sub(self.characters(start)) + 1;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Point { line: number(line), column: number(column) }
    }

    /// How many characters begin before an offset.
    fn characters(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let within = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        self.blocks.get(block).map_or_else(|| begun(self.text.as_bytes()), |before| before + begun(within))
    }

    /// The directory of the file; empty at the root.
    pub(crate) fn directory(&self) -> &str {
        directory_of(&self.file)
    }
}

/// How many characters begin in some bytes of a text.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

/// The directory in which a path lies; empty at the root.
pub(crate) fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Whether a path is a directory or lies below it. Everything is below the root, which is empty.
pub(crate) fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// UTF-8, or UTF-16 where its mark says so, as database tools of Windows write it.
fn decoded(bytes: Vec<u8>) -> String {
    let wide = |from: fn([u8; 2]) -> u16| {
        let pairs = bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok()).map(from);
        char::decode_utf16(pairs).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(line: u32, column: u32) -> Point {
        Point { line, column }
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = Text::new("a.sql", "eins\nzwölf drei\n".into());
        let start = text.text.find("drei").unwrap();
        let place = text.place(start..start + 4);
        assert_eq!((place.start, place.end), (point(2, 7), point(2, 11)));
        assert_eq!(text.place(0..0).start, point(1, 1));
        assert_eq!(text.place(9_999..10_000).start.line, 3);
    }

    #[test]
    fn a_place_on_a_long_line_counts_as_on_a_short_one() {
        let long = "zwölf ".repeat(2_000);
        let text = Text::new("a.sql", format!("x\n{long}").into());
        for number in [0, 1, 145, 146, 147, 1_999] {
            let start = 2 + number * "zwölf ".len();
            let column = u32::try_from(number).unwrap() * 6 + 1;
            assert_eq!(text.place(start..start + 6).start, point(2, column));
        }
        assert_eq!(text.place(text.text.len()..text.text.len()).end, point(2, 12_001));
    }

    #[test]
    fn text_with_a_mark_is_read_by_its_mark() {
        let wide: Vec<u8> = "\u{FEFF}DELETE".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Text::new("a.sql", wide).text, "DELETE");
        assert_eq!(Text::new("a.sql", b"\xEF\xBB\xBFx".to_vec()).text, "x");
        assert_eq!(Text::new("a.sql", vec![b'x', 0xFF, b'y']).text, "x\u{FFFD}y");
    }

    #[test]
    fn a_directory_holds_what_is_below_it_and_not_its_namesakes() {
        assert!(is_below("a/b/c.rs", "a/b") && is_below("x.rs", "") && is_below("a/b", "a/b"));
        assert!(!is_below("a/bc.rs", "a/b"));
    }
}
