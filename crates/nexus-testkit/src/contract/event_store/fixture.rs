use std::{future::Future, sync::Arc};

use nexus_core::{
    Appended, Metadata, Position, Proposal,
    ports::{AppendError, EventStore, ReadError},
};

use crate::{
    fakes::ManualClock,
    fixture::{admitted_by, permissive_admission},
};

/// An event store under test: what the cases of [`contract::event_store`](crate::contract::event_store) run against.
///
/// The store is of the fixture's own: while a case runs, nobody else writes to it. It may hold events already.
///
/// An adapter in this process gives [`start`](Self::start), [`store`](Self::store) and [`restart`](Self::restart). A
/// client of a server, which judges proposals itself, also overrides [`append`](Self::append) to send the proposal,
/// gives as `store` a reader whose `append` is never called, sets [`ADMITS_HERE`](Self::ADMITS_HERE) to false and says
/// in [`kept`](Self::kept) what the server makes of metadata.
pub trait EventStoreFixture: Sized + Send + Sync + 'static {
    /// Whether what was acknowledged is there after [`restart`](Self::restart). When false, the durability cases
    /// require that it is gone, so that the declaration stays true.
    const SURVIVES_RESTART: bool = true;

    /// Whether receipts come from [`permissive_admission`]. When false, cases require only that receipts are
    /// complete and the same in every read.
    const ADMITS_HERE: bool = true;

    /// Whether `WrongAggregateType` and `DuplicateEvent` name the type and the place that is stored.
    const NAMES_WHAT_IS_STORED: bool = true;

    /// Whether events of the platform's own streams can be stored this way. When false, the cases about them require
    /// that they are refused, so that the declaration stays true.
    const STORES_SYSTEM_STREAMS: bool = true;

    /// A fresh store.
    fn start() -> impl Future<Output = Self> + Send;

    /// The store, for reading.
    fn store(&self) -> Arc<dyn EventStore>;

    /// Stops the store in order and opens it again.
    fn restart(self) -> impl Future<Output = Self> + Send;

    /// Has a proposal admitted and stored.
    fn append(&self, proposal: Proposal) -> impl Future<Output = Result<Appended, AppendError>> + Send {
        async move {
            let batch = admitted_by(&permissive_admission(), proposal);
            self.store().append(batch).await
        }
    }

    /// The position of the newest event.
    fn head(&self) -> impl Future<Output = Result<Position, ReadError>> + Send {
        async move { Ok(self.store().head()) }
    }

    /// What a read shows of metadata that was proposed; everything, unless the way to the store changes it.
    fn kept(metadata: Metadata) -> Metadata {
        metadata
    }

    /// The clock the store takes its timestamps from, when the fixture controls it. Cases then set it back.
    fn clock(&self) -> Option<Arc<ManualClock>> {
        None
    }
}
