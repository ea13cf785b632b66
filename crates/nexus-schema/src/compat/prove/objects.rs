//! Rules for what objects must have.

use serde_json::{Map, Value};

use super::{
    Proof, Prover, Reads,
    facts::{Facts, Rest},
    open,
    rules::{keyword_of, mentions_references},
};
use crate::graph::join;

impl<'a> Prover<'a> {
    pub(super) fn object_rule(
        &mut self,
        facts: &Facts<'a>,
        keyword: &str,
        keywords: &'a Map<String, Value>,
        reads: &Reads<'a>,
    ) -> Proof {
        match keyword {
            "properties" => self.named(reads).iter().try_for_each(|(name, part)| self.member(facts, name, part)),
            "patternProperties" => {
                self.named(reads).iter().try_for_each(|(pattern, part)| self.matching(facts, pattern, part))
            }
            "additionalProperties" => self.additional(facts, keywords, reads),
            "propertyNames" => self.names(facts, reads),
            "required" => {
                let mut names = reads.schema.as_array().into_iter().flatten().filter_map(Value::as_str);
                let all = names.all(|name| facts.requires(name));
                self.proved(all, reads, "a member may be missing")
            }
            "minProperties" => {
                let least = reads.schema.as_u64().unwrap_or(u64::MAX);
                let required = facts.all("required").filter_map(Value::as_array).map(|names| names.len() as u64);
                let own = facts.counts(keyword_of(keyword)).chain(required).any(|own| own >= least);
                self.proved(own, reads, "there may be fewer members")
            }
            "maxProperties" => {
                let most = reads.schema.as_u64().unwrap_or(0);
                let counted = facts.forbids_others().then(|| facts.declared().len() as u64);
                let own = facts.counts(keyword_of(keyword)).chain(counted).any(|own| own <= most);
                self.proved(own, reads, "there may be more members")
            }
            _ => self.dependent(facts, reads),
        }
    }

    fn named(&self, reads: &Reads<'a>) -> Vec<(&'a str, Reads<'a>)> {
        let parts = reads.schema.as_object().into_iter().flatten();
        parts.map(|(name, schema)| (name.as_str(), Reads { schema, pointer: join(&reads.pointer, name) })).collect()
    }

    fn member(&mut self, facts: &Facts<'a>, name: &str, part: &Reads<'a>) -> Proof {
        match facts.member(name, self) {
            // A name outside the closed ones cannot be there.
            None => Ok(()),
            Some(writes) => self.covers(&writes, part),
        }
    }

    /// Every member whose name matches a pattern.
    fn matching(&mut self, facts: &Facts<'a>, pattern: &str, part: &Reads<'a>) -> Proof {
        let alike = facts.all("patternProperties").filter_map(|patterns| patterns.get(pattern)).collect::<Vec<_>>();
        if !alike.is_empty() && self.covers(&alike, part).is_ok() {
            return Ok(());
        }
        for name in facts.declared() {
            if self.matches(pattern, name) != Some(false) {
                self.member(facts, name, part)?;
            }
        }
        self.undeclared(facts, &[], part)
    }

    fn additional(&mut self, facts: &Facts<'a>, keywords: &'a Map<String, Value>, reads: &Reads<'a>) -> Proof {
        let own = keywords.get("properties").and_then(Value::as_object);
        let patterns: Vec<&'a str> = keywords
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        for name in facts.declared() {
            let spoken_for = own.is_some_and(|own| own.contains_key(name))
                || patterns.iter().any(|pattern| self.matches(pattern, name) == Some(true));
            if !spoken_for {
                self.member(facts, name, reads)?;
            }
        }
        self.undeclared(facts, &patterns, reads)
    }

    /// Every member that the writer does not declare by name, except those matching one of `spoken_for`.
    fn undeclared(&mut self, facts: &Facts<'a>, spoken_for: &[&str], part: &Reads<'a>) -> Proof {
        let mut reason = None;
        for rest in facts.rests() {
            match self.rest(&rest, spoken_for, part) {
                Ok(()) => return Ok(()),
                Err(open) => reason = Some(open),
            }
        }
        reason.map_or_else(|| open(&part.pointer, "members may be there that nothing declares"), Err)
    }

    fn rest(&mut self, rest: &Rest<'a>, spoken_for: &[&str], part: &Reads<'a>) -> Proof {
        let Rest::Classes(classes, others) = rest else { return Ok(()) };
        for (pattern, schema) in classes {
            if !spoken_for.contains(pattern) {
                self.covers(&[*schema], part)?;
            }
        }
        match others {
            Some(schema) => self.covers(&[*schema], part),
            None => self.covers(&[], part),
        }
    }

    fn names(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        let own: Vec<&Value> = facts.all("propertyNames").collect();
        if !own.is_empty() && self.covers(&own, reads).is_ok() {
            return Ok(());
        }
        let declared = facts.declared();
        let known = facts.forbids_others() && !mentions_references(reads.schema);
        let checks = known.then(|| crate::compile::build(reads.schema, self.draft).ok()).flatten();
        let all = checks.is_some_and(|check| declared.iter().all(|name| check.is_valid(&Value::from(*name))));
        self.proved(all, reads, "a member name may not fit")
    }

    fn dependent(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        for (name, part) in self.named(reads) {
            if facts.member(name, self).is_none() {
                continue;
            }
            let own: Vec<&'a Value> = ["dependentRequired", "dependentSchemas", "dependencies"]
                .into_iter()
                .flat_map(|keyword| facts.all(keyword).filter_map(|named| named.get(name)).collect::<Vec<_>>())
                .collect();
            if let Some(wanted) = part.schema.as_array() {
                let implied = |one: &Value| {
                    one.as_str().is_some_and(|one| facts.requires(one))
                        || own.iter().any(|own| own.as_array().is_some_and(|own| own.contains(one)))
                };
                self.proved(wanted.iter().all(implied), &part, "a member may be missing beside it")?;
            } else {
                let mut writes = facts.parts.clone();
                writes.extend(own.into_iter().filter(|own| !own.is_array()));
                self.covers(&writes, &part)?;
            }
        }
        Ok(())
    }
}
