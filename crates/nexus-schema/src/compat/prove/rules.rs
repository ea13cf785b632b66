//! One rule for every keyword that the reader may have.

use jsonschema::Draft;
use serde_json::{Map, Number, Value};

use super::{
    Proof, Prover, Reads,
    facts::{Facts, Types, bits, stated},
    open,
};

impl<'a> Prover<'a> {
    /// Whether the keyword at `reads`, one of `keywords`, follows from the facts.
    pub(super) fn follows(
        &mut self,
        facts: &Facts<'a>,
        keyword: &str,
        keywords: &'a Map<String, Value>,
        reads: &Reads<'a>,
    ) -> Proof {
        // A keyword that concerns a type no value has asserts nothing.
        if concerned(keyword).is_some_and(|types| types & facts.types() == 0) {
            return Ok(());
        }
        if is_self_contained(keyword, keywords)
            && !mentions_references(reads.schema)
            && stated_alike(facts, keyword, keywords)
        {
            return Ok(());
        }
        match keyword {
            "$ref" => self.reference(facts, reads),
            "allOf" => self.each(facts, reads),
            "anyOf" => self.some(facts, reads),
            "oneOf" => self.one(facts, reads),
            "not" => self.proved(self.are_disjoint(facts, reads.schema, 0), reads, "the two may meet"),
            "if" => self.condition(facts, keywords, reads),
            "$defs" | "definitions" | "then" | "else" | "minContains" | "maxContains" => Ok(()),
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "minProperties"
            | "maxProperties"
            | "required"
            | "dependentRequired"
            | "dependentSchemas"
            | "dependencies" => self.object_rule(facts, keyword, keywords, reads),
            "items" | "prefixItems" | "additionalItems" | "contains" | "minItems" | "maxItems" | "uniqueItems" => {
                self.array_rule(facts, keyword, keywords, reads)
            }
            "unevaluatedProperties" | "unevaluatedItems" => {
                self.proved(reads.schema == &Value::Bool(true), reads, "what is evaluated depends on the document")
            }
            _ => {
                let holds = assertion_follows(facts, keyword, keywords, self.draft);
                self.proved(holds, reads, "nothing before implied this")
            }
        }
    }

    pub(super) fn proved(&self, holds: bool, reads: &Reads<'a>, reason: &str) -> Proof {
        if holds { Ok(()) } else { open(&reads.pointer, reason) }
    }

    fn reference(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        let Some(found) = reads.schema.as_str().and_then(|reference| self.read_target(reference)) else {
            return open(&reads.pointer, "the reference leads nowhere that can be followed");
        };
        self.covers(&facts.parts.clone(), &found)
    }

    fn branches(reads: &Reads<'a>) -> Vec<Reads<'a>> {
        let parts = reads.schema.as_array().into_iter().flatten().enumerate();
        parts.map(|(index, schema)| Reads { schema, pointer: format!("{}/{index}", reads.pointer) }).collect()
    }

    fn each(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        Self::branches(reads).iter().try_for_each(|branch| self.covers(&facts.parts, branch))
    }

    fn some(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        let fits = Self::branches(reads).iter().any(|branch| self.covers(&facts.parts, branch).is_ok());
        self.proved(fits, reads, "no single branch accepts everything")
    }

    fn one(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Proof {
        let branches = Self::branches(reads);
        let fits = (0..branches.len()).any(|index| {
            let others = branches.iter().enumerate().filter(|(other, _)| *other != index);
            let alone = others.into_iter().all(|(_, branch)| self.are_disjoint(facts, branch.schema, 0));
            alone && branches.get(index).is_some_and(|branch| self.covers(&facts.parts, branch).is_ok())
        });
        self.proved(fits, reads, "no single branch accepts everything while all others refuse it")
    }

    fn condition(&mut self, facts: &Facts<'a>, keywords: &'a Map<String, Value>, reads: &Reads<'a>) -> Proof {
        let branch = |name: &str| {
            let pointer = format!("{}/{name}", reads.pointer.trim_end_matches("/if"));
            keywords.get(name).map(|schema| Reads { schema, pointer })
        };
        let known = facts.maps.iter().find(|map| {
            map.get("if").is_some_and(|condition| condition == reads.schema && !mentions_references(condition))
        });
        if let Some(then) = branch("then").filter(|_| !self.are_disjoint(facts, reads.schema, 0)) {
            let mut writes = facts.parts.clone();
            writes.extend(known.and_then(|map| map.get("then")));
            // The writer's own equal condition, for what it says about the members.
            writes.extend(known.and_then(|map| map.get("if")));
            self.covers(&writes, &then)?;
        }
        if let Some(other) = branch("else").filter(|_| self.covers(&facts.parts, reads).is_err()) {
            let mut writes = facts.parts.clone();
            writes.extend(known.and_then(|map| map.get("else")));
            self.covers(&writes, &other)?;
        }
        Ok(())
    }
}

/// The types a keyword concerns; `None` for those that concern all.
fn concerned(keyword: &str) -> Option<Types> {
    Some(match keyword {
        "properties"
        | "patternProperties"
        | "additionalProperties"
        | "propertyNames"
        | "minProperties"
        | "maxProperties"
        | "required"
        | "dependentRequired"
        | "dependentSchemas"
        | "dependencies"
        | "unevaluatedProperties" => bits("object"),
        "items" | "prefixItems" | "additionalItems" | "contains" | "minItems" | "maxItems" | "uniqueItems"
        | "unevaluatedItems" => bits("array"),
        "minLength" | "maxLength" | "pattern" | "format" | "contentEncoding" | "contentMediaType" => bits("string"),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => bits("number"),
        _ => return None,
    })
}

/// Whether what a keyword asserts depends on its own value alone, beside those looked at together with it.
fn is_self_contained(keyword: &str, keywords: &Map<String, Value>) -> bool {
    match keyword {
        "additionalProperties" | "additionalItems" | "unevaluatedProperties" | "unevaluatedItems" | "$ref" => false,
        "items" => !keywords.contains_key("prefixItems"),
        _ => true,
    }
}

/// Keywords that belong to another one.
fn companions(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "if" => &["then", "else"],
        "contains" => &["minContains", "maxContains"],
        "minimum" => &["exclusiveMinimum"],
        "maximum" => &["exclusiveMaximum"],
        "items" => &["prefixItems"],
        _ => &[],
    }
}

fn stated_alike(facts: &Facts<'_>, keyword: &str, keywords: &Map<String, Value>) -> bool {
    let also = companions(keyword);
    if also.iter().filter_map(|name| keywords.get(*name)).any(mentions_references) {
        return false;
    }
    facts.maps.iter().any(|map| {
        map.get(keyword) == keywords.get(keyword) && also.iter().all(|name| map.get(*name) == keywords.get(*name))
    })
}

pub(super) fn mentions_references(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.contains_key("$ref") || members.values().any(mentions_references),
        Value::Array(items) => items.iter().any(mentions_references),
        _ => false,
    }
}

/// Keywords that assert without schemas inside.
fn assertion_follows(facts: &Facts<'_>, keyword: &str, keywords: &Map<String, Value>, draft: Draft) -> bool {
    let Some(value) = keywords.get(keyword) else { return false };
    match keyword {
        "type" => facts.types() & !stated(value) == 0,
        "enum" => {
            let listed = value.as_array();
            facts.enumerated().is_some_and(|values| {
                values.iter().all(|value| listed.is_some_and(|listed| listed.iter().any(|one| one == *value)))
            })
        }
        "const" => facts.enumerated().is_some_and(|values| values.iter().all(|one| *one == value)),
        "minLength" => value.as_u64().is_some_and(|least| facts.counts(keyword_of(keyword)).any(|own| own >= least)),
        "maxLength" => value.as_u64().is_some_and(|most| facts.counts(keyword_of(keyword)).any(|own| own <= most)),
        "multipleOf" => facts.all("multipleOf").any(|own| is_multiple(own, value)),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
            bound_follows(facts, keyword, keywords, draft)
        }
        "uniqueItems" => value == &Value::Bool(false),
        _ => false,
    }
}

/// The same keyword as a text that lives for ever.
pub(super) fn keyword_of(keyword: &str) -> &'static str {
    match keyword {
        "minLength" => "minLength",
        "maxLength" => "maxLength",
        "minItems" => "minItems",
        "maxItems" => "maxItems",
        "minProperties" => "minProperties",
        _ => "maxProperties",
    }
}

fn is_multiple(own: &Value, of: &Value) -> bool {
    match (own.as_u64(), of.as_u64()) {
        (Some(own), Some(of)) => of > 0 && own % of == 0,
        _ => own == of,
    }
}

fn bound_follows(facts: &Facts<'_>, keyword: &str, keywords: &Map<String, Value>, draft: Draft) -> bool {
    let lower = matches!(keyword, "minimum" | "exclusiveMinimum");
    let Some(limit) = keywords.get(keyword).and_then(Value::as_number) else {
        // Draft 4 says with a boolean that the bound beside it is exclusive; the bound itself answers for that.
        return draft == Draft::Draft4;
    };
    let (inclusive, exclusive) = if lower { ("minimum", "exclusiveMinimum") } else { ("maximum", "exclusiveMaximum") };
    let strict =
        keyword == exclusive || (draft == Draft::Draft4 && keywords.get(exclusive) == Some(&Value::Bool(true)));
    let tight = |own: &Number, own_strict: bool| match compare(own, limit) {
        Some(std::cmp::Ordering::Equal) => own_strict || !strict,
        Some(order) => order.is_gt() == lower,
        None => false,
    };
    facts.maps.iter().any(|map| {
        let own_strict = draft == Draft::Draft4 && map.get(exclusive) == Some(&Value::Bool(true));
        map.get(inclusive).and_then(Value::as_number).is_some_and(|own| tight(own, own_strict))
            || map.get(exclusive).and_then(Value::as_number).is_some_and(|own| tight(own, true))
    })
}

/// The order of two numbers; `None` where it cannot be told exactly.
pub(super) fn compare(one: &Number, other: &Number) -> Option<std::cmp::Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return Some(one.cmp(&other));
    }
    let exact = |number: &Number| number.as_f64().filter(|number| number.abs() < 9e15);
    exact(one)?.partial_cmp(&exact(other)?)
}
