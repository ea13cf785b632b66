//! Objects with one member at a time present, absent or bent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Parts, Sampler, facets::Facets, text};

/// Most members that are drawn for one object.
const MAX_MEMBERS: usize = 256;
/// Most members added only to reach a count.
const MAX_PADDING: usize = 64;

/// The values one member may take, and whether it has to be there.
struct Member {
    values: Vec<Value>,
    required: bool,
}

/// What an object is drawn from.
struct Around<'f, 'a> {
    base: &'f Facets<'a>,
    hint: &'f Facets<'a>,
    depth: usize,
}

impl<'a> Sampler<'a> {
    pub(super) fn objects(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<Value> {
        let members = self.members(base, hint, depth);
        let mut least = Map::new();
        let mut most = Map::new();
        for (name, member) in &members {
            match member.values.first() {
                Some(value) => {
                    most.insert(name.clone(), value.clone());
                    if member.required {
                        least.insert(name.clone(), value.clone());
                    }
                }
                // Without a value for what has to be there nothing can be built.
                None if member.required => return Vec::new(),
                None => {}
            }
        }
        let padded = self.padded(&least, &most, &Around { base, hint, depth });
        let smallest = padded.first().cloned().unwrap_or_else(|| least.clone());
        let mut objects = vec![Value::Object(smallest.clone()), Value::Object(most.clone())];
        objects.extend(padded.into_iter().map(Value::Object));
        for (name, member) in &members {
            if self.is_spent() || self.plain.get() {
                break;
            }
            objects.extend(self.bent(name, member, &smallest, &most));
        }
        objects
    }

    /// One object for each value the member may take, and one without it.
    fn bent(&self, name: &str, member: &Member, least: &Map<String, Value>, most: &Map<String, Value>) -> Vec<Value> {
        let with = |object: &Map<String, Value>, value: &Value| {
            let mut object = object.clone();
            object.insert(name.to_owned(), value.clone());
            self.spend(1 + object.len() / 8);
            Value::Object(object)
        };
        let known = usize::from(least.contains_key(name));
        let mut objects: Vec<Value> = member.values.iter().skip(known).map(|value| with(least, value)).collect();
        if !member.required && most.len() > least.len() {
            let mut without = most.clone();
            without.remove(name);
            self.spend(1 + without.len() / 8);
            objects.push(Value::Object(without));
            objects.extend(member.values.iter().skip(1).take(4).map(|value| with(most, value)));
        }
        objects
    }

    /// The members worth having: declared ones, demanded ones, and such that only a pattern or nothing declares.
    fn members(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> BTreeMap<String, Member> {
        let required: Vec<&str> = base.all("required").flat_map(names).collect();
        let mut wanted: Vec<String> = required.iter().map(|name| (*name).to_owned()).collect();
        for facets in [base, hint] {
            wanted.extend(facets.all("properties").filter_map(Value::as_object).flat_map(Map::keys).cloned());
            wanted.extend(facets.all("required").flat_map(names).map(str::to_owned));
            wanted.extend(dependent_names(facets));
        }
        if !self.plain.get() {
            wanted.extend(self.undeclared(base, hint, depth));
        }
        if wanted.len() > MAX_MEMBERS {
            // Too many for all of them; those that changed are the ones to look at.
            let changed =
                |name: &String| !self.are_same(&self.member_parts(base, name), &self.member_parts(hint, name));
            wanted.sort_by_cached_key(|name| (!required.contains(&name.as_str()), !changed(name)));
        }
        let mut members = BTreeMap::new();
        for name in wanted {
            if members.len() >= MAX_MEMBERS || self.is_spent() {
                break;
            }
            if members.contains_key(&name) {
                continue;
            }
            let (own, other) = (self.member_parts(base, &name), self.member_parts(hint, &name));
            let mut values = self.values(&own, &other, depth + 1);
            if self.are_same(&own, &other) {
                values.truncate(1);
            }
            let required = required.contains(&name.as_str());
            members.insert(name, Member { values, required });
        }
        members
    }

    /// Names that no `properties` declares.
    fn undeclared(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<String> {
        let mut found = Vec::new();
        for facets in [base, hint] {
            for patterns in facets.all("patternProperties").filter_map(Value::as_object) {
                found.extend(patterns.keys().take(8).flat_map(|pattern| {
                    let written = text::written(pattern, &[]);
                    written.into_iter().take(4)
                }));
            }
        }
        let closed = |value: &Value| value == &Value::Bool(false);
        let declares = base.all("properties").next().is_some();
        let states = base.all("additionalProperties").chain(base.all("unevaluatedProperties"));
        let (mut stated, mut shut) = (false, false);
        for value in states {
            stated = true;
            shut |= closed(value);
        }
        if !shut && (stated || !declares) {
            let by_name: Parts<'a> = base.all("propertyNames").collect();
            if by_name.is_empty() && hint.all("propertyNames").next().is_none() {
                found.extend(["x", "extra"].map(str::to_owned));
            } else {
                let limits: Parts<'a> = hint.all("propertyNames").collect();
                let names = self.values(&by_name, &limits, depth + 1);
                found.extend(names.iter().filter_map(Value::as_str).take(12).map(str::to_owned));
            }
        }
        found
    }

    /// What applies to the member `name`.
    fn member_parts(&self, facets: &Facets<'a>, name: &str) -> Parts<'a> {
        let mut parts = Vec::new();
        for map in &facets.maps {
            let before = parts.len();
            parts.extend(map.get("properties").and_then(|named| named.get(name)));
            for (pattern, part) in map.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
                if self.matches(pattern, name) {
                    parts.push(part);
                }
            }
            if parts.len() == before {
                let rest = map.get("additionalProperties").or_else(|| map.get("unevaluatedProperties"));
                // A closed object refuses the member; what it holds is then of no importance.
                parts.extend(rest.filter(|rest| *rest != &Value::Bool(false)));
            }
        }
        parts
    }

    /// Objects with as many members as the counts of base and hint ask for.
    fn padded(
        &self,
        least: &Map<String, Value>,
        most: &Map<String, Value>,
        around: &Around<'_, 'a>,
    ) -> Vec<Map<String, Value>> {
        let Around { base, hint, depth } = *around;
        let minimum = base.counts("minProperties").max().unwrap_or(0);
        let maximum = base.counts("maxProperties").min().unwrap_or(usize::MAX);
        let mut counts: Vec<usize> = vec![minimum.max(least.len())];
        for keyword in ["minProperties", "maxProperties"] {
            for cut in base.counts(keyword).chain(hint.counts(keyword)) {
                counts.extend([cut.saturating_sub(1), cut, cut.saturating_add(1)]);
            }
        }
        counts.retain(|count| (minimum..=maximum).contains(count) && *count >= least.len() && *count <= MAX_PADDING);
        counts.dedup();
        let short = counts.iter().any(|count| *count > most.len());
        let filler = if short { self.values(&self.member_parts(base, "k0"), &[], depth + 2) } else { Vec::new() };
        let with = |count: usize| {
            let mut object = least.clone();
            for (name, value) in most {
                if object.len() < count {
                    object.insert(name.clone(), value.clone());
                }
            }
            for index in 0..count.saturating_sub(object.len()) {
                object.extend(filler.first().map(|value| (format!("k{index}"), value.clone())));
            }
            self.spend(1 + object.len() / 8);
            object
        };
        counts.into_iter().map(with).collect()
    }
}

fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn dependent_names(facets: &Facets<'_>) -> Vec<String> {
    let maps = facets.all("dependentRequired").chain(facets.all("dependencies")).chain(facets.all("dependentSchemas"));
    let mut found = Vec::new();
    for (name, dependent) in maps.filter_map(Value::as_object).flatten() {
        found.push(name.clone());
        found.extend(names(dependent).map(str::to_owned));
    }
    found
}
