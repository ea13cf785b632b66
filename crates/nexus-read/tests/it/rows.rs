//! What is put comes back; what does not fit is refused whole.

use nexus_core::{
    Position,
    ports::{FilterOp, ReadStore as _, RowChange, RowData},
};
use serde_json::{Value, json};

use crate::support::{Fixture, put, query, reason, row, spec};

fn full() -> Value {
    json!({
        "id": "o-1", "status": "naïve \u{0} \"quoted\"", "total": i64::MIN, "score": 0.1, "open": true,
        "lines": [{ "sku": "a", "price": 1.5 }, null],
    })
}

#[test]
fn a_row_comes_back_as_it_was_put() {
    let sparse = json!({ "id": "o-2", "total": 7 });
    let nulls = json!({ "id": "o-3", "status": null, "total": null, "score": null, "open": null, "lines": null });
    let fixture = Fixture::with([full(), sparse.clone(), nulls.clone()]);
    for expected in [full(), sparse, nulls] {
        let key = expected["id"].as_str().unwrap();
        assert_eq!(fixture.resource.get(key).unwrap(), Some(row(expected.clone())));
    }
    assert_eq!(fixture.resource.get("o-4").unwrap(), None);
}

#[test]
fn real_numbers_come_back_bit_for_bit() {
    let numbers = [0.1, 1.0 / 3.0, 2.0, f64::MAX, f64::MIN_POSITIVE, -1e-300, 9_007_199_254_740_993.0];
    let rows = numbers.iter().enumerate().map(|(index, score)| json!({ "id": format!("{index}"), "score": score }));
    let fixture = Fixture::with(rows);
    for (index, number) in numbers.iter().enumerate() {
        let row = fixture.resource.get(&index.to_string()).unwrap().unwrap();
        assert_eq!(row["score"].as_f64().unwrap().to_bits(), number.to_bits());
    }
}

#[test]
fn a_second_put_replaces_the_whole_row_and_delete_removes_it() {
    let fixture = Fixture::with([full()]);
    let changes = [
        put(json!({ "id": "o-1", "status": "new" })),
        put(json!({ "id": "o-2" })),
        RowChange::Delete("o-2".to_owned()),
        RowChange::Delete("never-there".to_owned()),
    ];
    fixture.resource.commit(&changes, Position::new(2)).unwrap();
    let expected = row(json!({ "id": "o-1", "status": "new" }));
    assert_eq!(fixture.resource.get("o-1").unwrap(), Some(expected.clone()));
    let page = fixture.resource.list(&query(&[], "", 10)).unwrap();
    assert_eq!((page.rows, page.total, page.position), (vec![expected], 1, Position::new(2)));
}

#[test]
fn a_commit_with_one_bad_row_changes_nothing() {
    let fixture = Fixture::with([full()]);
    for bad in [
        json!({ "status": "no key" }),
        json!({ "id": null }),
        json!({ "id": 5 }),
        json!({ "id": "x", "unknown": 1 }),
        json!({ "id": "x", "$absent": "[]" }),
        json!({ "id": "x", "total": u64::MAX }),
        json!({ "id": "x", "total": 1.5 }),
        json!({ "id": "x", "status": 1 }),
        json!({ "id": "x", "open": 1 }),
        json!({ "id": "x", "score": "1" }),
    ] {
        let changes = [put(json!({ "id": "good" })), put(bad.clone())];
        let said = reason(fixture.resource.commit(&changes, Position::new(9)));
        assert!(said.contains('`'), "{bad}: {said}");
        assert_eq!(fixture.resource.get("good").unwrap(), None, "{bad}");
        assert_eq!(fixture.resource.checkpoint().unwrap(), Position::new(1));
        assert_eq!(fixture.resource.list(&query(&[], "", 10)).unwrap().total, 1);
    }
    assert!(reason(fixture.resource.commit(&[], Position::new(u64::MAX))).contains("out of range"));
}

#[test]
fn every_filter_selects_what_it_says() {
    let fixture = Fixture::with([
        json!({ "id": "a", "status": "open", "total": 1, "score": 0.5, "open": true }),
        json!({ "id": "b", "status": "opened", "total": 2, "score": 1.5, "open": false }),
        json!({ "id": "c", "status": "Open", "total": 3, "score": 2.0, "open": null }),
        json!({ "id": "d", "status": null, "total": null }),
        json!({ "id": "e", "status": "op\u{10ffff}z", "total": -4 }),
    ]);
    use FilterOp::{Eq, Gte, In, Lte, Prefix};
    let cases: [(&str, FilterOp, &[Value], &str); 17] = [
        ("id", Eq, &[json!("b")], "b"),
        ("id", Gte, &[json!("d")], "de"),
        ("status", Eq, &[json!("open")], "a"),
        ("status", Eq, &[json!(null)], "d"),
        ("status", Eq, &[json!("' OR 1=1 --")], ""),
        ("status", In, &[json!("open"), json!("Open"), json!("none")], "ac"),
        ("status", In, &[json!("open"), json!(null)], "ad"),
        ("status", In, &[], ""),
        ("status", Prefix, &[json!("open")], "ab"),
        ("status", Prefix, &[json!("op\u{10ffff}")], "e"),
        ("status", Prefix, &[json!("")], "abce"),
        ("total", Gte, &[json!(2)], "bc"),
        ("total", Lte, &[json!(1)], "ae"),
        ("score", Lte, &[json!(2)], "abc"),
        ("score", Eq, &[json!(1.5)], "b"),
        ("open", Eq, &[json!(true)], "a"),
        ("open", In, &[json!(true), json!(false)], "ab"),
    ];
    for (field, op, values, expected) in cases {
        let query = query(&[(field, op, values)], "", 10);
        assert_eq!(fixture.keys(&query).concat(), expected, "{field} {op:?} {values:?}");
        let total = fixture.resource.list(&query).unwrap().total;
        assert_eq!(usize::try_from(total).unwrap(), expected.len());
    }
    let both = query(&[("total", Gte, &[json!(1)]), ("open", Eq, &[json!(false)])], "", 10);
    assert_eq!(fixture.keys(&both), ["b"]);
}

#[test]
fn a_query_that_does_not_fit_says_why() {
    let fixture = Fixture::new();
    use FilterOp::{Eq, Gte, In, Prefix};
    let one = [json!("x")];
    let many = vec![json!("x"); 101];
    let long = [json!("x".repeat(70_000))];
    let bad = [
        (query(&[("nope", Eq, &one)], "", 1), "no field `nope`; its fields are id, status"),
        (query(&[("lines", Eq, &one)], "", 1), "cannot be filtered"),
        (query(&[], "-lines", 1), "cannot be filtered or sorted"),
        (query(&[], "rowid", 1), "no field `rowid`"),
        (query(&[("$absent", Eq, &one)], "", 1), "no field `$absent`"),
        (query(&[("total", Eq, &one)], "", 1), "takes a whole number"),
        (query(&[("total", Eq, &[json!(u64::MAX)])], "", 1), "takes a whole number"),
        (query(&[("total", Prefix, &[json!(1)])], "", 1), "has no prefix"),
        (query(&[("open", Eq, &[json!("true")])], "", 1), "takes true or false"),
        (query(&[("status", Gte, &[json!(null)])], "", 1), "compare with null"),
        (query(&[("status", Eq, &[])], "", 1), "takes one value, not 0"),
        (query(&[("status", Eq, &many)], "", 1), "takes one value, not 101"),
        (query(&[("status", In, &many)], "", 1), "more than 100 values"),
        (query(&[("status", Eq, &long)], "", 1), "longer than"),
        (query(&vec![("status", Eq, &one[..]); 21], "", 1), "at most 20 filters"),
        (query(&[], "id,id,id,id,id,id", 1), "at most 5 sort keys"),
        (query(&[], "", 0), "from 1 to 1000"),
        (query(&[], "", 1001), "from 1 to 1000"),
    ];
    for (query, expected) in bad {
        let said = reason(fixture.resource.list(&query));
        assert!(said.contains(expected) && said.len() < 400, "{said}");
    }
}

#[test]
fn clearing_starts_over() {
    let fixture = Fixture::with([full()]);
    fixture.resource.clear().unwrap();
    assert_eq!(fixture.resource.checkpoint().unwrap(), Position::START);
    assert_eq!(fixture.resource.list(&query(&[], "-total", 10)).unwrap().total, 0);
    fixture.resource.commit(&[put(full())], Position::new(3)).unwrap();
    assert_eq!(fixture.keys(&query(&[], "-total", 10)), ["o-1"]);
}

#[test]
fn reopening_keeps_rows_and_another_shape_empties_them() {
    let fixture = Fixture::with([full()]);
    let again = fixture.store.open(spec()).unwrap();
    again.commit(&[], Position::new(5)).unwrap();
    assert_eq!(fixture.resource.checkpoint().unwrap(), Position::new(5), "one handle while it is open");

    let Fixture { resource, store, dir } = fixture;
    drop((resource, again, store));
    let store = nexus_read::SqliteReadStore::open(dir.path()).unwrap();
    let kept = store.open(spec()).unwrap();
    assert_eq!(kept.checkpoint().unwrap(), Position::new(5));
    assert_eq!(kept.get("o-1").unwrap(), Some(row(full())));

    let mut changed = spec();
    changed.columns.pop();
    let emptied = store.open(changed.clone()).unwrap();
    assert_eq!(emptied.checkpoint().unwrap(), Position::START);
    assert_eq!(emptied.get("o-1").unwrap(), None);
    let late = kept.commit(&[put(full())], Position::new(6));
    assert!(late.unwrap_err().to_string().contains("another shape"), "the old handle must not write any more");
    assert_eq!(emptied.checkpoint().unwrap(), Position::START);
    assert_eq!(emptied.spec(), &changed);
}

#[test]
fn shapes_that_no_table_can_have_are_refused() {
    let fixture = Fixture::new();
    let open = |change: &dyn Fn(&mut nexus_core::ports::ResourceSpec)| {
        let mut spec = spec();
        change(&mut spec);
        reason(fixture.store.open(spec).map(|_| ()))
    };
    for name in ["", "../evil", "a/b", "Orders", "-x", "a\0", &"x".repeat(65)] {
        assert!(open(&|spec| spec.name = name.to_owned()).contains("cannot be a resource"), "{name:?}");
    }
    assert!(open(&|spec| spec.key = "nope".to_owned()).contains("not one of its fields"));
    assert!(open(&|spec| spec.key = "total".to_owned()).contains("must be of kind text"));
    assert!(open(&|spec| spec.columns[1].name = "ID".to_owned()).contains("appears twice"));
    assert!(open(&|spec| spec.columns[1].name = "$absent".to_owned()).contains("cannot be a field"));
}

#[test]
fn odd_field_names_are_only_names() {
    let fixture = Fixture::new();
    let names = ["a\"; DROP TABLE rows; --", "select", "rowid", "naïve ключ", "a.b", "?1"];
    let mut spec = spec();
    spec.name = "odd".to_owned();
    for (column, name) in spec.columns.iter_mut().skip(1).zip(names) {
        *column = nexus_core::ports::Column { name: name.to_owned(), kind: nexus_core::ports::ColumnKind::Text };
    }
    let resource = fixture.store.open(spec).unwrap();
    let mut data = RowData::from_iter([("id".to_owned(), json!("k"))]);
    data.extend(names.iter().take(5).map(|name| ((*name).to_owned(), json!(name))));
    resource.commit(&[RowChange::Put(data.clone())], Position::new(1)).unwrap();
    for name in &names[..5] {
        let filters: &[(&str, FilterOp, &[Value])] = &[(name, FilterOp::Eq, &[json!(name)])];
        let page = resource.list(&query(filters, name, 10)).unwrap();
        assert_eq!((page.rows, page.total), (vec![data.clone()], 1));
    }
}
