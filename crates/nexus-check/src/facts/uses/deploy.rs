use std::ops::Range;

use super::{known::Known, seen::Link};
use crate::facts::text::Text;

/// Addresses of services in a deployment descriptor, with the service it gives them to: the entry of `services:` in a
/// compose file, the `metadata.name` of a document for a cluster.
///
/// It is read line by line: what counts are scalars, and the indentation says whose they are.
pub(crate) fn links(text: &Text, known: &Known) -> Vec<Link> {
    let mut found = Vec::new();
    let (mut start, mut context) = (0, Context::default());
    for line in text.text.split_inclusive('\n') {
        let content = line.split(" #").next().unwrap_or("").trim_end();
        if !content.trim_start().starts_with('#') && !content.trim().is_empty() {
            context.enter(content, known);
            // `billing:2` is an image there and not an address.
            let is_image = content.trim().trim_start_matches("- ").starts_with("image:");
            for part in if is_image { Vec::new() } else { scalars(content) } {
                let scalar = content.get(part.clone()).unwrap_or("");
                found.extend(known.host_of(scalar).map(|host| Link {
                    host: host.to_owned(),
                    range: start + part.start..start + part.end,
                    how: "its address is handed in here".to_owned(),
                    address: None,
                    from: context.service.clone(),
                }));
            }
        }
        start += line.len();
    }
    found
}

/// Whose lines these are.
#[derive(Default)]
struct Context {
    /// The indentation of the members of `services:`, once one is seen.
    services: Option<Option<usize>>,
    in_metadata: bool,
    service: Option<String>,
}

impl Context {
    fn enter(&mut self, line: &str, known: &Known) {
        let indent = line.len() - line.trim_start().len();
        let (key, value) = line.trim().split_once(':').unwrap_or(("", ""));
        if line.starts_with("---") {
            *self = Self::default();
        } else if indent == 0 {
            self.services = (key == "services").then_some(None);
            self.in_metadata = key == "metadata";
            if key == "services" {
                self.service = None;
            }
        } else if let Some(members) = &mut self.services {
            let members = *members.get_or_insert(indent);
            if indent == members {
                self.service = Some(unquoted(key).to_lowercase());
            }
        } else if self.in_metadata && key == "name" {
            self.service = known.hosts.get(&unquoted(value).to_lowercase()).cloned();
            self.in_metadata = false;
        }
    }
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// The values on a line: what stands behind `: `, `- ` or `=`, without quotes.
fn scalars(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let ends = |c: char| c.is_whitespace() || "\"'=,[]{}".contains(c);
    let mut start = None;
    for (index, c) in line.char_indices().chain([(line.len(), ' ')]) {
        if !ends(c) {
            start = start.or(Some(index));
        } else if let Some(begin) = start.take() {
            found.push(begin..index);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<String>, String)> {
        let known = Known { hosts: ["billing".to_owned(), "orders".to_owned()].into(), ..Known::default() };
        let text = Text::new("compose.yaml", text.into());
        let links = links(&text, &known);
        links.into_iter().map(|link| (link.host, link.from, text.get(link.range).to_owned())).collect()
    }

    #[test]
    fn an_address_in_a_compose_file_belongs_to_its_service() {
        let compose = "services:\n  orders:\n    image: billing:1\n    environment:\n      - PAY=http://billing:80\n      # http://billing\n  x:\n    environment:\n      PAY: \"http://billing/\"\nvolumes:\n  billing:\n";
        let of = |from: &str, address: &str| ("billing".to_owned(), Some(from.to_owned()), address.to_owned());
        assert_eq!(found(compose), [of("orders", "http://billing:80"), of("x", "http://billing/")]);
    }

    #[test]
    fn an_address_in_a_document_for_a_cluster_belongs_to_what_it_is_named_after() {
        let cluster = "kind: Deployment\nmetadata:\n  name: orders\nspec:\n  env:\n    - name: PAY\n      value: http://billing.shop.svc\n---\nkind: X\nmetadata:\n  name: other\nvalue: billing:80\n";
        let all = found(cluster);
        assert_eq!(all[0].1, Some("orders".to_owned()));
        assert_eq!(all[1].1, None);
    }
}
