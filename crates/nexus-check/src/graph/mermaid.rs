use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::graph::ServiceGraph;

impl ServiceGraph {
    /// The graph as the text of a Mermaid flowchart: contexts as frames, events as arrows, calls that break a rule in
    /// red, what is missing as a dashed box.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        let mut contexts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for service in &self.services {
            contexts.entry(&service.context).or_default().push(&service.name);
        }
        for (number, (context, services)) in contexts.iter().enumerate() {
            _ = writeln!(text, "  subgraph c{number}[{}]", quoted(context));
            for service in services {
                _ = writeln!(text, "    {}[{}]", self.id(service), quoted(service));
            }
            text.push_str("  end\n");
        }
        let red = self.arrows(&mut text);
        if !red.is_empty() {
            _ = writeln!(text, "  linkStyle {} stroke:#c00,color:#c00", red.join(","));
        }
        text
    }

    /// Writes the arrows, and answers the numbers of those that break a rule.
    fn arrows(&self, text: &mut String) -> Vec<String> {
        let (mut number, mut red) = (0_usize, Vec::new());
        let mut arrow = |text: &mut String, line: String, violation: bool| {
            _ = writeln!(text, "  {line}");
            red.extend(violation.then(|| number.to_string()));
            number += 1;
        };
        for edge in &self.events {
            let Some(to) = &edge.to else { continue };
            let label = quoted(&edge.event);
            let from = match &edge.from {
                Some(from) => self.id(from),
                None => format!("nobody{}([{}])", self.id(to), quoted("nobody")),
            };
            arrow(text, format!("{from} -->|{label}| {}", self.id(to)), edge.violation);
        }
        let calls: BTreeSet<_> = self.calls.iter().map(|call| (&call.from, &call.to, call.violation)).collect();
        for (from, to, violation) in calls {
            arrow(text, format!("{} -.->|\"calls\"| {}", self.id(from), self.id(to)), violation);
        }
        red
    }

    /// A name that Mermaid takes, whatever the service is called.
    fn id(&self, service: &str) -> String {
        let place = self.services.iter().position(|known| known.name == service);
        place.map_or_else(|| "x".to_owned(), |place| format!("s{place}"))
    }
}

/// A text in quotes, with what Mermaid would read as markup written as entities.
fn quoted(text: &str) -> String {
    let safe: String = text
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '#' => "#35;".to_owned(),
            other => other.to_string(),
        })
        .collect();
    format!("\"{safe}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_out_of_its_quotes() {
        assert_eq!(quoted("a\"]\n<b>#"), "\"a#quot;]#lt;b#gt;#35;\"");
    }
}
