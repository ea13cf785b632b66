use nexus_core::{
    Position,
    ports::{Column, ColumnKind, ResourceSpec, RowQuery},
};
use serde_json::json;

use super::support::{get, put, seven_rows, spec, with_rows};
use crate::contract::{Outcome, ReadStoreFixture, check_eq};

/// Rows and checkpoint are there when the store is opened again, and so when the resource is opened twice.
pub fn reopening_keeps_rows_and_checkpoint<F: ReadStoreFixture>() -> Outcome {
    let (fixture, resource) = with_rows::<F>(seven_rows())?;
    resource.commit(&[put(json!({ "id": "z" }))], Position::new(42))?;
    let query = RowQuery { limit: 100, ..RowQuery::default() };
    let before = resource.list(&query)?;
    let second = fixture.store().open(spec())?;
    check_eq!(second.list(&query)?, before, "the rows through a second handle");
    drop((resource, second));
    let fixture = fixture.reopen();
    let resource = fixture.store().open(spec())?;
    check_eq!(resource.list(&query)?, before, "the rows after reopening");
    check_eq!(resource.checkpoint()?, Position::new(42), "the checkpoint after reopening");
    Ok(())
}

/// Another field, another kind, another order or another key: the rows are of no use and must be made again.
pub fn a_changed_spec_empties_the_resource<F: ReadStoreFixture>() -> Outcome {
    let more = |spec: &mut ResourceSpec| {
        spec.columns.push(Column { name: "more".to_owned(), kind: ColumnKind::Text });
    };
    let kind = |spec: &mut ResourceSpec| {
        let counts = spec.columns.iter_mut().filter(|column| column.name == "count");
        counts.for_each(|column| column.kind = ColumnKind::Real);
    };
    let order = |spec: &mut ResourceSpec| spec.columns.reverse();
    let key = |spec: &mut ResourceSpec| spec.key = "country".to_owned();
    let changes: [&dyn Fn(&mut ResourceSpec); 4] = [&more, &kind, &order, &key];
    for (number, change) in changes.iter().enumerate() {
        let (fixture, resource) = with_rows::<F>(seven_rows())?;
        drop(resource);
        let fixture = fixture.reopen();
        let mut changed = spec();
        change(&mut changed);
        let resource = fixture.store().open(changed.clone())?;
        check_eq!(resource.checkpoint()?, Position::START, "the checkpoint after change {number}");
        check_eq!(get(&resource, "a")?, None, "a row after change {number}");
        check_eq!(*resource.spec(), changed, "the spec after change {number}");
        let row = json!({ "id": "a", "country": "GB", "count": 3 });
        resource.commit(&[put(row)], Position::new(5))?;
        drop(resource);
        let fixture = fixture.reopen();
        let kept = fixture.store().open(changed)?.checkpoint()?;
        check_eq!(kept, Position::new(5), "the checkpoint when the changed spec is opened again");
    }
    Ok(())
}

/// Two resources of one store share nothing.
pub fn resources_are_apart<F: ReadStoreFixture>() -> Outcome {
    let (fixture, orders) = with_rows::<F>(seven_rows())?;
    let invoices = ResourceSpec { name: "invoices".to_owned(), ..spec() };
    let invoices = fixture.store().open(invoices)?;
    check_eq!(invoices.checkpoint()?, Position::START, "the checkpoint of the other");
    check_eq!(get(&invoices, "a")?, None, "a row of the other");
    invoices.commit(&[put(json!({ "id": "a", "count": 5 }))], Position::new(7))?;
    orders.clear()?;
    check_eq!(get(&invoices, "a")?, Some(json!({ "id": "a", "count": 5 })), "a row beside a cleared one");
    check_eq!(invoices.checkpoint()?, Position::new(7), "the checkpoint beside a cleared one");
    Ok(())
}
