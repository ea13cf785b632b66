//! Numbers around the bounds.

use serde_json::{Number, Value};

use super::facets::Facets;

const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/// Numbers the base may accept: plain ones, those around every bound of base and hint, multiples and near-multiples.
pub(super) fn values(base: &Facets<'_>, hint: &Facets<'_>, integer: bool) -> Vec<Value> {
    let mut values = Vec::new();
    for facets in [base, hint] {
        for bound in BOUNDS {
            facets.numbers(bound).for_each(|cut| around(cut, &mut values));
        }
        facets.numbers("multipleOf").for_each(|step| multiples(step, base, &mut values));
    }
    for plain in [1.0, 0.0, -1.0, 0.5, 2.0, 7.0, -0.5, 1e6, -1e6, 1.25, 1e18] {
        values.extend(number(plain));
    }
    if !integer {
        values.push(Value::from(1.0_f64));
    }
    values.retain(|value| fits(value, base, integer));
    let mut unique: Vec<Value> = Vec::new();
    for value in values {
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    unique
}

fn around(cut: &Number, values: &mut Vec<Value>) {
    if let Some(cut) = cut.as_i64() {
        values.extend([Some(cut), cut.checked_add(1), cut.checked_sub(1)].into_iter().flatten().map(Value::from));
    } else if let Some(cut) = cut.as_u64() {
        values.extend([Some(cut), cut.checked_add(1), cut.checked_sub(1)].into_iter().flatten().map(Value::from));
    }
    if let Some(cut) = cut.as_f64() {
        for delta in [0.0, 0.5, -0.5, 1.0, -1.0] {
            values.extend(number(cut + delta));
        }
        values.extend([cut.floor(), cut.ceil()].into_iter().filter_map(number));
        values.extend([cut.next_up(), cut.next_down()].into_iter().filter_map(number));
    }
}

fn multiples(step: &Number, base: &Facets<'_>, values: &mut Vec<Value>) {
    let Some(step) = step.as_f64().filter(|step| *step > 0.0) else { return };
    for factor in [1.0, 2.0, 3.0, 5.0, 7.0, -1.0, 0.5, 1.5] {
        values.extend(number(step * factor));
    }
    values.extend([step + 1.0, step - 1.0].into_iter().filter_map(number));
    for bound in BOUNDS {
        for cut in base.numbers(bound).filter_map(Number::as_f64) {
            let nearest = (cut / step).ceil() * step;
            values.extend([nearest, nearest + step, nearest - step].into_iter().filter_map(number));
        }
    }
}

/// As an integer where it is one, so that it reads as one.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 is an i64")]
fn number(value: f64) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

/// A rough check that saves the validators work. `exclusiveMinimum: true` of draft 4 is left to them.
fn fits(value: &Value, base: &Facets<'_>, integer: bool) -> bool {
    let Some(float) = value.as_f64() else { return false };
    !(integer && float.fract() != 0.0)
        && base.numbers("minimum").filter_map(Number::as_f64).all(|cut| float >= cut)
        && base.numbers("maximum").filter_map(Number::as_f64).all(|cut| float <= cut)
        && base.numbers("exclusiveMinimum").filter_map(Number::as_f64).all(|cut| float >= cut)
        && base.numbers("exclusiveMaximum").filter_map(Number::as_f64).all(|cut| float <= cut)
        && base.numbers("multipleOf").filter_map(Number::as_f64).all(|step| {
            let factor = float / step;
            (factor - factor.round()).abs() < 1e-6
        })
}
