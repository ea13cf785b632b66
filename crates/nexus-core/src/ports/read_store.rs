use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{error::ErrorKind, name::Position};

/// One row of a read model: field name → value.
pub type RowData = Map<String, Value>;

/// Keeps the rows of read models. Calls block on a local file; run them where blocking is allowed.
pub trait ReadStore: Send + Sync + 'static {
    /// Opens the store of one resource, making it when it does not exist and emptying it when its
    /// [`ResourceSpec`] differs from the one it was made with.
    ///
    /// # Errors
    /// When it cannot be opened or made.
    fn open(&self, spec: ResourceSpec) -> Result<Arc<dyn ResourceStore>, ReadStoreError>;
}

/// The rows of one read model and how far it has followed the log.
///
/// One writer, any number of readers; a reader sees whole commits only.
pub trait ResourceStore: Send + Sync + 'static {
    /// What it keeps.
    fn spec(&self) -> &ResourceSpec;

    /// Everything up to here is in the rows.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn checkpoint(&self) -> Result<Position, ReadStoreError>;

    /// Applies changes in order and moves the checkpoint, in one transaction.
    ///
    /// # Errors
    /// When the store cannot be written; nothing changed.
    fn commit(&self, changes: &[RowChange], checkpoint: Position) -> Result<(), ReadStoreError>;

    /// One row by its key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &str) -> Result<Option<RowData>, ReadStoreError>;

    /// Rows that match, in the order asked, ties broken by key.
    ///
    /// # Errors
    /// [`ReadStoreError::Invalid`] when the query names an unknown field or a value of the wrong type.
    fn list(&self, query: &RowQuery) -> Result<RowPage, ReadStoreError>;

    /// Removes all rows and sets the checkpoint to 0, for a rebuild.
    ///
    /// # Errors
    /// When the store cannot be written; nothing changed.
    fn clear(&self) -> Result<(), ReadStoreError>;
}

/// The shape of a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceSpec {
    /// The name in the API: `orders`. Lowercase letters, digits and `-`.
    pub name: String,
    /// The field that identifies a row; of kind text.
    pub key: String,
    /// All fields, in order, the key included.
    pub columns: Vec<Column>,
}

impl ResourceSpec {
    /// The column of a field.
    #[must_use]
    pub fn column(&self, field: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == field)
    }
}

/// One field of a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, in camelCase.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a field holds. Any field may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text; compared byte by byte.
    Text,
    /// A whole number of 64 bits with sign.
    Integer,
    /// A floating-point number.
    Real,
    /// True or false.
    Boolean,
    /// A JSON object or array; cannot be filtered or sorted by.
    Json,
}

/// One change to the rows.
#[derive(Debug, Clone, PartialEq)]
pub enum RowChange {
    /// Insert or replace the row; its key is in the row.
    Put(RowData),
    /// Remove the row of this key, if it exists.
    Delete(String),
}

/// Which rows are wanted, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowQuery {
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// Most significant first.
    pub sort: Vec<SortKey>,
    /// Most rows to answer, at least 1.
    pub limit: usize,
    /// The [`RowPage::next`] of the page before; only with the same filters and sort.
    pub after: Option<Vec<Value>>,
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The field.
    pub field: String,
    /// How it is compared.
    pub op: FilterOp,
    /// With what: one value, or any number for [`FilterOp::In`].
    pub values: Vec<Value>,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterOp {
    /// Equal.
    Eq,
    /// Greater or equal.
    Gte,
    /// Less or equal.
    Lte,
    /// Equal to one of several.
    In,
    /// Text that starts with the value.
    Prefix,
}

/// One sort criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Greatest first.
    pub descending: bool,
}

/// Rows of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPage {
    /// The rows.
    pub rows: Vec<RowData>,
    /// How many rows match in all.
    pub total: u64,
    /// The sort values and key of the last row, to go on after it; `None` at the end.
    pub next: Option<Vec<Value>>,
    /// The checkpoint the rows correspond to.
    pub position: Position,
}

/// Why the read store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadStoreError {
    /// The query or the change does not fit the resource. Final.
    #[error("{reason}")]
    Invalid {
        /// What is wrong, for a person.
        reason: String,
    },
    /// The file is damaged or of another program or of a newer format.
    #[error("the read store is damaged: {reason}")]
    Corrupt {
        /// What is wrong.
        reason: String,
    },
    /// It cannot be used now. Handling: retry later.
    #[error("the read store is unavailable: {reason}")]
    Unavailable {
        /// What is wrong.
        reason: String,
    },
}

impl ReadStoreError {
    /// The generic kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}
