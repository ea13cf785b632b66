//! Rules for what arrays must have.

use serde_json::{Map, Value};

use super::{
    Proof, Prover, Reads,
    facts::{Facts, item_of, tuple_of},
    rules::keyword_of,
};

impl<'a> Prover<'a> {
    pub(super) fn array_rule(
        &mut self,
        facts: &Facts<'a>,
        keyword: &str,
        keywords: &'a Map<String, Value>,
        reads: &Reads<'a>,
    ) -> Proof {
        match keyword {
            "items" | "prefixItems" | "additionalItems" => self.items(facts, keywords, reads),
            "contains" => self.contains(facts, keywords, reads),
            "minItems" => {
                let least = reads.schema.as_u64().unwrap_or(u64::MAX);
                let own = facts.counts(keyword_of(keyword)).any(|own| own >= least);
                self.proved(own, reads, "there may be fewer items")
            }
            "maxItems" => {
                let most = reads.schema.as_u64().unwrap_or(0);
                let own = facts.counts(keyword_of(keyword)).any(|own| own <= most);
                let ends = usize::try_from(most).is_ok_and(|most| facts.item(most).is_none());
                self.proved(own || ends, reads, "there may be more items")
            }
            _ => {
                let unique = reads.schema == &Value::Bool(false)
                    || facts.all("uniqueItems").any(|own| own == &Value::Bool(true))
                    || facts.item(1).is_none();
                self.proved(unique, reads, "items may repeat")
            }
        }
    }

    /// Position by position; beyond all tuples one position stands for the rest.
    fn items(&mut self, facts: &Facts<'a>, keywords: &'a Map<String, Value>, reads: &Reads<'a>) -> Proof {
        let own = tuple_of(keywords, self.draft).map_or(0, Vec::len);
        for position in 0..=own.max(facts.tuple_length()) {
            let Some(wanted) = item_of(keywords, self.draft, position) else { continue };
            let Some(writes) = facts.item(position) else { break };
            let pointer =
                if reads.schema.is_array() { format!("{}/{position}", reads.pointer) } else { reads.pointer.clone() };
            self.covers(&writes, &Reads { schema: wanted, pointer })?;
        }
        Ok(())
    }

    fn contains(&mut self, facts: &Facts<'a>, keywords: &'a Map<String, Value>, reads: &Reads<'a>) -> Proof {
        let least = keywords.get("minContains").map_or(Some(1), Value::as_u64);
        let bounded = keywords.contains_key("maxContains");
        if least == Some(0) && !bounded {
            return Ok(());
        }
        let own: Vec<(&'a Value, u64)> = facts
            .maps
            .iter()
            .filter_map(|map| {
                let own_least = map.get("minContains").map_or(Some(1), Value::as_u64)?;
                map.get("contains").map(|schema| (schema, own_least))
            })
            .collect();
        let enough = own.into_iter().any(|(schema, own_least)| {
            least.is_some_and(|least| own_least >= least) && self.covers(&[schema], reads).is_ok()
        });
        self.proved(enough && !bounded, reads, "no item may fit, or too many")
    }
}
