use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    event::Metadata,
    framework::{CodecError, Events, schema},
    name::{Position, StreamId, Version},
    ports::{ResourceSpec, RowChange, RowData},
    time::Timestamp,
    upcast::CurrentEvent,
};

/// A row of a read model: one per key, kept up to date from events.
///
/// `#[nexus::projection(resource = "…", key = "…", events = …)]` on a struct writes this impl; the person writes
/// [`Project`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a read model",
    label = "this type is used as a projection",
    note = "put `#[nexus::projection(resource = \"…\", key = \"…\", events = YourEvents)]` on the struct"
)]
pub trait ReadModel: Serialize + DeserializeOwned + JsonSchema + Send + Sync + Sized + 'static {
    /// The name in the API: `orders` is served at `/api/queries/orders`.
    const RESOURCE: &'static str;

    /// The field that identifies a row, in camelCase. By default a row's key is the id of the event's aggregate.
    const KEY: &'static str;

    /// The events it follows, one [`Source::of`] for each [`Project`] impl.
    fn sources() -> Vec<Source<Self>>;
}

/// Keeps a row up to date from events of type `E`. Pure.
#[diagnostic::on_unimplemented(
    message = "the read model `{Self}` does not project `{E}`",
    label = "no projection from `{E}`",
    note = "write `impl Project<{E}> for {Self}`"
)]
pub trait Project<E: Events>: ReadModel {
    /// The key of the row an event concerns; by default the id of its aggregate.
    fn key(event: &Recorded<E>) -> String {
        event.aggregate_id.to_string()
    }

    /// What an event changes in its row.
    fn on(event: Recorded<E>, row: Row<Self>) -> Change<Self>;
}

/// A stored event with its payload as a typed value.
#[derive(Debug, Clone)]
pub struct Recorded<E> {
    /// The event.
    pub data: E,
    /// Place in the whole log.
    pub position: Position,
    /// The aggregate it happened to.
    pub aggregate_id: StreamId,
    /// Place in the aggregate's stream.
    pub version: Version,
    /// When the log accepted it.
    pub timestamp: Timestamp,
    /// Where it came from.
    pub metadata: Metadata,
}

impl<E: Events> Recorded<E> {
    fn from_event(event: &CurrentEvent<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            data: E::from_stored(event.event_type.as_str(), &event.payload)?,
            position: event.position,
            aggregate_id: event.aggregate_id.clone(),
            version: event.version,
            timestamp: event.timestamp,
            metadata: event.metadata.clone(),
        })
    }
}

/// The current row an event concerns, if there is one.
#[derive(Debug)]
pub struct Row<T>(Option<T>);

impl<T> Row<T> {
    /// The row as it is.
    #[must_use]
    pub fn current(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Writes this row, whether or not there was one.
    #[must_use]
    pub fn insert(self, row: T) -> Change<T> {
        row.into()
    }

    /// Changes the row; does nothing when there is none.
    #[must_use]
    pub fn update(self, change: impl FnOnce(&mut T)) -> Change<T> {
        match self.0 {
            Some(mut row) => {
                change(&mut row);
                Change(Changed::Put(row))
            }
            None => Change(Changed::Nothing),
        }
    }

    /// Removes the row.
    #[must_use]
    pub fn delete(self) -> Change<T> {
        Change(Changed::Delete)
    }

    /// Leaves the row as it is.
    #[must_use]
    pub fn keep(self) -> Change<T> {
        Change(Changed::Nothing)
    }
}

/// What happens to a row; made by the methods of [`Row`], or from a row that is to be written as it is.
#[derive(Debug)]
pub struct Change<T>(Changed<T>);

impl<T> From<T> for Change<T> {
    fn from(row: T) -> Self {
        Self(Changed::Put(row))
    }
}

#[derive(Debug)]
enum Changed<T> {
    Put(T),
    Delete,
    Nothing,
}

/// One type of events a read model follows, with the type erased.
pub struct Source<R> {
    event_types: &'static [&'static str],
    schema_version: fn(&str) -> Option<u32>,
    key: fn(&CurrentEvent<'_>) -> Result<String, CodecError>,
    project: fn(&CurrentEvent<'_>, Option<R>) -> Result<Change<R>, CodecError>,
}

impl<R: ReadModel> Source<R> {
    /// Follows the events `E`.
    #[must_use]
    pub fn of<E: Events>() -> Self
    where
        R: Project<E>,
    {
        Self {
            event_types: E::TYPES,
            schema_version: E::schema_version,
            key: |event| Ok(R::key(&Recorded::from_event(event)?)),
            project: |event, row| Ok(R::on(Recorded::from_event(event)?, Row(row))),
        }
    }
}

impl<R> Source<R> {
    fn schema_versions(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.event_types.iter().filter_map(|event_type| Some((*event_type, (self.schema_version)(event_type)?)))
    }
}

/// A read model with its type erased: what the runtime feeds events to.
#[derive(Clone)]
pub struct Projection {
    spec: ResourceSpec,
    event_types: Vec<&'static str>,
    schema_versions: Vec<(&'static str, u32)>,
    step: Arc<dyn Step>,
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection").field("spec", &self.spec).field("event_types", &self.event_types).finish()
    }
}

impl Projection {
    /// The projection of a read model.
    #[must_use]
    pub fn of<R: ReadModel>() -> Self {
        let sources = R::sources();
        Self {
            spec: ResourceSpec {
                name: R::RESOURCE.to_owned(),
                key: R::KEY.to_owned(),
                columns: schema::columns_of::<R>(),
            },
            event_types: sources.iter().flat_map(|source| source.event_types.iter().copied()).collect(),
            schema_versions: sources.iter().flat_map(Source::schema_versions).collect(),
            step: Arc::new(Typed { sources }),
        }
    }

    /// The shape of its rows.
    #[must_use]
    pub fn spec(&self) -> &ResourceSpec {
        &self.spec
    }

    /// The event types it follows.
    #[must_use]
    pub fn event_types(&self) -> &[&'static str] {
        &self.event_types
    }

    /// The schema versions of its event types that it was written for, where it says which.
    #[must_use]
    pub fn schema_versions(&self) -> &[(&'static str, u32)] {
        &self.schema_versions
    }

    /// The key of the row an event concerns; `None` when the event is not followed.
    ///
    /// # Errors
    /// When the payload does not fit the event's type.
    pub fn key(&self, event: &CurrentEvent<'_>) -> Result<Option<String>, CodecError> {
        self.step.key(event)
    }

    /// What an event changes, given the current row; `None` when nothing changes.
    ///
    /// # Errors
    /// When the payload does not fit the event's type or the row does not fit the read model.
    pub fn project(
        &self,
        event: &CurrentEvent<'_>,
        key: &str,
        row: Option<RowData>,
    ) -> Result<Option<RowChange>, CodecError> {
        self.step.project(event, key, row)
    }
}

trait Step: Send + Sync {
    fn key(&self, event: &CurrentEvent<'_>) -> Result<Option<String>, CodecError>;
    fn project(
        &self,
        event: &CurrentEvent<'_>,
        key: &str,
        row: Option<RowData>,
    ) -> Result<Option<RowChange>, CodecError>;
}

struct Typed<R> {
    sources: Vec<Source<R>>,
}

impl<R: ReadModel> Typed<R> {
    fn source(&self, event: &CurrentEvent<'_>) -> Option<&Source<R>> {
        self.sources.iter().find(|source| source.event_types.contains(&event.event_type.as_str()))
    }
}

impl<R: ReadModel> Step for Typed<R> {
    fn key(&self, event: &CurrentEvent<'_>) -> Result<Option<String>, CodecError> {
        self.source(event).map(|source| (source.key)(event)).transpose()
    }

    fn project(
        &self,
        event: &CurrentEvent<'_>,
        key: &str,
        row: Option<RowData>,
    ) -> Result<Option<RowChange>, CodecError> {
        let Some(source) = self.source(event) else {
            return Ok(None);
        };
        let misfit = |error: serde_json::Error| CodecError::new(R::RESOURCE, &error);
        let row = row.map(|row| serde_json::from_value(Value::Object(row))).transpose().map_err(misfit)?;
        match (source.project)(event, row)?.0 {
            Changed::Nothing => Ok(None),
            Changed::Delete => Ok(Some(RowChange::Delete(key.to_owned()))),
            Changed::Put(row) => match serde_json::to_value(row).map_err(misfit)? {
                Value::Object(data) if data.get(R::KEY).and_then(Value::as_str) == Some(key) => {
                    Ok(Some(RowChange::Put(data)))
                }
                _ => Err(CodecError::new(R::RESOURCE, &format_args!("the row's `{}` is not `{key}`", R::KEY))),
            },
        }
    }
}
