use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_core::{
    Admitted, AppendCondition, Appended, EventId, ExpectedVersion, Json, Position, Proposal, RecordedEvent, Version,
    ports::{
        AppendError, BoxFuture, EventStore, LogPage, LogRead, ReadError, StreamList, StreamListPage, StreamPage,
        StreamRead,
    },
};
use nexus_testkit::{
    contract::{EventStoreFixture, event_store as cases},
    fakes::{ManualClock, MemoryEventStore},
    fixture::{admitted, event_id},
};

use super::caught;

/// One thing that is wrong. What is not overridden is right.
trait Flaw: Send + Sync + 'static {
    fn append(store: &Flawed<Self>, proposal: Proposal) -> impl Future<Output = Result<Appended, AppendError>> + Send
    where
        Self: Sized,
    {
        store.right.append(admitted(proposal))
    }

    fn log_page(page: LogPage, _: &[RecordedEvent]) -> LogPage {
        page
    }

    fn stream_page(page: StreamPage) -> StreamPage {
        page
    }

    fn log_read(read: LogRead) -> LogRead {
        read
    }

    fn list(list: StreamList) -> StreamList {
        list
    }

    fn restarted(store: &MemoryEventStore) -> MemoryEventStore {
        store.reopened()
    }
}

/// A memory store with a flaw.
struct Flawed<W> {
    right: MemoryEventStore,
    unacknowledged: Arc<Mutex<Vec<RecordedEvent>>>,
    flaw: std::marker::PhantomData<W>,
}

impl<W> Flawed<W> {
    fn over(right: MemoryEventStore) -> Self {
        Self { right, unacknowledged: Arc::default(), flaw: std::marker::PhantomData }
    }
}

impl<W> Clone for Flawed<W> {
    fn clone(&self) -> Self {
        Self {
            right: self.right.clone(),
            unacknowledged: Arc::clone(&self.unacknowledged),
            flaw: std::marker::PhantomData,
        }
    }
}

impl<W: Flaw> EventStoreFixture for Flawed<W> {
    async fn start() -> Self {
        Self::over(MemoryEventStore::new(Arc::new(ManualClock::default())))
    }

    fn store(&self) -> Arc<dyn EventStore> {
        Arc::new(self.clone())
    }

    async fn restart(self) -> Self {
        Self::over(W::restarted(&self.right))
    }

    async fn append(&self, proposal: Proposal) -> Result<Appended, AppendError> {
        W::append(self, proposal).await
    }
}

impl<W: Flaw> EventStore for Flawed<W> {
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.right.append(batch)
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        Box::pin(async move { self.right.read_stream(read).await.map(W::stream_page) })
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let page = self.right.read_log(W::log_read(read)).await?;
            Ok(W::log_page(page, &self.unacknowledged.lock().unwrap()))
        })
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        self.right.event(id)
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        self.right.streams(W::list(list))
    }

    fn head(&self) -> Position {
        self.right.head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.right.wait_past(seen)
    }
}

/// Stands for the disk: long enough for every other writer to come in between.
async fn slow_disk() {
    // waits: as a disk would, so that the fault has room to show
    tokio::time::sleep(Duration::from_millis(2)).await;
}

/// Nothing is wrong: what the cases below find is not in the wrapper.
struct Right;
impl Flaw for Right {}

mod right {
    nexus_testkit::event_store_contract!(super::Flawed<super::Right>);
}

/// Checks the version outside the writer.
struct LostUpdate;

impl Flaw for LostUpdate {
    async fn append(store: &Flawed<Self>, mut proposal: Proposal) -> Result<Appended, AppendError> {
        for part in &mut proposal.streams {
            let read = StreamRead::all(part.stream.clone(), 1);
            let actual = store.right.read_stream(read).await.unwrap().version;
            let AppendCondition::Version(expected) = part.condition else { unreachable!() };
            if !expected.accepts(actual) {
                let stream = part.stream.clone();
                return Err(AppendError::Conflict { stream, expected, actual });
            }
            part.condition = ExpectedVersion::Any.into();
        }
        slow_disk().await;
        store.right.append(admitted(proposal)).await
    }
}

#[test]
fn a_version_checked_outside_the_writer_is_caught() {
    caught(
        "of_concurrent_appends_exactly_one_wins",
        "winners at version 0",
        cases::of_concurrent_appends_exactly_one_wins::<Flawed<LostUpdate>>(),
    );
}

/// Stores the parts of a batch one after the other.
struct PartialBatch;

impl Flaw for PartialBatch {
    async fn append(store: &Flawed<Self>, proposal: Proposal) -> Result<Appended, AppendError> {
        let mut whole: Option<Appended> = None;
        for part in proposal.streams {
            let one = store.right.append(admitted(Proposal::single(part))).await?;
            match &mut whole {
                None => whole = Some(one),
                Some(whole) => {
                    whole.position = one.position;
                    whole.streams.extend(one.streams);
                }
            }
        }
        Ok(whole.unwrap())
    }
}

#[test]
fn a_batch_stored_in_parts_is_caught() {
    caught(
        "a_batch_is_all_or_nothing",
        "the head after a refused batch",
        cases::a_batch_is_all_or_nothing::<Flawed<PartialBatch>>(),
    );
}

/// Acknowledges before the flush: a restart loses the last event.
struct Forgetful;

impl Flaw for Forgetful {
    fn restarted(store: &MemoryEventStore) -> MemoryEventStore {
        store.without_last(1)
    }
}

#[test]
fn an_acknowledgement_before_the_flush_is_caught() {
    caught(
        "acknowledged_events_survive_a_restart",
        "events after the restart",
        cases::acknowledged_events_survive_a_restart::<Flawed<Forgetful>>(),
    );
    caught(
        "a_replay_is_recognised_after_a_restart",
        "already stored",
        cases::a_replay_is_recognised_after_a_restart::<Flawed<Forgetful>>(),
    );
}

/// Moves past an event it did not show, as readers do where a position becomes visible later than the next one.
struct Skipping;

impl Flaw for Skipping {
    fn log_page(mut page: LogPage, _: &[RecordedEvent]) -> LogPage {
        if page.events.last().is_some_and(|event| event.position.get() % 10 == 0) {
            page.events.pop();
        }
        page
    }
}

#[test]
fn a_reader_that_skips_is_caught() {
    caught(
        "a_tailing_reader_skips_nothing",
        "9 was given",
        cases::a_tailing_reader_skips_nothing::<Flawed<Skipping>>(),
    );
}

/// Shows the platform's own streams to whoever may not see them.
struct Indiscreet;

impl Flaw for Indiscreet {
    fn log_read(mut read: LogRead) -> LogRead {
        read.filter.without_system_streams = false;
        read
    }

    fn list(list: StreamList) -> StreamList {
        StreamList { without_system_streams: false, ..list }
    }
}

#[test]
fn a_store_that_shows_system_streams_is_caught() {
    caught(
        "the_log_is_read_without_system_streams",
        "in pages of 1",
        cases::the_log_is_read_without_system_streams::<Flawed<Indiscreet>>(),
    );
    caught(
        "streams_are_listed_without_those_of_the_platform",
        "streams in pages of 1",
        cases::streams_are_listed_without_those_of_the_platform::<Flawed<Indiscreet>>(),
    );
}

/// Shows the last two events of a page the wrong way round.
struct Reordering;

impl Flaw for Reordering {
    fn log_page(mut page: LogPage, _: &[RecordedEvent]) -> LogPage {
        let length = page.events.len();
        if length > 1 {
            page.events.swap(length - 2, length - 1);
        }
        page
    }
}

#[test]
fn a_reader_that_reorders_is_caught() {
    caught(
        "the_log_reads_after_a_position",
        "do not add up to the log",
        cases::the_log_reads_after_a_position::<Flawed<Reordering>>(),
    );
    caught(
        "a_tailing_reader_skips_nothing",
        "was given",
        cases::a_tailing_reader_skips_nothing::<Flawed<Reordering>>(),
    );
}

/// Stores the events of a retry again, under new ids.
struct NoReplay;

impl Flaw for NoReplay {
    async fn append(store: &Flawed<Self>, mut proposal: Proposal) -> Result<Appended, AppendError> {
        let appended = store.right.append(admitted(proposal.clone())).await?;
        if !appended.replayed {
            return Ok(appended);
        }
        for part in &mut proposal.streams {
            part.events.iter_mut().for_each(|event| event.event_id = event_id());
        }
        store.right.append(admitted(proposal)).await
    }
}

#[test]
fn a_retry_that_is_stored_twice_is_caught() {
    caught(
        "the_same_append_again_is_a_replay",
        "the same append again",
        cases::the_same_append_again_is_a_replay::<Flawed<NoReplay>>(),
    );
    caught(
        "the_same_append_sent_concurrently_is_stored_once",
        "is at version 2, expected none",
        cases::the_same_append_sent_concurrently_is_stored_once::<Flawed<NoReplay>>(),
    );
}

/// Shows events before it is known whether they will be stored.
struct Eager;

impl Flaw for Eager {
    async fn append(store: &Flawed<Self>, proposal: Proposal) -> Result<Appended, AppendError> {
        let mut unchecked = proposal.clone();
        for part in &mut unchecked.streams {
            part.condition = ExpectedVersion::Any.into();
        }
        let head = store.right.head();
        let draft = store.right.reopened();
        if draft.append(admitted(unchecked)).await.is_ok() {
            let read = LogRead { from: head, limit: 100, ..LogRead::default() };
            *store.unacknowledged.lock().unwrap() = draft.read_log(read).await.unwrap().events;
        }
        slow_disk().await;
        store.unacknowledged.lock().unwrap().clear();
        store.right.append(admitted(proposal)).await
    }

    fn log_page(mut page: LogPage, unacknowledged: &[RecordedEvent]) -> LogPage {
        for event in unacknowledged {
            if page.next == page.head && event.position == page.next.next() {
                (page.next, page.head) = (event.position, event.position);
                page.events.push(event.clone());
            }
        }
        page
    }
}

#[test]
fn a_reader_that_sees_what_is_not_acknowledged_is_caught() {
    caught(
        "readers_see_only_what_was_acknowledged",
        "which is not what was stored there",
        cases::readers_see_only_what_was_acknowledged::<Flawed<Eager>>(),
    );
}

/// Tells the wrong place to go on from.
struct WrongNext;

impl Flaw for WrongNext {
    fn log_page(mut page: LogPage, _: &[RecordedEvent]) -> LogPage {
        page.next = page.next.next();
        page
    }

    fn stream_page(mut page: StreamPage) -> StreamPage {
        page.next = page.next.map(Version::next);
        page
    }
}

#[test]
fn a_wrong_place_to_go_on_from_is_caught() {
    caught(
        "the_log_reads_after_a_position",
        "do not add up to the log",
        cases::the_log_reads_after_a_position::<Flawed<WrongNext>>(),
    );
    caught(
        "a_stream_reads_forward_page_by_page",
        "expected Some(5), got Some(6)",
        cases::a_stream_reads_forward_page_by_page::<Flawed<WrongNext>>(),
    );
    caught(
        "a_stream_reads_backward_page_by_page",
        "expected Some(6), got Some(7)",
        cases::a_stream_reads_backward_page_by_page::<Flawed<WrongNext>>(),
    );
}

/// Parses payloads and writes them anew.
struct Rewriting;

impl Flaw for Rewriting {
    async fn append(store: &Flawed<Self>, mut proposal: Proposal) -> Result<Appended, AppendError> {
        for event in proposal.streams.iter_mut().flat_map(|part| &mut part.events) {
            event.payload = Json::from_value(&event.payload.to_value().unwrap());
        }
        store.right.append(admitted(proposal)).await
    }
}

#[test]
fn a_store_that_rewrites_payloads_is_caught() {
    caught("payloads_survive_byte_for_byte", "became", cases::payloads_survive_byte_for_byte::<Flawed<Rewriting>>());
}
