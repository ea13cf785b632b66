use std::sync::Arc;

use nexus_core::{
    EventId, Position, RecordedEvent, StreamId,
    ports::{
        EventStore, LogPage, LogRead, PolicyInput, PolicyKind, PolicyResource, ReadError, StreamList, StreamListPage,
    },
};

use crate::{
    request::{Caller, Conversation},
    state::Api,
};

/// The log as somebody may see it: with the platform's own streams, or as if these were not there.
///
/// Every door that reads across streams reads through one, because the guard can ask only about a stream that the path
/// names. Positions stay those of the whole log, so that a reader goes on behind what it does not see.
#[derive(Clone)]
pub(crate) struct LogView {
    events: Arc<dyn EventStore>,
    with_system_streams: bool,
}

impl LogView {
    /// What a caller may read: asks the policy once what the door of a single stream would ask about the platform's.
    ///
    /// It is a question and no refusal, so nothing is recorded.
    pub(crate) async fn to_read(api: &Api, caller: &Caller) -> Self {
        Self::of(api, caller, PolicyKind::Query, "streams.read").await
    }

    /// What a caller may follow; holds for the whole of a feed.
    pub(crate) async fn to_follow(api: &Api, caller: &Caller) -> Self {
        Self::of(api, caller, PolicyKind::Subscribe, "events.follow").await
    }

    /// Everything, for doors that asked for a part of the platform's own streams themselves.
    pub(crate) fn whole(api: &Api) -> Self {
        Self { events: Arc::clone(api.node.events()), with_system_streams: true }
    }

    async fn of(api: &Api, caller: &Caller, kind: PolicyKind, action: &str) -> Self {
        let info = caller.clone().info(api, Conversation::default());
        let asked = PolicyInput {
            kind,
            action,
            resource: PolicyResource { resource_type: "stream", id: StreamId::SYSTEM },
            actor: &info.actor,
            payload: None,
            event: None,
            schema: None,
            request: &info.context,
        };
        let with_system_streams = api.node.policy().would_allow(&asked).await;
        Self { with_system_streams, ..Self::whole(api) }
    }

    /// Reads the log. The page goes on where the whole log does.
    pub(crate) async fn read_log(&self, mut read: LogRead) -> Result<LogPage, ReadError> {
        read.filter.without_system_streams |= !self.with_system_streams;
        self.events.read_log(read).await
    }

    /// Finds one event by its id; one that may not be seen is not there.
    pub(crate) async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, ReadError> {
        let found = self.events.event(id).await?;
        Ok(found.filter(|event| self.with_system_streams || !event.aggregate_id.is_system()))
    }

    /// Lists streams.
    pub(crate) async fn streams(&self, mut list: StreamList) -> Result<StreamListPage, ReadError> {
        list.without_system_streams |= !self.with_system_streams;
        self.events.streams(list).await
    }

    /// Waits until the log is past `seen`, whoever may see what is there.
    pub(crate) async fn wait_past(&self, seen: Position) -> Result<Position, ReadError> {
        self.events.wait_past(seen).await
    }
}
