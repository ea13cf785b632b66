use std::collections::{BTreeMap, BTreeSet};

use super::{known::Known, seen::Link};
use crate::facts::source::{Piece, Source, TokenKind};

/// Addresses of services in a source, at the call that uses them where one does; and clients generated for a service.
pub(crate) fn links(source: &Source, pieces: &[Piece], known: &Known) -> Vec<Link> {
    let addresses: Vec<_> =
        pieces.iter().filter_map(|piece| Some((piece, known.host_of(piece.text.trim())?))).collect();
    let named: BTreeMap<usize, &str> =
        source.constants.iter().filter_map(|(name, text)| Some(((*text)?, name.as_str()))).collect();
    let names = addresses.iter().filter_map(|(piece, _)| named.get(&piece.first).copied());
    let uses = uses(source, names.collect());
    let mut found = Vec::new();
    for (piece, host) in addresses {
        let used = named.get(&piece.first).and_then(|name| uses.get(name)).map(Vec::as_slice).unwrap_or_default();
        found.extend(of_address(source, piece, host, used));
    }
    found.extend((0..source.tokens.len()).filter_map(|index| generated(source, index, known)));
    found
}

/// Where names stand that are not just being given a value.
fn uses<'a>(source: &'a Source, names: BTreeSet<&str>) -> BTreeMap<&'a str, Vec<usize>> {
    let mut uses: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    if names.is_empty() {
        return uses;
    }
    for (index, token) in source.tokens.iter().enumerate().filter(|(_, token)| token.is_word()) {
        let name = source.text.get(token.inner.clone());
        if names.contains(name) && !source.is_sign(index + 1, '=') && !source.is_sign(index + 1, ':') {
            uses.entry(name).or_default().push(index);
        }
    }
    uses
}

/// An address where it stands, or where its name is used: what counts is the call.
fn of_address(source: &Source, piece: &Piece, host: &str, uses: &[usize]) -> Vec<Link> {
    let written = source.tokens.get(piece.first).map_or(0..0, |token| token.range.clone());
    let link = |range, how: Option<String>, address| Link {
        host: host.to_owned(),
        range,
        how: how.map_or_else(
            || "its address is written here".to_owned(),
            |call| format!("`{call}` is called with its address"),
        ),
        address,
        from: None,
    };
    let of_use = |index: &usize| {
        let range = source.tokens.get(*index)?.range.clone();
        Some(link(range, Some(source.called_with(*index)?), Some(written.clone())))
    };
    let found: Vec<_> = uses.iter().filter_map(of_use).collect();
    if found.is_empty() { vec![link(written, source.called_with(piece.first), None)] } else { found }
}

/// `BillingClient::connect(…)`, `BillingServiceClient::new(…)`: what a gRPC compiler makes for a service.
fn generated(source: &Source, index: usize, known: &Known) -> Option<Link> {
    let token = source.tokens.get(index).filter(|token| token.kind == TokenKind::Word)?;
    let stem = source.says(index).strip_suffix("Client")?;
    let stem = stem.strip_suffix("Service").unwrap_or(stem).to_lowercase();
    let makes = ["connect", "new", "with_interceptor", "with_origin"];
    let call = source.are_signs(index + 1, "::").then(|| source.says(index + 3)).filter(|call| makes.contains(call))?;
    let host = known.hosts.iter().find(|host| host.replace(['-', '_', '.'], "") == stem && !stem.is_empty())?;
    Some(Link {
        host: host.clone(),
        range: token.range.clone(),
        how: format!("`{}::{call}` makes a client of it", source.says(index)),
        address: None,
        from: None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{
        files::{FileKind, Language},
        text::Text,
    };

    fn found(text: &str, kind: FileKind) -> Vec<(String, String)> {
        let known = Known { hosts: ["billing".to_owned()].into(), ..Known::default() };
        let source = Source::new(Arc::new(Text::new("a", text.into())), kind);
        let links = links(&source, &source.pieces(), &known);
        links.into_iter().map(|link| (text.get(link.range).unwrap().to_owned(), link.how)).collect()
    }

    #[test]
    fn an_address_is_found_at_its_call() {
        let rust = "async fn f() { reqwest::get(\"http://billing:8080/pay\").await; }";
        let called = "`reqwest::get` is called with its address";
        assert_eq!(found(rust, FileKind::Rust), [("\"http://billing:8080/pay\"".to_owned(), called.to_owned())]);
        let named = "const URL: &str = \"http://billing/pay\";\nfn f() { client.post(URL).send(); }";
        assert_eq!(
            found(named, FileKind::Rust),
            [("URL".to_owned(), "`client.post` is called with its address".to_owned())]
        );
        let formatted = "fn f() { ureq::get(&format!(\"http://billing/pay/{}\", id)); }";
        assert_eq!(found(formatted, FileKind::Rust).len(), 1);
        let script = "await fetch(`http://billing/pay/${id}`)";
        assert_eq!(found(script, FileKind::Plain(Language::Script))[0].1, "`fetch` is called with its address");
    }

    #[test]
    fn an_address_that_is_only_named_and_a_generated_client_are_found_too() {
        let named = "const URL: &str = \"http://billing/pay\";";
        assert_eq!(found(named, FileKind::Rust)[0].1, "its address is written here");
        assert_eq!(found("fn f() { BillingServiceClient::connect(url); }", FileKind::Rust).len(), 1);
    }

    #[test]
    fn other_addresses_and_clients_are_none() {
        assert_eq!(found("fn f() { get(\"http://example.com/billing\"); Client::new(); }", FileKind::Rust), []);
    }
}
