//! Appends of every shape, with everything they did to a disk written down.

use std::{collections::BTreeSet, sync::Arc};

use nexus_core::{Admitted, ExpectedVersion, RecordedEvent, ports::EventStore};
use nexus_log::LogEventStore;
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, part, proposal, proposal_of},
};

use crate::{
    simulated::{Disk, Image, Operation},
    subject::{Subject, append_together, read_all},
};

/// Shapes of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// One event at a time.
    Single,
    /// Appends of several events.
    Batches,
    /// Appends to several streams.
    Streams,
    /// Several appends in one commit group.
    Groups,
    /// Enough to go through segments, whose indexes are sealed meanwhile.
    Roll,
    /// Going through segments with appends that are refused in between, which store nothing.
    Refused,
    /// Closing and opening again.
    Reopen,
    /// A disk without room, until there is some.
    Full,
}

impl Workload {
    pub(crate) const ALL: [Self; 8] =
        [Self::Single, Self::Batches, Self::Streams, Self::Groups, Self::Roll, Self::Refused, Self::Reopen, Self::Full];
}

/// What happened to a disk, and what was promised when.
pub(crate) struct Recording {
    pub(crate) workload: Workload,
    pub(crate) trace: Vec<Operation>,
    /// After so many operations everything up to this position is owed.
    owed: Vec<(usize, u64)>,
    /// The log in the end.
    pub(crate) events: Vec<RecordedEvent>,
    /// Positions where an append ends.
    pub(crate) ends: BTreeSet<u64>,
}

impl Recording {
    /// The position up to which everything was acknowledged before operation `at`.
    pub(crate) fn owed_at(&self, at: usize) -> u64 {
        self.owed.iter().filter(|(done, _)| *done <= at).map(|(_, position)| *position).max().unwrap_or(0)
    }
}

/// Does the work and writes it down.
pub(crate) async fn record(subject: &Subject, workload: Workload, seed: u64) -> Recording {
    let disk = Disk::traced(Image::default(), seed);
    let mut session = Session::start(subject, disk);
    session.work(workload).await;
    let events = read_all(&*session.store).await.expect("the log is readable");
    let Session { disk, store, log, owed, ends, .. } = session;
    drop((store, log));
    Recording { workload, trace: disk.trace(), owed, events, ends }
}

struct Session<'a> {
    subject: &'a Subject,
    disk: Disk,
    clock: Arc<ManualClock>,
    store: Arc<dyn EventStore>,
    log: Arc<LogEventStore>,
    owed: Vec<(usize, u64)>,
    ends: BTreeSet<u64>,
}

fn any(stream: usize, count: usize) -> Admitted {
    admitted(proposal(&format!("order-{stream}"), ExpectedVersion::Any, count))
}

impl<'a> Session<'a> {
    fn start(subject: &'a Subject, disk: Disk) -> Self {
        let clock = Arc::new(ManualClock::default());
        let (store, log) = subject.open(&disk, &clock).expect("an empty disk opens");
        Self { subject, disk, clock, store, log, owed: Vec::new(), ends: BTreeSet::new() }
    }

    async fn work(&mut self, workload: Workload) {
        match workload {
            Workload::Single => self.each((0..10).map(|round| any(round % 3, 1))).await,
            Workload::Batches => self.each((0..8).map(|round| any(round % 3, 1 + round * 5 % 9))).await,
            Workload::Streams => self.each((0..8).map(of_three_streams)).await,
            Workload::Groups => {
                for round in 0..5 {
                    self.together((0..2 + round).map(|stream| any(stream, 1 + stream % 3)).collect()).await;
                }
            }
            Workload::Roll => self.each((0..22).map(|round| any(round, 30))).await,
            Workload::Refused => {
                for _ in 0..14 {
                    self.each([any(1, 28)]).await;
                    for _ in 0..12 {
                        let refused = admitted(proposal("order-1", ExpectedVersion::NoStream, 1));
                        assert!(self.store.append(refused).await.is_err(), "the stream exists");
                    }
                }
            }
            Workload::Reopen => {
                for round in 0..4 {
                    self.each([any(round, 2), any(round, 1)]).await;
                    self.reopen();
                }
            }
            Workload::Full => self.run_out_of_room().await,
        }
    }

    async fn each(&mut self, batches: impl IntoIterator<Item = Admitted>) {
        for batch in batches {
            self.together(vec![batch]).await;
        }
    }

    async fn together(&mut self, batches: Vec<Admitted>) {
        for answer in append_together(&self.store, batches).await {
            let appended = answer.expect("there is room");
            self.promise(appended.position.get());
        }
    }

    /// An append ends at `position`. Its answer came after the last flush, so it is owed from there on.
    fn promise(&mut self, position: u64) {
        self.ends.insert(position);
        self.owed.push((self.disk.flushed(), position));
    }

    fn reopen(&mut self) {
        self.log.close();
        let (store, log) = self.subject.open(&self.disk, &self.clock).expect("the log opens again");
        (self.store, self.log) = (store, log);
    }

    /// Appends until there is no room, makes some, and appends again, three times.
    async fn run_out_of_room(&mut self) {
        for _ in 0..3 {
            let room = self.disk.used() + 40_000;
            self.disk.plan(|faults| faults.capacity = Some(room));
            while let Ok(appended) = self.store.append(any(1, 20)).await {
                self.promise(appended.position.get());
            }
            self.reopen();
            self.disk.plan(|faults| faults.capacity = None);
            self.each([any(2, 3)]).await;
        }
    }
}

fn of_three_streams(round: usize) -> Admitted {
    let stream = |number: usize| part(&format!("order-{}", (round + number) % 5), ExpectedVersion::Any, 1 + number);
    admitted(proposal_of((0..3).map(stream)))
}
