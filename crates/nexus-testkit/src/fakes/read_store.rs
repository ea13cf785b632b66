use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use nexus_core::{
    Position,
    ports::{ReadStore, ReadStoreError, ResourceSpec, ResourceStore, RowChange, RowData, RowPage, RowQuery},
};

use crate::fakes::{locked::lock, rows};

type Opened = BTreeMap<String, Arc<MemoryResource>>;

/// A read store in memory. Cloning it gives another handle to the same rows.
///
/// Null is smaller than every value; ties are broken by key, ascending. `Eq` and `In` find null, the other operators
/// refuse it.
#[derive(Debug, Clone, Default)]
pub struct MemoryReadStore {
    resources: Arc<Mutex<Opened>>,
}

impl ReadStore for MemoryReadStore {
    fn open(&self, spec: ResourceSpec) -> Result<Arc<dyn ResourceStore>, ReadStoreError> {
        rows::check_spec(&spec)?;
        let mut resources = lock(&self.resources);
        let known = resources.get(&spec.name).filter(|resource| resource.spec == spec);
        let resource = match known {
            Some(resource) => Arc::clone(resource),
            None => {
                let resource = Arc::new(MemoryResource::new(spec));
                resources.insert(resource.spec.name.clone(), Arc::clone(&resource));
                resource
            }
        };
        Ok(resource)
    }
}

#[derive(Debug)]
struct MemoryResource {
    spec: ResourceSpec,
    content: Mutex<Content>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    rows: BTreeMap<String, RowData>,
    checkpoint: Position,
}

impl MemoryResource {
    fn new(spec: ResourceSpec) -> Self {
        Self { spec, content: Mutex::default() }
    }
}

impl ResourceStore for MemoryResource {
    fn spec(&self) -> &ResourceSpec {
        &self.spec
    }

    fn checkpoint(&self) -> Result<Position, ReadStoreError> {
        Ok(lock(&self.content).checkpoint)
    }

    fn commit(&self, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError> {
        let mut content = lock(&self.content);
        // Applied to a copy, so that a change that does not fit leaves everything as it was.
        let mut rows = content.rows.clone();
        for change in changes {
            match change {
                RowChange::Put(row) => {
                    let (key, row) = rows::checked(&self.spec, row)?;
                    rows.insert(key, row);
                }
                RowChange::Delete(key) => {
                    rows.remove(key);
                }
            }
        }
        *content = Content { rows, checkpoint };
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<RowData>, ReadStoreError> {
        Ok(lock(&self.content).rows.get(key).cloned())
    }

    fn list(&self, query: &RowQuery) -> Result<RowPage, ReadStoreError> {
        let content = lock(&self.content);
        let found = rows::select(&self.spec, &content.rows, query)?;
        Ok(RowPage { rows: found.rows, total: found.total, next: found.next, position: content.checkpoint })
    }

    fn clear(&self) -> Result<(), ReadStoreError> {
        *lock(&self.content) = Content::default();
        Ok(())
    }
}
