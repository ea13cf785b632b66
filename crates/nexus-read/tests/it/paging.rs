//! Pages visit every row exactly once, in order, whatever the values.

use std::cmp::Ordering;

use nexus_core::{
    Position,
    ports::{FilterOp, RowData, RowQuery},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Fixture, put, query, reason};

/// The order as the port describes it, on JSON values.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (a, b) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
    }
}

fn sorted(rows: &[RowData], query: &RowQuery) -> Vec<String> {
    let mut rows: Vec<&RowData> = rows.iter().collect();
    rows.sort_by(|a, b| {
        let by = |field: &str| compare(&a[field], &b[field]);
        let keys = query.sort.iter().map(|key| {
            let order = by(&key.field);
            if key.descending { order.reverse() } else { order }
        });
        keys.fold(Ordering::Equal, Ordering::then).then_with(|| by("id"))
    });
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn value_of_row() -> impl Strategy<Value = (Value, Value, Value, Value)> {
    (
        prop_oneof![Just(json!(null)), "[ab]{0,2}".prop_map(Value::from), Just(json!("\u{10ffff}"))],
        prop_oneof![Just(json!(null)), (-2_i64..3).prop_map(Value::from), Just(json!(i64::MAX))],
        prop_oneof![Just(json!(null)), (-2_i32..3).prop_map(|n| json!(f64::from(n) / 3.0))],
        prop_oneof![Just(json!(null)), any::<bool>().prop_map(Value::from)],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_visit_every_row_once_in_order(
        rows in proptest::collection::vec(value_of_row(), 0..40),
        sorts in proptest::collection::vec(
            proptest::sample::subsequence(vec!["status", "total", "score", "open", "id"], 0..=4)
                .prop_shuffle()
                .prop_flat_map(|fields| {
                    let count = fields.len();
                    (Just(fields), proptest::collection::vec(any::<bool>(), count))
                }),
            1..8,
        ),
        limit in 1_usize..8,
    ) {
        let row = |(index, (status, total, score, open)): (usize, &(Value, Value, Value, Value))| json!({
            "id": format!("k{:02}", (index * 7) % 41), "status": status, "total": total, "score": score, "open": open,
        });
        let rows: Vec<Value> = rows.iter().enumerate().map(row).collect();
        let fixture = Fixture::with(rows.clone());
        let rows: Vec<RowData> = rows.into_iter().map(crate::support::row).collect();
        for (fields, descending) in sorts {
            let keys = fields.iter().zip(descending).map(|(field, down)| format!("{}{field}", if down { "-" } else { "" }));
            let sort = keys.collect::<Vec<_>>().join(",");
            let query = query(&[], &sort, limit);
            prop_assert_eq!(fixture.keys(&query), sorted(&rows, &query), "{}", sort);
        }
    }
}

#[test]
fn indexes_made_on_the_way_do_not_change_the_order() {
    let row = |n: i64| {
        json!({
            "id": format!("k{:04}", (n * 7919) % 2500), "status": (["a", "b", "c"][usize::try_from(n % 3).unwrap()]),
            "total": if n % 5 == 0 { Value::Null } else { json!(n % 11) }, "open": n % 2 == 0,
            "score": null, "lines": null,
        })
    };
    let rows: Vec<Value> = (0..2500).map(row).collect();
    let fixture = Fixture::with(rows.clone());
    let rows: Vec<RowData> = rows.into_iter().map(crate::support::row).collect();
    for sort in ["", "-id", "status", "-status,total", "-total", "total,-status", "-open,-total", "total,total,-total"]
    {
        let query = query(&[], sort, 70);
        assert_eq!(fixture.keys(&query), sorted(&rows, &query), "{sort}");
    }
    let indexes: i64 = rusqlite::Connection::open(fixture.file())
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'by %'", (), |row| row.get(0))
        .unwrap();
    assert_eq!(indexes, 5, "status and total both ways, open downwards");
    let filtered = query(&[("status", FilterOp::Eq, &[json!("b")])], "-total", 70);
    assert_eq!(fixture.keys(&filtered).len(), 833);
    fixture.resource.clear().unwrap();
    fixture.resource.commit(&[put(row(1))], Position::new(2)).unwrap();
    assert_eq!(fixture.keys(&query(&[], "-total", 70)).len(), 1);
}

#[test]
fn the_next_page_starts_behind_the_row_even_when_it_was_deleted() {
    let fixture = Fixture::with((0..10).map(|n| json!({ "id": format!("k{n}"), "total": n / 3 })));
    let mut query = query(&[], "-total", 4);
    let first = fixture.resource.list(&query).unwrap();
    assert_eq!(first.next, Some(vec![json!(2), json!("k8")]));
    let last = first.rows[3]["id"].as_str().unwrap().to_owned();
    fixture.resource.commit(&[nexus_core::ports::RowChange::Delete(last)], Position::new(2)).unwrap();
    query.after = first.next;
    let seen: Vec<_> = first.rows.iter().map(|row| row["id"].clone()).collect();
    let rest = fixture.keys(&query);
    assert_eq!(rest.len(), 6);
    assert!(rest.iter().all(|key| !seen.contains(&json!(key))));
}

#[test]
fn a_cursor_of_another_query_is_refused() {
    let fixture = Fixture::with([json!({ "id": "a", "total": 1 })]);
    for after in [
        vec![],
        vec![json!("a")],
        vec![json!(1), json!("a"), json!("b")],
        vec![json!("1"), json!("a")],
        vec![json!(1), json!(null)],
        vec![json!(1), json!(7)],
        vec![json!(u64::MAX), json!("a")],
        vec![json!([1]), json!("a")],
    ] {
        let mut query = query(&[], "total", 5);
        query.after = Some(after.clone());
        assert!(reason(fixture.resource.list(&query)).contains("cursor"), "{after:?}");
    }
}

#[test]
fn a_page_its_total_and_its_position_are_of_one_moment() {
    let fixture = Fixture::new();
    let writer = fixture.resource.clone();
    let rounds = 400_u64;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 1..=rounds {
                // Position n goes with n rows.
                let row = put(json!({ "id": format!("k{round:05}"), "total": 1 }));
                writer.commit(&[row], Position::new(round)).unwrap();
            }
        });
        for _ in 0..3 {
            scope.spawn(|| {
                let filtered = query(&[("total", FilterOp::Eq, &[json!(1)])], "-id", 1);
                loop {
                    for query in [&filtered, &query(&[], "-id", 1)] {
                        let page = fixture.resource.list(query).unwrap();
                        assert_eq!(page.total, page.position.get());
                        let newest = page.rows.first().map(|row| row["id"].clone());
                        let expected = (page.total > 0).then(|| json!(format!("k{:05}", page.total)));
                        assert_eq!(newest, expected);
                    }
                    if fixture.resource.checkpoint().unwrap().get() == rounds {
                        break;
                    }
                }
            });
        }
    });
}
