//! Bugs between the log and its users, planted to show that the tests would notice them.

use std::sync::Arc;

use nexus_core::{
    Admitted, AppendCondition, Appended, EventId, ExpectedVersion, Position, Proposal, RecordedEvent, StreamAppend,
    ports::{
        AppendError, BoxFuture, EventStore, LogPage, LogRead, ReadError, StreamList, StreamListPage, StreamPage,
        StreamRead,
    },
};
use nexus_log::LogEventStore;
use nexus_testkit::fixture::{admitted, event_id};

use crate::{
    crash_states::{Thoroughness, enumerate},
    damage::Original,
    linearizability, model,
    random::Random,
    scorecard::seed,
    simulated::{Disk, Image},
    subject::{Subject, open},
    tailing,
    workload::{Workload, record},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    /// The expected version is compared before the append gets to the writer.
    VersionCheckedOutside,
    /// A batch is stored event by event.
    BatchInPieces,
    /// A page says it looked at one event more than it did.
    SkippingReader,
    /// A reader passes over what is damaged.
    PassesOverDamage,
    /// Event ids are not remembered: the same append again is stored again.
    ForgetsIds,
}

struct Wrong {
    log: Arc<LogEventStore>,
    bug: Bug,
}

/// The events of an admitted batch, to be changed and admitted again.
fn proposal_of(batch: &Admitted) -> Proposal {
    let streams = batch.streams().iter().map(|part| StreamAppend {
        stream: part.stream().clone(),
        aggregate_type: part.aggregate_type().clone(),
        condition: part.condition(),
        events: part.events().iter().map(|event| event.event().clone()).collect(),
    });
    Proposal { streams: streams.collect() }
}

impl Wrong {
    async fn check_outside(&self, batch: Admitted) -> Result<Appended, AppendError> {
        let mut proposal = proposal_of(&batch);
        for part in &mut proposal.streams {
            let page = self.log.read_stream(StreamRead::all(part.stream.clone(), 1)).await;
            let Ok(StreamPage { version: actual, .. }) = page else { continue };
            let AppendCondition::Version(expected) = part.condition else { continue };
            if !expected.accepts(actual) {
                return Err(AppendError::Conflict { stream: part.stream.clone(), expected, actual });
            }
            part.condition = ExpectedVersion::Any.into();
        }
        tokio::task::yield_now().await;
        self.log.append(admitted(proposal)).await
    }

    async fn in_pieces(&self, batch: Admitted) -> Result<Appended, AppendError> {
        let mut whole: Option<Appended> = None;
        for part in proposal_of(&batch).streams {
            for event in part.events.clone() {
                let piece = StreamAppend { events: vec![event], ..part.clone() };
                let appended = self.log.append(admitted(Proposal::single(piece))).await?;
                let first = whole.as_ref().map_or(appended.first_position, |whole| whole.first_position);
                whole = Some(Appended { first_position: first, ..appended });
            }
        }
        whole.ok_or(AppendError::Unavailable { reason: "an empty batch".to_owned() })
    }

    async fn with_new_ids(&self, batch: Admitted) -> Result<Appended, AppendError> {
        let mut proposal = proposal_of(&batch);
        let mut known = false;
        for event in proposal.streams.iter_mut().flat_map(|part| &mut part.events) {
            if self.log.event(event.event_id).await.is_ok_and(|found| found.is_some()) {
                event.event_id = event_id();
                known = true;
            }
        }
        self.log.append(if known { admitted(proposal) } else { batch }).await
    }

    async fn read(&self, read: LogRead) -> Result<LogPage, ReadError> {
        match self.bug {
            Bug::SkippingReader => {
                let mut page = self.log.read_log(read).await?;
                page.next = page.next.next().min(page.head);
                Ok(page)
            }
            Bug::PassesOverDamage => {
                let mut read = LogRead { limit: 1, ..read };
                loop {
                    match self.log.read_log(read.clone()).await {
                        Err(ReadError::Corrupt { .. }) if read.from < self.log.head() => read.from = read.from.next(),
                        other => return other,
                    }
                }
            }
            _ => self.log.read_log(read).await,
        }
    }
}

impl EventStore for Wrong {
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        match self.bug {
            Bug::VersionCheckedOutside => Box::pin(self.check_outside(batch)),
            Bug::BatchInPieces => Box::pin(self.in_pieces(batch)),
            Bug::ForgetsIds => Box::pin(self.with_new_ids(batch)),
            _ => self.log.append(batch),
        }
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        self.log.read_stream(read)
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(self.read(read))
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        self.log.event(id)
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        self.log.streams(list)
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.log.wait_past(seen)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_checked_outside_the_writer_is_caught_by_histories() {
    let subject = Subject { store: |log| Arc::new(Wrong { log, bug: Bug::VersionCheckedOutside }), ..Subject::LOG };
    for history in 0..100 {
        if let Err(what) = linearizability::run(&subject, seed() + history).await {
            assert!(what.contains("that expected version"), "{what}");
            return;
        }
    }
    panic!("the bug is not noticed");
}

#[tokio::test]
async fn a_batch_stored_in_pieces_is_caught_by_crash_states() {
    let subject = Subject { store: |log| Arc::new(Wrong { log, bug: Bug::BatchInPieces }), ..Subject::LOG };
    let recording = record(&subject, Workload::Batches, seed()).await;
    let how = Thoroughness { stride: 1, extra: 0, second: usize::MAX };
    let what = enumerate(&recording, how, seed()).await.expect_err("the bug is not noticed");
    assert!(what.contains("in the middle"), "{what}");
}

#[tokio::test]
async fn a_reader_that_skips_an_event_is_caught_by_tailing() {
    let log = Arc::new(open(&Disk::new(Image::default(), seed())).unwrap());
    let wrong = Arc::new(Wrong { log: Arc::clone(&log), bug: Bug::SkippingReader });
    let what = tailing::tail(log, wrong, 2_000).await.expect_err("the bug is not noticed");
    assert!(what.contains("a page says") || what.contains("a reader got"), "{what}");
}

#[tokio::test]
async fn a_reader_that_passes_over_damage_is_caught_by_flipped_bits() {
    let subject = Subject { store: |log| Arc::new(Wrong { log, bug: Bug::PassesOverDamage }), ..Subject::LOG };
    let original = Original::new().await;
    let mut random = Random::new(seed());
    for turn in 0..2_000 {
        if let Err(what) = original.flip(&subject, turn % original.files(), &mut random).await {
            assert!(what.contains("the log answers something else"), "{what}");
            return;
        }
    }
    panic!("the bug is not noticed");
}

#[tokio::test]
async fn an_append_stored_again_is_caught_by_the_model() {
    let subject = Subject { store: |log| Arc::new(Wrong { log, bug: Bug::ForgetsIds }), ..Subject::LOG };
    let what = model::run(&subject, seed(), 2_000).await.expect_err("the bug is not noticed");
    assert!(what.contains("again"), "{what}");
}
