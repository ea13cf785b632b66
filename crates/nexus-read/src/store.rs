//! The directory of read models.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use nexus_core::ports::{ReadStore, ReadStoreError, ResourceSpec, ResourceStore};

use crate::{error::unavailable, resource::SqliteResource, table};

/// Read models as SQLite files: `projections/<name>.sqlite` under a data directory, one for each resource.
///
/// A file holds the table `rows`, one typed column per field (text, integer, real, boolean as 0 or 1, JSON as text), and
/// the table `meta` with the checkpoint, the number of rows and the shape. Any SQLite tool can read it, also while in use.
///
/// # Queries
/// At most 20 filters, 5 sort keys, 100 values of `In` and 1000 rows a page. Null is smaller than every value: first when
/// ascending, last when descending; ties are broken by key, ascending. Comparing with null is refused except by `Eq` and
/// `In`. Secondary indexes are made when a query first wants one, so the first query by a field of a large
/// resource takes longer, and commits wait for it.
///
/// # Shapes
/// Opening with a shape other than the one stored empties the file in one transaction, and retires a handle that is still
/// open with the old one: its calls answer [`ReadStoreError::Unavailable`].
///
/// ```no_run
/// # fn main() -> Result<(), nexus_core::ports::ReadStoreError> {
/// use nexus_core::ports::{Column, ColumnKind, ReadStore, ResourceSpec};
/// let store = nexus_read::SqliteReadStore::open("data")?;
/// let orders = store.open(ResourceSpec {
///     name: "orders".to_owned(),
///     key: "id".to_owned(),
///     columns: vec![Column { name: "id".to_owned(), kind: ColumnKind::Text }],
/// })?;
/// assert_eq!(orders.checkpoint()?.get(), 0);
/// # Ok(())
/// # }
/// ```
pub struct SqliteReadStore {
    directory: PathBuf,
    open: Mutex<HashMap<String, Weak<SqliteResource>>>,
}

impl SqliteReadStore {
    /// Takes `dir`, the data directory, making it and its `projections` when they do not exist.
    ///
    /// # Errors
    /// [`ReadStoreError::Unavailable`] when the directory cannot be made.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, ReadStoreError> {
        let directory = dir.as_ref().join("projections");
        make_directory(&directory)?;
        Ok(Self { directory, open: Mutex::default() })
    }
}

/// Makes a directory with its parents.
pub(crate) fn make_directory(directory: &Path) -> Result<(), ReadStoreError> {
    std::fs::create_dir_all(directory)
        .map_err(|error| unavailable(format!("its directory cannot be made: {}", error.kind())))
}

impl fmt::Debug for SqliteReadStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReadStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl ReadStore for SqliteReadStore {
    fn open(&self, spec: ResourceSpec) -> Result<Arc<dyn ResourceStore>, ReadStoreError> {
        table::check_spec(&spec)?;
        // Held throughout: two callers that open one resource get one handle.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resource) = open.get(&spec.name).and_then(Weak::upgrade) {
            if *resource.spec() == spec {
                return Ok(resource);
            }
            resource.retire();
        }
        let path = self.directory.join(format!("{}.sqlite", spec.name));
        let name = spec.name.clone();
        let resource = Arc::new(SqliteResource::open(path, spec)?);
        open.insert(name, Arc::downgrade(&resource));
        Ok(resource)
    }
}
