use std::{collections::BTreeMap, time::Duration};

use nexus_core::{
    Position,
    ports::{ReadStoreError, RowData, RowPage, RowQuery},
};

use crate::projector::RunningProjection;

/// Reads the rows of read models.
#[derive(Clone)]
pub struct QueryService {
    projections: BTreeMap<String, RunningProjection>,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFailure {
    /// There is no such resource.
    #[error("there is no read model `{name}`")]
    UnknownResource {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The projection did not reach the wanted position in time.
    #[error("the read model `{name}` is at position {checkpoint}, asked for {wanted}")]
    Behind {
        /// The resource.
        name: String,
        /// Where it is.
        checkpoint: Position,
        /// Where it was to be.
        wanted: Position,
    },
    /// The read store could not answer.
    #[error(transparent)]
    Store(#[from] ReadStoreError),
}

/// The position a reader wants to see, and how long it waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsistentWith {
    /// Everything up to here must be in the rows.
    pub position: Position,
    /// Longest wait.
    pub wait: Duration,
}

impl QueryService {
    pub(crate) fn new(projections: impl IntoIterator<Item = RunningProjection>) -> Self {
        let named = |projection: RunningProjection| (projection.projection().spec().name.clone(), projection);
        Self { projections: projections.into_iter().map(named).collect() }
    }

    /// The running projections, by name.
    pub fn projections(&self) -> impl Iterator<Item = &RunningProjection> {
        self.projections.values()
    }

    /// The projection of a resource.
    ///
    /// # Errors
    /// [`QueryFailure::UnknownResource`].
    pub fn projection(&self, resource: &str) -> Result<&RunningProjection, QueryFailure> {
        self.projections.get(resource).ok_or_else(|| QueryFailure::UnknownResource {
            name: resource.to_owned(),
            known: self.projections.keys().cloned().collect(),
        })
    }

    /// One row, and the position the rows correspond to at least.
    ///
    /// # Errors
    /// [`QueryFailure`].
    pub async fn get(
        &self,
        resource: &str,
        key: String,
        consistent: Option<ConsistentWith>,
    ) -> Result<(Option<RowData>, Position), QueryFailure> {
        let running = self.caught_up(resource, consistent).await?;
        let position = running.progress().checkpoint;
        let rows = running.rows().clone();
        let row = blocking(move || rows.get(&key)).await?;
        Ok((row, position))
    }

    /// Rows that match.
    ///
    /// # Errors
    /// [`QueryFailure`].
    pub async fn list(
        &self,
        resource: &str,
        query: RowQuery,
        consistent: Option<ConsistentWith>,
    ) -> Result<RowPage, QueryFailure> {
        let rows = self.caught_up(resource, consistent).await?.rows().clone();
        Ok(blocking(move || rows.list(&query)).await?)
    }

    async fn caught_up(
        &self,
        resource: &str,
        consistent: Option<ConsistentWith>,
    ) -> Result<&RunningProjection, QueryFailure> {
        let running = self.projection(resource)?;
        let Some(ConsistentWith { position, wait }) = consistent else {
            return Ok(running);
        };
        match tokio::time::timeout(wait, running.reached(position)).await {
            Ok(true) => Ok(running),
            Ok(false) | Err(_) => Err(QueryFailure::Behind {
                name: resource.to_owned(),
                checkpoint: running.progress().checkpoint,
                wanted: position,
            }),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadStoreError> + Send + 'static,
) -> Result<T, ReadStoreError> {
    let ended_early = |error| ReadStoreError::Unavailable { reason: format!("the query ended early: {error}") };
    tokio::task::spawn_blocking(work).await.map_err(ended_early)?
}
