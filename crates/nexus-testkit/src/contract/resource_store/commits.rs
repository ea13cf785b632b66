use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use nexus_core::{
    Position,
    ports::{ResourceStore, RowChange, RowQuery},
};
use serde_json::{Value, json};

use super::support::{get, invalid, open, paged, put, seven_rows, with_rows};
use crate::contract::{Breach, Outcome, ReadStoreFixture, check, check_eq};

/// What was put is what is found; what was not is not.
pub fn a_row_that_was_put_is_found<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>([json!({ "id": "a", "country": "GB", "count": 3 })])?;
    let expected = json!({ "id": "a", "country": "GB", "count": 3 });
    check_eq!(get(&resource, "a")?, Some(expected), "the row");
    check_eq!(get(&resource, "A")?, None, "a row nobody put");
    check_eq!(get(&resource, "")?, None, "a row without a key");
    check_eq!(resource.spec().name, "orders", "the resource");
    Ok(())
}

/// A put leaves nothing of the row that was there before.
pub fn a_put_replaces_the_whole_row<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>([json!({ "id": "a", "country": "GB", "count": 3 })])?;
    resource.commit(&[put(json!({ "id": "a", "paid": true }))], Position::new(2))?;
    check_eq!(get(&resource, "a")?, Some(json!({ "id": "a", "paid": true })), "the row");
    Ok(())
}

/// Deleting removes one row; deleting what does not exist is no error.
pub fn a_deleted_row_is_gone<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let changes = ["c", "c", "nobody"].map(|key| RowChange::Delete(key.to_owned()));
    resource.commit(&changes, Position::new(2))?;
    check_eq!(get(&resource, "c")?, None, "the deleted row");
    check_eq!(paged(&resource, &RowQuery::default(), 100)?.len(), 6, "rows left");
    Ok(())
}

/// Within one commit a later change of a row wins.
pub fn changes_apply_in_order<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = open::<F>()?;
    let number = |count: u32| put(json!({ "id": "a", "count": count }));
    let gone = || RowChange::Delete("a".to_owned());
    resource.commit(&[number(1), gone(), number(2), number(3)], Position::new(1))?;
    check_eq!(get(&resource, "a")?, Some(json!({ "id": "a", "count": 3 })), "put last");
    resource.commit(&[number(4), gone()], Position::new(2))?;
    check_eq!(get(&resource, "a")?, None, "deleted last");
    Ok(())
}

/// Values come back as the JSON they were, at the limits of every kind.
pub fn every_kind_of_value_survives<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = open::<F>()?;
    let rows = [
        json!({ "id": "заказ ☎ 🦀", "country": "", "count": i64::MAX, "weight": 0.1, "paid": true }),
        json!({ "id": "'; DROP TABLE orders; --", "country": "a\u{0}b\n\"'", "count": i64::MIN, "paid": false }),
        json!({ "id": "%_*", "weight": 1.797e308, "lines": [1, { "b": null, "a": "é" }, []] }),
        json!({ "id": "e\u{301}", "weight": -5e-324, "lines": {}, "order": "select" }),
        json!({ "id": "\u{e9}", "country": "x".repeat(10_000) }),
    ];
    let changes: Vec<RowChange> = rows.iter().cloned().map(put).collect();
    resource.commit(&changes, Position::new(u64::from(u32::MAX) + 1))?;
    for row in rows {
        let key = row.get("id").and_then(Value::as_str).unwrap_or_default();
        let found = get(&resource, key)?;
        check_eq!(found, Some(row.clone()), "the row `{key}`");
    }
    check_eq!(resource.checkpoint()?.get(), u64::from(u32::MAX) + 1, "a large checkpoint");
    Ok(())
}

/// After every commit the rows, the checkpoint and the position of a page tell of the same moment.
pub fn a_commit_moves_rows_and_checkpoint_together<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = open::<F>()?;
    check_eq!(resource.checkpoint()?, Position::START, "the checkpoint of a new resource");
    for round in 1..=10_u64 {
        let at = Position::new(round * 3);
        resource.commit(&[put(json!({ "id": "a", "count": round }))], at)?;
        check_eq!(resource.checkpoint()?, at, "the checkpoint");
        let page = resource.list(&all())?;
        check_eq!(page.position, at, "the position of a page");
        let count = page.rows.first().and_then(|row| row.get("count")).cloned();
        check_eq!(count, Some(json!(round)), "the row at {at}");
    }
    Ok(())
}

fn all() -> RowQuery {
    RowQuery { limit: 100, ..RowQuery::default() }
}

/// When one change does not fit, none is applied and the checkpoint stays.
pub fn a_commit_that_does_not_fit_changes_nothing<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>([json!({ "id": "a", "count": 1 })])?;
    let misfits = [
        json!({ "country": "GB" }),
        json!({ "id": null }),
        json!({ "id": 7 }),
        json!({ "id": "b", "country": 5 }),
        json!({ "id": "b", "count": "5" }),
        json!({ "id": "b", "count": 1.5 }),
        json!({ "id": "b", "count": u64::MAX }),
        json!({ "id": "b", "weight": "heavy" }),
        json!({ "id": "b", "paid": 1 }),
        json!({ "id": "b", "nobodys": "field" }),
    ];
    for misfit in misfits {
        let what = format!("a row {misfit}");
        let changes = [
            put(json!({ "id": "a", "count": 2 })),
            put(json!({ "id": "new" })),
            put(misfit),
            RowChange::Delete("a".to_owned()),
        ];
        invalid(resource.commit(&changes, Position::new(2)), &what)?;
        check_eq!(resource.checkpoint()?, Position::new(1), "the checkpoint after {what}");
        check_eq!(get(&resource, "a")?, Some(json!({ "id": "a", "count": 1 })), "a row after {what}");
        check_eq!(get(&resource, "new")?, None, "a new row after {what}");
    }
    Ok(())
}

/// Events that change no row still move the checkpoint.
pub fn a_commit_without_changes_moves_the_checkpoint<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>([json!({ "id": "a" })])?;
    resource.commit(&[], Position::new(99))?;
    check_eq!(resource.checkpoint()?, Position::new(99), "the checkpoint");
    check_eq!(resource.list(&all())?.position, Position::new(99), "the position of a page");
    Ok(())
}

/// A reader beside the writer never sees half a commit, nor rows of another moment than the position it is told.
pub fn readers_see_whole_commits_only<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = open::<F>()?;
    let changes = |round: u64| [put(json!({ "id": "a", "count": round })), put(json!({ "id": "b", "count": round }))];
    resource.commit(&changes(1), Position::new(1))?;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (resource, stop) = (Arc::clone(&resource), Arc::clone(&stop));
            std::thread::spawn(move || read_until(&resource, &stop))
        })
        .collect();
    let mut written = Ok(());
    for round in 2..=300 {
        written = written.and_then(|()| resource.commit(&changes(round), Position::new(round)));
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().map_err(|_| Breach::new("a reader panicked"))??;
    }
    Ok(written?)
}

fn read_until(resource: &Arc<dyn ResourceStore>, stop: &AtomicBool) -> Outcome {
    while !stop.load(Ordering::Relaxed) {
        let page = resource.list(&all())?;
        let counts = page.rows.iter().map(|row| row.get("count").and_then(Value::as_u64));
        let counts: Vec<Option<u64>> = counts.collect();
        let expected = Some(page.position.get());
        check!(counts == [expected, expected], "rows {counts:?} at position {}", page.position);
    }
    Ok(())
}

/// A commit repeated after a crash leaves the same rows and the same checkpoint.
pub fn applying_twice_is_applying_once<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    let changes = [
        put(json!({ "id": "a", "count": 8 })),
        RowChange::Delete("b".to_owned()),
        put(json!({ "id": "z", "country": "FR" })),
    ];
    resource.commit(&changes, Position::new(9))?;
    let once = resource.list(&all())?;
    resource.commit(&changes, Position::new(9))?;
    check_eq!(resource.list(&all())?, once, "the rows after the second time");
    check_eq!(once.total, 7, "the rows after the first time");
    Ok(())
}

/// Clearing leaves an empty resource at position 0 that can be filled again.
pub fn clearing_removes_rows_and_checkpoint<F: ReadStoreFixture>() -> Outcome {
    let (_fixture, resource) = with_rows::<F>(seven_rows())?;
    resource.clear()?;
    check_eq!(resource.checkpoint()?, Position::START, "the checkpoint");
    check_eq!(get(&resource, "a")?, None, "a row");
    check_eq!(resource.list(&all())?.total, 0, "the total");
    resource.commit(&[put(json!({ "id": "a" }))], Position::new(1))?;
    check_eq!(get(&resource, "a")?, Some(json!({ "id": "a" })), "a row put after clearing");
    Ok(())
}
