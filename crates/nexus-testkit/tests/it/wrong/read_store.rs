use std::{fmt, marker::PhantomData, sync::Arc, thread, time::Duration};

use nexus_core::{
    Position,
    ports::{ReadStore, ReadStoreError, ResourceSpec, ResourceStore, RowChange, RowData, RowPage, RowQuery},
};
use nexus_testkit::{
    contract::{ReadStoreFixture, resource_store as cases},
    fakes::MemoryReadStore,
};
use serde_json::Value;

use super::caught_blocking;

/// One thing that is wrong. What is not overridden is right.
trait Flaw: Send + Sync + 'static {
    fn commit(right: &dyn ResourceStore, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError> {
        right.commit(changes, checkpoint)
    }

    fn list(right: &dyn ResourceStore, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        right.list(query)
    }
}

/// A memory store with a flaw.
struct Flawed<W> {
    right: MemoryReadStore,
    flaw: PhantomData<W>,
}

impl<W: Flaw> ReadStoreFixture for Flawed<W> {
    fn start() -> Self {
        Self { right: MemoryReadStore::default(), flaw: PhantomData }
    }

    fn store(&self) -> Arc<dyn ReadStore> {
        Arc::new(Self { right: self.right.clone(), flaw: PhantomData })
    }

    fn reopen(self) -> Self {
        self
    }
}

impl<W: Flaw> ReadStore for Flawed<W> {
    fn open(&self, spec: ResourceSpec) -> Result<Arc<dyn ResourceStore>, ReadStoreError> {
        let right = self.right.open(spec)?;
        Ok(Arc::new(FlawedResource::<W> { right, flaw: PhantomData }))
    }
}

struct FlawedResource<W> {
    right: Arc<dyn ResourceStore>,
    flaw: PhantomData<W>,
}

impl<W> fmt::Debug for FlawedResource<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlawedResource")
    }
}

impl<W: Flaw> ResourceStore for FlawedResource<W> {
    fn spec(&self) -> &ResourceSpec {
        self.right.spec()
    }

    fn checkpoint(&self) -> Result<Position, ReadStoreError> {
        self.right.checkpoint()
    }

    fn commit(&self, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError> {
        W::commit(&*self.right, changes, checkpoint)
    }

    fn get(&self, key: &str) -> Result<Option<RowData>, ReadStoreError> {
        self.right.get(key)
    }

    fn list(&self, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        W::list(&*self.right, query)
    }

    fn clear(&self) -> Result<(), ReadStoreError> {
        self.right.clear()
    }
}

/// Nothing is wrong: what the cases below find is not in the wrapper.
struct Right;
impl Flaw for Right {}

mod right {
    nexus_testkit::resource_store_contract!(super::Flawed<super::Right>);
}

/// Moves the checkpoint first and the rows after it.
struct CheckpointFirst;

impl Flaw for CheckpointFirst {
    fn commit(right: &dyn ResourceStore, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError> {
        right.commit(&[], checkpoint)?;
        // waits: as a disk would, long enough for a reader to come in between
        thread::sleep(Duration::from_millis(1));
        right.commit(changes, checkpoint)
    }
}

#[test]
fn a_checkpoint_before_its_rows_is_caught() {
    caught_blocking(
        "a_commit_that_does_not_fit_changes_nothing",
        "the checkpoint after a row",
        cases::a_commit_that_does_not_fit_changes_nothing::<Flawed<CheckpointFirst>>,
    );
    caught_blocking(
        "readers_see_whole_commits_only",
        "at position",
        cases::readers_see_whole_commits_only::<Flawed<CheckpointFirst>>,
    );
}

/// Goes on after the sort values of the last row, forgetting that others may be equal.
struct LosesEqualRows;

impl Flaw for LosesEqualRows {
    fn list(right: &dyn ResourceStore, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        let mut query = query.clone();
        let sorted = !query.sort.is_empty();
        if let Some(key) = query.after.as_mut().and_then(|after| after.last_mut()).filter(|_| sorted) {
            *key = Value::from("\u{10ffff}");
        }
        right.list(&query)
    }
}

#[test]
fn paging_that_loses_equal_rows_is_caught() {
    caught_blocking(
        "pages_visit_every_row_once_in_order",
        "a total of 60 for",
        cases::pages_visit_every_row_once_in_order::<Flawed<LosesEqualRows>>,
    );
}

/// Counts the rows of the page for the total.
struct CountsThePage;

impl Flaw for CountsThePage {
    fn list(right: &dyn ResourceStore, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        let page = right.list(query)?;
        Ok(RowPage { total: page.rows.len() as u64, ..page })
    }
}

#[test]
fn a_total_of_one_page_is_caught() {
    caught_blocking(
        "pages_of_filtered_rows_tell_the_total",
        "the total: expected 5",
        cases::pages_of_filtered_rows_tell_the_total::<Flawed<CountsThePage>>,
    );
}
