use nexus_core::ports::{FilterOp, RowQuery};
use serde_json::{Value, json};

use super::support::{filter, invalid, selects, seven_rows, sorted, with_rows};
use crate::contract::{Outcome, ReadStoreFixture};

const BIG: i64 = 9_007_199_254_740_993;

/// `Eq` on every kind: case and sign matter, and so does the last digit of a 64-bit number.
pub fn equality_finds_exactly_the_equal<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let cases: [(&str, Value, &[&str]); 11] = [
        ("id", json!("d"), &["d"]),
        ("country", json!("GB"), &["a", "c"]),
        ("country", json!("gb"), &["g"]),
        ("country", json!(""), &[]),
        ("count", json!(3), &["a", "b", "d"]),
        ("count", json!(BIG), &["f"]),
        ("count", json!(BIG - 1), &["g"]),
        ("weight", json!(1.5), &["a", "d", "f"]),
        ("paid", json!(true), &["a", "c"]),
        ("paid", json!(false), &["b", "e"]),
        ("order", json!("x"), &["a", "d"]),
    ];
    for (field, value, expected) in cases {
        selects(&resource, vec![filter(field, FilterOp::Eq, [value])], expected)?;
    }
    Ok(())
}

/// `Gte` and `Lte` on text, whole and real numbers include the bound and leave nulls out.
pub fn comparisons_include_their_bound<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let cases: [(&str, FilterOp, Value, &[&str]); 10] = [
        ("count", FilterOp::Gte, json!(3), &["a", "b", "d", "f", "g"]),
        ("count", FilterOp::Gte, json!(BIG), &["f"]),
        ("count", FilterOp::Lte, json!(3), &["a", "b", "c", "d"]),
        ("count", FilterOp::Lte, json!(-8), &[]),
        ("weight", FilterOp::Gte, json!(1.5), &["a", "d", "e", "f"]),
        ("weight", FilterOp::Lte, json!(1.5), &["a", "b", "d", "f"]),
        ("weight", FilterOp::Gte, json!(2), &["e"]),
        ("country", FilterOp::Gte, json!("GB"), &["a", "c", "f", "g"]),
        ("country", FilterOp::Lte, json!("GB"), &["a", "b", "c", "e"]),
        ("id", FilterOp::Gte, json!("f"), &["f", "g"]),
    ];
    for (field, op, value, expected) in cases {
        selects(&resource, vec![filter(field, op, [value])], expected)?;
    }
    Ok(())
}

/// `In` finds what is equal to any of its values, each row once; of no values it finds nothing.
pub fn one_of_several_values_is_enough<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let cases: [(&str, Vec<Value>, &[&str]); 6] = [
        ("country", vec![json!("DE"), json!("gb"), json!("DE"), json!("FR")], &["b", "e", "g"]),
        ("count", vec![json!(-7), json!(BIG)], &["c", "f"]),
        ("weight", vec![json!(10.5), json!(-0.25)], &["b", "e"]),
        ("paid", vec![json!(true), json!(false)], &["a", "b", "c", "e"]),
        ("id", vec![json!("g")], &["g"]),
        ("country", vec![], &[]),
    ];
    for (field, values, expected) in cases {
        selects(&resource, vec![filter(field, FilterOp::In, values)], expected)?;
    }
    Ok(())
}

/// `Prefix` compares character by character: nothing in it is a wildcard, and case matters.
pub fn prefixes_are_taken_literally<F: ReadStoreFixture>() -> Outcome {
    let texts = ["100%", "100 a", "1000", "a_b", "aXb", "a*b", "[a]", "\u{10ffff}x", "été", ""];
    let rows = texts.into_iter().zip('a'..).map(|(text, key)| json!({ "id": key.to_string(), "country": text }));
    let (_fixture, resource) = with_rows::<F>(rows)?;
    let cases: [(&str, &[&str]); 9] = [
        ("100", &["a", "b", "c"]),
        ("100%", &["a"]),
        ("a_", &["d"]),
        ("A", &[]),
        ("a*", &["f"]),
        ("[a", &["g"]),
        ("\u{10ffff}", &["h"]),
        ("é", &["i"]),
        ("", &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]),
    ];
    for (prefix, expected) in cases {
        selects(&resource, vec![filter("country", FilterOp::Prefix, [json!(prefix)])], expected)?;
    }
    selects(&resource, vec![filter("id", FilterOp::Prefix, [json!("b")])], &["b"])
}

/// `Eq` and `In` find fields without a value, whether it was null or left out; comparisons with null are invalid.
pub fn null_is_found_by_equality_only<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let none = |field| vec![filter(field, FilterOp::Eq, [Value::Null])];
    selects(&resource, none("country"), &["d"])?;
    selects(&resource, none("paid"), &["d", "f", "g"])?;
    selects(&resource, none("order"), &["b", "c", "f"])?;
    let either = vec![filter("count", FilterOp::In, [Value::Null, json!(-7)])];
    selects(&resource, either, &["c", "e"])?;
    for op in [FilterOp::Gte, FilterOp::Lte, FilterOp::Prefix] {
        let query = query_of("country", op, &[Value::Null]);
        invalid(resource.list(&query), &format!("{op:?} with null"))?;
    }
    Ok(())
}

/// Filters on several fields, and several on one field, narrow the result together.
pub fn filters_must_all_hold<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let range = vec![
        filter("count", FilterOp::Gte, [json!(-7)]),
        filter("count", FilterOp::Lte, [json!(3)]),
        filter("country", FilterOp::In, [json!("GB"), json!("DE")]),
    ];
    selects(&resource, range, &["a", "b", "c"])?;
    let nothing = vec![filter("country", FilterOp::Eq, [json!("GB")]), filter("paid", FilterOp::Eq, [json!(false)])];
    selects(&resource, nothing, &[])
}

/// Unknown fields, values of another kind and operators that do not apply are invalid, not empty results.
pub fn queries_that_do_not_fit_are_invalid<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let filters: [(&str, FilterOp, &[Value]); 14] = [
        ("nobodys", FilterOp::Eq, &[json!("x")]),
        ("ID", FilterOp::Eq, &[json!("a")]),
        ("id\" OR 1=1 --", FilterOp::Eq, &[json!("a")]),
        ("country", FilterOp::Eq, &[json!(1)]),
        ("count", FilterOp::Eq, &[json!("3")]),
        ("count", FilterOp::Gte, &[json!(1.5)]),
        ("count", FilterOp::Lte, &[json!(u64::MAX)]),
        ("weight", FilterOp::Eq, &[json!(true)]),
        ("paid", FilterOp::Eq, &[json!(1)]),
        ("country", FilterOp::In, &[json!("GB"), json!(1)]),
        ("lines", FilterOp::Eq, &[json!([])]),
        ("count", FilterOp::Prefix, &[json!(3)]),
        ("country", FilterOp::Eq, &[]),
        ("country", FilterOp::Eq, &[json!("GB"), json!("DE")]),
    ];
    for (field, op, values) in filters {
        invalid(resource.list(&query_of(field, op, values)), &format!("{op:?} on `{field}` with {values:?}"))?;
    }
    for field in ["nobodys", "lines", "id; --"] {
        let query = RowQuery { sort: sorted(&[field]), limit: 10, ..RowQuery::default() };
        invalid(resource.list(&query), &format!("sorting by `{field}`"))?;
    }
    Ok(())
}

fn query_of(field: &str, op: FilterOp, values: &[Value]) -> RowQuery {
    RowQuery { filters: vec![filter(field, op, values.iter().cloned())], limit: 10, ..RowQuery::default() }
}
