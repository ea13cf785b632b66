//! Where in the text of a JSON document something stands that a JSON Pointer names.

use std::ops::Range;

use super::text::Text;
use crate::Place;

/// The place a pointer names: the name of a member, or an element. Where the document has no such place, the nearest
/// one on the way that it has. The text is one that a parser took.
pub(crate) fn place(text: &Text, pointer: &str) -> Place {
    let mut cursor = Cursor { bytes: text.text.as_bytes(), at: 0 };
    let mut found = None;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match cursor.enter(&token) {
            Some(range) => found = Some(range),
            None => break,
        }
    }
    found.map_or_else(|| text.head(), |range| text.place(range))
}

/// Reads forward through a document.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    /// Goes to the value of a member or element, and answers where it is named. Stays when there is none.
    fn enter(&mut self, token: &str) -> Option<Range<usize>> {
        let mut inside = *self;
        let found = match inside.peek()? {
            b'{' => inside.enter_member(token),
            b'[' => inside.enter_element(token.parse().ok()?),
            _ => None,
        }?;
        *self = inside;
        Some(found)
    }

    fn enter_member(&mut self, wanted: &str) -> Option<Range<usize>> {
        self.take(b'{');
        while self.peek()? == b'"' {
            let name = self.string();
            let decoded: Option<String> =
                self.bytes.get(name.clone()).and_then(|bytes| serde_json::from_slice(bytes).ok());
            self.take(b':');
            if decoded.as_deref() == Some(wanted) {
                return Some(name);
            }
            self.skip();
            self.take(b',');
        }
        None
    }

    fn enter_element(&mut self, wanted: usize) -> Option<Range<usize>> {
        self.take(b'[');
        for _ in 0..wanted {
            let before = self.at;
            self.skip();
            if !self.take(b',') || self.at == before {
                return None;
            }
        }
        (self.peek()? != b']').then(|| {
            let mut end = *self;
            end.skip();
            self.at..end.at
        })
    }

    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
        start..self.at
    }

    /// Passes one value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => drop(self.string()),
                b'{' | b'[' => (self.at, depth) = (self.at + 1, depth + 1),
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => (self.at, depth) = (self.at + 1, depth - 1),
                b',' if depth == 0 => return,
                b',' | b':' => self.at += 1,
                _ => {
                    while self.bytes.get(self.at).is_some_and(|byte| !b",:]}[{\" \t\r\n".contains(byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{
  "type": "object",
  "properties": { "a/b": { "type": [ "null", {"x": -1.5e3} ] }, "plain": true },
  "required": ["one", "two"]
}"#;

    fn at(pointer: &str) -> (u32, u32) {
        let place = place(&Text::new("s.json", DOCUMENT.into()), pointer);
        (place.start.line, place.start.column)
    }

    #[test]
    fn a_pointer_leads_to_the_name_of_a_member_or_to_an_element() {
        assert_eq!(at(""), (1, 1));
        assert_eq!(at("/type"), (2, 3));
        assert_eq!(at("/properties/a~1b"), (3, 19));
        assert_eq!(at("/properties/a~1b/type/1/x"), (3, 47));
        assert_eq!(at("/properties/plain"), (3, 65));
        assert_eq!(at("/required/1"), (4, 23));
    }

    #[test]
    fn a_pointer_to_what_is_not_there_leads_to_the_nearest_place() {
        assert_eq!(at("/properties/gone/type"), (3, 3));
        assert_eq!(at("/required/9"), (4, 3));
        assert_eq!(at("/gone"), (1, 1));
    }

    #[test]
    fn text_that_is_no_json_ends_the_search() {
        for text in ["", "{", "[", "{\"a", "{\"a\":", "[,,,]", "}", "{\"a\" \"b\" \"c\"}", "{\"a\\"] {
            place(&Text::new("s.json", text.into()), "/a/1/b");
            place(&Text::new("s.json", text.into()), "/1");
        }
    }
}
