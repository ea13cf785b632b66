use nexus_core::{
    Position,
    ports::{FilterOp, RowQuery},
};
use serde_json::{Value, json};

use super::support::{filter, finds, invalid, keys, open, paged, put, seven_rows, sorted, with_rows};
use crate::contract::{Outcome, ReadStoreFixture, check, check_eq};

/// Every kind has its order, both ways, with nulls below every value.
pub fn rows_are_sorted_by_every_kind<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let cases: [(&[&str], [&str; 7]); 9] = [
        (&[], ["a", "b", "c", "d", "e", "f", "g"]),
        (&["-id"], ["g", "f", "e", "d", "c", "b", "a"]),
        (&["country"], ["d", "b", "e", "a", "c", "f", "g"]),
        (&["-country"], ["g", "f", "a", "c", "b", "e", "d"]),
        (&["count"], ["e", "c", "a", "b", "d", "g", "f"]),
        (&["-count"], ["f", "g", "a", "b", "d", "c", "e"]),
        (&["weight"], ["c", "g", "b", "a", "d", "f", "e"]),
        (&["-weight"], ["e", "a", "d", "f", "b", "c", "g"]),
        (&["paid"], ["d", "f", "g", "b", "e", "a", "c"]),
    ];
    for (keys, expected) in cases {
        finds(&resource, &by(keys), &expected)?;
    }
    Ok(())
}

/// The first key decides; the next ones only among rows that are equal in it. Directions may differ.
pub fn several_sort_keys_weigh_in_order<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let cases: [(&[&str], [&str; 7]); 5] = [
        (&["country", "count"], ["d", "e", "b", "c", "a", "f", "g"]),
        (&["country", "-count"], ["d", "b", "e", "a", "c", "f", "g"]),
        (&["-country", "count"], ["g", "f", "c", "a", "e", "b", "d"]),
        (&["weight", "-order", "country"], ["g", "c", "b", "d", "a", "f", "e"]),
        (&["-paid", "-weight", "-id"], ["a", "c", "e", "b", "f", "d", "g"]),
    ];
    for (keys, expected) in cases {
        finds(&resource, &by(keys), &expected)?;
    }
    Ok(())
}

/// Rows with equal sort values come in ascending order of their keys, whichever way they are sorted.
pub fn ties_are_broken_by_key<F: ReadStoreFixture>() -> Outcome {
    let rows = ["m", "b", "z", "a", "k"].map(|key| json!({ "id": key, "country": "GB", "count": null }));
    let (_fixture, resource) = with_rows::<F>(rows)?;
    for keys in [&["country"][..], &["-country"], &["count"], &["-count", "country"]] {
        finds(&resource, &by(keys), &["a", "b", "k", "m", "z"])?;
    }
    Ok(())
}

/// 60 rows with few different values and many nulls: pages of any size visit each row once, in one and the same order.
pub fn pages_visit_every_row_once_in_order<F: ReadStoreFixture>() -> Outcome {
    let rows = (0..60).map(|n| {
        json!({
            "id": format!("row-{:02}", (n * 37) % 60),
            "country": (["GB", "DE", "FR"].get(n % 4)),
            "count": ((n % 5 != 0).then_some(n % 3)),
            "weight": ((n % 7 != 0).then_some(if n % 2 == 0 { 0.0 } else { 0.5 })),
            "paid": ([Some(true), Some(false), None].get(n % 3)),
        })
    });
    let (_fixture, resource) = with_rows::<F>(rows)?;
    let sorts: [&[&str]; 7] = [
        &[],
        &["country"],
        &["-count"],
        &["paid", "-weight"],
        &["-country", "count", "-paid"],
        &["weight", "count", "country", "-id"],
        &["-weight", "-count", "-country", "-paid"],
    ];
    for keys in sorts {
        let whole = paged(&resource, &by(keys), 100)?;
        check_eq!(whole.len(), 60, "rows sorted by {keys:?}");
        for limit in [1, 2, 7, 59, 60] {
            check_eq!(paged(&resource, &by(keys), limit)?, whole, "rows by {keys:?} in pages of {limit}");
        }
    }
    Ok(())
}

/// The total counts every row that matches, on every page; the position is the checkpoint.
pub fn pages_of_filtered_rows_tell_the_total<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let mut query = by(&["-weight"]);
    query.filters = vec![filter("count", FilterOp::Gte, [json!(3)])];
    query.limit = 2;
    for expected in [["a", "d"].as_slice(), &["f", "b"], &["g"]] {
        let page = resource.list(&query)?;
        check_eq!(keys(&page), expected, "rows of a page");
        check_eq!(page.total, 5, "the total");
        check_eq!(page.position, Position::new(1), "the position");
        query.after = page.next;
    }
    check_eq!(query.after, None, "`next` after the last row");
    Ok(())
}

/// `next` is there exactly when a row follows, and is the sort values and key of the last row.
pub fn the_last_page_has_no_next<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    for (limit, more) in [(6, true), (7, false), (8, false)] {
        let page = resource.list(&RowQuery { limit, ..RowQuery::default() })?;
        check_eq!(page.next.is_some(), more, "`next` of a page of {limit} of 7 rows");
    }
    let mut query = by(&["country", "-count"]);
    query.limit = 3;
    let next = resource.list(&query)?.next;
    check_eq!(next, Some(vec![json!("DE"), Value::Null, json!("e")]), "`next` after row e");
    let (_fixture, empty) = open::<F>()?;
    let page = empty.list(&query)?;
    check!(page.rows.is_empty() && page.total == 0 && page.next.is_none(), "an empty resource lists {page:?}");
    Ok(())
}

/// A place of the wrong length or kind is refused, one of a row that is gone is not.
pub fn a_place_to_go_on_from_that_does_not_fit_is_invalid<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let mut query = by(&["count"]);
    query.limit = 2;
    let misfits = [
        vec![],
        vec![json!("a")],
        vec![json!(3), json!("a"), json!("a")],
        vec![json!("3"), json!("a")],
        vec![json!(1.5), json!("a")],
        vec![json!(3), json!(7)],
        vec![json!(3), Value::Null],
        vec![json!([3]), json!("a")],
    ];
    for after in misfits {
        let what = format!("going on after {after:?}");
        query.after = Some(after);
        invalid(resource.list(&query), &what)?;
    }
    query.after = Some(vec![json!(3), json!("bb")]);
    check_eq!(keys(&resource.list(&query)?), ["d", "g"], "rows after one that is gone");
    resource.commit(&[put(json!({ "id": "cc", "count": 3 }))], Position::new(2))?;
    check_eq!(keys(&resource.list(&query)?), ["cc", "d"], "rows after one was added");
    Ok(())
}

fn by(keys: &[&str]) -> RowQuery {
    RowQuery { sort: sorted(keys), limit: 100, ..RowQuery::default() }
}
