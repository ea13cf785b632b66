use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream};

use super::token::Token;

/// The tokens of a Rust source without comments, documentation and what exists in tests only; `None` when it cannot be
/// told apart. Nesting costs no stack.
pub(crate) fn tokens(source: &str) -> Option<Vec<Token>> {
    let stream: TokenStream = source.parse().ok()?;
    let mut walk = Walk { source, tokens: Vec::new() };
    walk.run(stream);
    proc_macro2::extra::invalidate_current_thread_spans();
    Some(walk.tokens)
}

struct Walk<'a> {
    source: &'a str,
    tokens: Vec<Token>,
}

/// A group that is being walked.
struct Open {
    rest: std::iter::Peekable<token_stream::IntoIter>,
    /// What ends it, and where.
    close: Option<(char, usize)>,
    /// Whether what follows, up to the end of the item, exists in tests only.
    skips_item: bool,
}

impl Open {
    fn new(stream: TokenStream, close: Option<(char, usize)>) -> Self {
        Self { rest: stream.into_iter().peekable(), close, skips_item: false }
    }
}

impl Walk<'_> {
    fn run(&mut self, stream: TokenStream) {
        let mut stack = vec![Open::new(stream, None)];
        while let Some(open) = stack.last_mut() {
            let Some(tree) = open.rest.next() else {
                if let Some(Open { close: Some((sign, at)), .. }) = stack.pop() {
                    self.tokens.push(Token::sign(sign, at));
                }
                continue;
            };
            if let Some(group) = self.take(open, tree) {
                let (begins, ends) = match group.delimiter() {
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Parenthesis | Delimiter::None => ('(', ')'),
                };
                let range = group.span().byte_range();
                self.tokens.push(Token::sign(begins, range.start));
                stack.push(Open::new(group.stream(), Some((ends, range.end.saturating_sub(1)))));
            }
        }
    }

    /// Takes one tree; answers the group that is to be walked.
    fn take(&mut self, open: &mut Open, tree: TokenTree) -> Option<proc_macro2::Group> {
        if let Some(attribute) = Attribute::of(&tree, open) {
            if attribute.path.first().is_some_and(|word| word == "doc") {
                open.rest.next();
                return None;
            }
            if attribute.is_inner && attribute.is_test() {
                open.rest = TokenStream::new().into_iter().peekable();
                return None;
            }
            open.skips_item |= attribute.is_test();
        }
        if open.skips_item {
            let ends = match &tree {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            open.skips_item = !ends;
            return None;
        }
        let range = tree.span().byte_range();
        match tree {
            TokenTree::Group(group) => return Some(group),
            TokenTree::Ident(_) => self.tokens.push(Token::word(range)),
            TokenTree::Punct(punct) => self.tokens.push(Token::sign(punct.as_char(), range.start)),
            TokenTree::Literal(_) => self.tokens.push(literal(self.source, range)),
        }
        None
    }
}

/// An attribute, as far as it can say that something exists in tests only.
struct Attribute {
    /// The words of its path: `tokio`, `test`.
    path: Vec<String>,
    /// The words in its parentheses, and in those within.
    inside: Vec<String>,
    /// Whether it is about what it stands in: `#![…]`.
    is_inner: bool,
}

impl Attribute {
    /// The attribute that begins with a tree.
    fn of(tree: &TokenTree, open: &mut Open) -> Option<Self> {
        if !matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '#') {
            return None;
        }
        let is_mark = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '!');
        let is_inner = open.rest.next_if(is_mark).is_some();
        let Some(TokenTree::Group(group)) = open.rest.peek() else { return None };
        let (path, groups) = words(group.stream());
        let (mut inside, within) = groups.into_iter().map(words).fold((Vec::new(), Vec::new()), joined);
        // `cfg(all(test, unix))` is as deep as it matters; what is deeper counts as product.
        inside.extend(within.into_iter().flat_map(|stream| words(stream).0));
        Some(Self { path, inside, is_inner })
    }

    fn is_test(&self) -> bool {
        let says = |word: &str| self.inside.iter().any(|other| other == word);
        let is_condition = self.path.first().is_some_and(|word| word == "cfg") && says("test") && !says("not");
        is_condition || self.path.last().is_some_and(|word| word == "test")
    }
}

/// The words of a stream, and its groups.
fn words(stream: TokenStream) -> (Vec<String>, Vec<TokenStream>) {
    let mut found = (Vec::new(), Vec::new());
    for tree in stream {
        match tree {
            TokenTree::Ident(word) => found.0.push(word.to_string()),
            TokenTree::Group(group) => found.1.push(group.stream()),
            _ => {}
        }
    }
    found
}

type Words = (Vec<String>, Vec<TokenStream>);

fn joined(mut one: Words, mut other: Words) -> Words {
    one.0.append(&mut other.0);
    one.1.append(&mut other.1);
    one
}

/// A literal: a text where it is one, a word otherwise.
fn literal(source: &str, range: std::ops::Range<usize>) -> Token {
    let written = source.get(range.clone()).unwrap_or("");
    let raw = written.trim_start_matches(['b', 'c']).starts_with('r');
    let (Some(first), Some(last)) = (written.find('"'), written.rfind('"')) else { return Token::word(range) };
    if written.starts_with('\'') || written.starts_with("b'") || last <= first {
        return Token::word(range);
    }
    let inner = range.start + first + 1..range.start + last;
    Token::text(raw, range, inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        let tokens = tokens(source).unwrap();
        tokens.into_iter().filter(Token::is_text).map(|token| &source[token.inner]).collect()
    }

    #[test]
    fn strings_of_every_form_are_texts() {
        let source = r####"fn f() { g("a\"b", r#"c"d"#, b"e", br"f", '"', b'"', c"h", 1.5, "") }"####;
        assert_eq!(texts(source), ["a\\\"b", "c\"d", "e", "f", "h", ""]);
    }

    #[test]
    fn what_exists_in_tests_only_is_left_out() {
        let source = "#[cfg(test)] mod tests { const A: &str = \"a\"; }\n#[test] fn t() { b(\"b\"); }\n\
                      #[tokio::test] async fn u() { \"c\"; }\n#[cfg(all(test, unix))] use x::y;\n\
                      #[cfg(not(test))] fn f() { \"product\"; }\nfn g() { \"too\"; }";
        assert_eq!(texts(source), ["product", "too"]);
    }

    #[test]
    fn a_file_that_exists_in_tests_only_says_nothing() {
        assert_eq!(texts("#![cfg(test)] const A: &str = \"a\";"), [] as [&str; 0]);
    }

    #[test]
    fn documentation_is_left_out_and_what_macros_hold_is_not() {
        let source = "/// UPDATE \"x\"\nfn f() { /* \"y\" */ query!(\"z\"); } //! \"w\"";
        assert_eq!(texts(source), ["z"]);
    }

    #[test]
    fn places_are_those_of_bytes_behind_wide_characters() {
        let source = "fn f() { \"zwölf\"; g(\"x\"); }";
        assert_eq!(texts(source), ["zwölf", "x"]);
    }

    #[test]
    fn nesting_without_end_ends_nothing() {
        let depth = 100_000;
        let source = format!("fn f() {{ {}\"x\"{} }}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(texts(&source), ["x"]);
        assert_eq!(tokens(&"(".repeat(depth)), None);
        let attribute = format!("#[cfg({}test{})] fn f() {{ }}", "(".repeat(depth), ")".repeat(depth));
        assert!(tokens(&attribute).is_some());
    }
}
