use proc_macro2::{Span, TokenStream};
use syn::{
    Error, Ident, LitStr, Result, Token, Type, bracketed,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    token,
};

/// The `name = value` arguments of an attribute.
pub(crate) struct Args {
    attribute: &'static str,
    given: Vec<(Ident, Value)>,
}

enum Value {
    Text(LitStr),
    Types(Vec<Type>),
}

impl Args {
    /// Reads the arguments; each must be one of `known`, once.
    pub(crate) fn parse(attribute: &'static str, known: &'static [&'static str], args: TokenStream) -> Result<Self> {
        let read = |input: ParseStream<'_>| {
            let mut given: Vec<(Ident, Value)> = Vec::new();
            while !input.is_empty() {
                let (name, value) = argument(attribute, known, input)?;
                if given.iter().any(|(earlier, _)| *earlier == name) {
                    return Err(Error::new(name.span(), format!("`{name}` is given twice; keep one")));
                }
                given.push((name, value));
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(given)
        };
        let given = read.parse2(args)?;
        Ok(Self { attribute, given })
    }

    /// The text `name = "…"`.
    pub(crate) fn text(&mut self, name: &str, example: &str) -> Result<LitStr> {
        match self.take(name, example)? {
            (_, Value::Text(text)) => Ok(text),
            (given, Value::Types(_)) => {
                Err(Error::new(given.span(), format!("`{name}` is a text in quotes: `{name} = {example}`")))
            }
        }
    }

    /// The types `name = A` or `name = [A, B]`; at least one.
    pub(crate) fn types(&mut self, name: &str, example: &str) -> Result<Vec<Type>> {
        match self.take(name, example)? {
            (_, Value::Types(types)) if !types.is_empty() => Ok(types),
            (given, _) => {
                Err(Error::new(given.span(), format!("`{name}` is a type, without quotes: `{name} = {example}`")))
            }
        }
    }

    fn take(&mut self, name: &str, example: &str) -> Result<(Ident, Value)> {
        let place = self.given.iter().position(|(given, _)| given == name);
        place.map(|place| self.given.swap_remove(place)).ok_or_else(|| {
            Error::new(
                Span::call_site(),
                format!("`#[nexus::{}]` needs `{name}`: add `{name} = {example}`", self.attribute),
            )
        })
    }
}

fn argument(attribute: &str, known: &[&str], input: ParseStream<'_>) -> Result<(Ident, Value)> {
    let name = Ident::parse_any(input)?;
    if !known.iter().any(|known| name == known) {
        let known = list(known.iter().map(|name| (*name).to_owned()));
        return Err(Error::new(
            name.span(),
            format!("unknown argument `{name}`; `#[nexus::{attribute}]` knows {known}"),
        ));
    }
    input.parse::<Token![=]>()?;
    let value = if input.peek(LitStr) {
        Value::Text(input.parse()?)
    } else if input.peek(token::Bracket) {
        let types;
        bracketed!(types in input);
        let types = Punctuated::<Type, Token![,]>::parse_terminated(&types)?;
        Value::Types(types.into_iter().collect())
    } else {
        Value::Types(vec![input.parse()?])
    };
    Ok((name, value))
}

/// Refuses arguments of an attribute that has none.
pub(crate) fn none(attribute: &str, args: TokenStream) -> Result<()> {
    if args.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(args, format!("`#[nexus::{attribute}]` has no arguments; remove these")))
}

/// "`a`, `b`, `c`".
pub(crate) fn list(names: impl IntoIterator<Item = String>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
