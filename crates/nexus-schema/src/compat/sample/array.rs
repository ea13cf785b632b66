//! Arrays around their lengths, with one item at a time bent.

use std::rc::Rc;

use serde_json::Value;

use super::{Parts, Sampler, facets::Facets};

/// Longest array that is drawn.
const MAX_ITEMS: usize = 64;
/// Most positions that are bent one by one.
const MAX_POSITIONS: usize = 8;

impl<'a> Sampler<'a> {
    pub(super) fn arrays(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<Value> {
        let minimum = base.counts("minItems").max().unwrap_or(0);
        let maximum = base.counts("maxItems").min().unwrap_or(usize::MAX);
        let needed = base.all("contains").next().is_some();
        let items = self.positions(base, hint, depth);
        let mut arrays = Vec::new();
        for length in lengths(base, hint, minimum, maximum) {
            if let Some(array) = plain(&items, length) {
                arrays.push(Value::Array(array));
            }
        }
        let length = minimum.max(usize::from(needed)).min(maximum);
        if !self.plain.get() {
            self.items_bent(&items, length, maximum, &mut arrays);
        }
        for wanted in base.all("contains").chain(hint.all("contains")) {
            let found = self.values(&[wanted], &[], depth + 2);
            containing(&found, &items, length, &mut arrays);
        }
        self.spend(arrays.len());
        arrays
    }

    /// The values for each position. Most positions are of one kind and share theirs.
    fn positions(&self, base: &Facets<'a>, hint: &Facets<'a>, depth: usize) -> Vec<Rc<Vec<Value>>> {
        let mut items: Vec<Rc<Vec<Value>>> = Vec::new();
        let mut last: Option<(Parts<'a>, Parts<'a>)> = None;
        for position in 0..MAX_POSITIONS {
            let parts = (item_parts(base, position), item_parts(hint, position));
            let again = items.last().filter(|_| last.as_ref() == Some(&parts)).cloned();
            items.push(again.unwrap_or_else(|| Rc::new(self.values(&parts.0, &parts.1, depth + 1))));
            last = Some(parts);
        }
        items
    }

    /// One array for each value that an item may take.
    fn items_bent(&self, items: &[Rc<Vec<Value>>], length: usize, maximum: usize, arrays: &mut Vec<Value>) {
        let common = items.iter().all(|values| items.first().is_some_and(|first| Rc::ptr_eq(first, values)));
        for (position, values) in items.iter().enumerate() {
            if position >= maximum || self.is_spent() || (common && position > 1) {
                break;
            }
            let Some(array) = plain(items, length.max(position + 1)) else { continue };
            for value in values.iter().skip(1) {
                let mut array = array.clone();
                self.spend(1 + array.len() / 8);
                if let Some(item) = array.get_mut(position) {
                    *item = value.clone();
                }
                arrays.push(Value::Array(array));
            }
        }
        // The same value twice, for those who want all different.
        if let Some(value) = items.first().and_then(|values| values.first()).filter(|_| maximum >= 2) {
            arrays.push(Value::Array(vec![value.clone(); length.clamp(2, MAX_ITEMS)]));
        }
    }
}

/// Arrays with an item that `contains` asks for, alone and after the others.
fn containing(wanted: &[Value], items: &[Rc<Vec<Value>>], length: usize, arrays: &mut Vec<Value>) {
    for value in wanted.iter().take(2) {
        arrays.push(Value::Array(vec![value.clone()]));
        arrays.push(Value::Array(vec![value.clone(), value.clone()]));
        if let Some(mut array) = plain(items, length) {
            array.push(value.clone());
            arrays.push(Value::Array(array.clone()));
            array.rotate_right(1);
            arrays.push(Value::Array(array));
        }
    }
}

/// `length` items, as different from each other as the drawn values are.
fn plain(items: &[Rc<Vec<Value>>], length: usize) -> Option<Vec<Value>> {
    let at = |position: usize| {
        let values = items.get(position.min(MAX_POSITIONS - 1))?;
        values.get(position % values.len().max(1)).or_else(|| values.first()).cloned()
    };
    (0..length.min(MAX_ITEMS)).map(at).collect()
}

fn lengths(base: &Facets<'_>, hint: &Facets<'_>, minimum: usize, maximum: usize) -> Vec<usize> {
    let mut lengths = vec![minimum];
    for facets in [hint, base] {
        for keyword in ["minItems", "maxItems", "minContains", "maxContains"] {
            lengths.extend(facets.counts(keyword).flat_map(|cut| [cut.saturating_sub(1), cut, cut.saturating_add(1)]));
        }
        for tuple in facets.all("prefixItems").chain(facets.all("items")).filter_map(Value::as_array) {
            lengths.extend([tuple.len(), tuple.len() + 1]);
        }
    }
    lengths.extend([1, 2]);
    let mut seen = Vec::new();
    for length in lengths {
        if (minimum..=maximum).contains(&length) && length <= MAX_ITEMS && !seen.contains(&length) {
            seen.push(length);
        }
    }
    seen
}

/// What applies to the item at `position`.
fn item_parts<'a>(facets: &Facets<'a>, position: usize) -> Parts<'a> {
    let mut parts = Vec::new();
    for map in &facets.maps {
        let tuple = map.get("prefixItems").or_else(|| map.get("items")).and_then(Value::as_array);
        let rest = match (tuple, map.get("prefixItems")) {
            (_, Some(_)) | (None, None) => map.get("items"),
            (Some(_), None) => map.get("additionalItems"),
        };
        let rest = rest.or_else(|| map.get("unevaluatedItems"));
        parts.extend(tuple.and_then(|tuple| tuple.get(position)).or(rest));
    }
    parts
}
