//! Random operations on the log and on a simple model of it, which must agree on every answer.

mod appends;
mod reads;
mod state;

use std::sync::Arc;

use nexus_core::{Admitted, Timestamp, ports::EventStore};
use nexus_log::LogEventStore;
use nexus_testkit::fakes::ManualClock;
use state::Model;

use crate::{
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Image, Survival},
    subject::{Subject, read_all, verify},
};

/// What a run did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    operations: usize,
    appends: usize,
    refused: usize,
    replays: usize,
    reads: usize,
    crashes: usize,
    clock_jumps: usize,
}

/// A log and its model.
struct Pair<'a> {
    subject: &'a Subject,
    disk: Disk,
    clock: Arc<ManualClock>,
    store: Arc<dyn EventStore>,
    log: Arc<LogEventStore>,
    model: Model,
    /// Appends that are stored, to be tried again.
    stored: Vec<(Admitted, u64)>,
    /// Appends answered since the power began to fail, with the positions of their first and last event.
    promised: Vec<(Admitted, (u64, u64))>,
    random: Random,
    tally: Tally,
}

/// The two must be equal; says what is compared when they are not.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is:?} instead of {should:?}")) }
}

/// Does random operations.
///
/// # Errors
/// The first answer on which log and model disagree.
pub(crate) async fn run(subject: &Subject, seed: u64, operations: usize) -> Result<Tally, String> {
    let disk = Disk::new(Image::default(), seed);
    let clock = Arc::new(ManualClock::default());
    let (store, log) = subject.open(&disk, &clock).map_err(|error| error.to_string())?;
    let (model, random) = (Model::default(), Random::new(seed));
    let (stored, tally) = (Vec::new(), Tally::default());
    let mut pair = Pair { subject, disk, clock, store, log, model, stored, promised: Vec::new(), random, tally };
    while pair.tally.operations < operations {
        pair.tally.operations += 1;
        match pair.random.below(1000) {
            0..400 => pair.append().await?,
            400..480 => pair.append_again().await?,
            480..985 => pair.read().await?,
            985..990 => pair.jump(),
            990..995 => pair.reopen()?,
            _ => pair.crash().await?,
        }
    }
    let events = read_all(&*pair.store).await.map_err(|error| error.to_string())?;
    same("the whole log", &events, &pair.model.events)?;
    let Pair { disk, store, log, tally, .. } = pair;
    drop((store, log));
    verify(&disk)?;
    Ok(tally)
}

impl Pair<'_> {
    /// Moves the clock, in either direction.
    fn jump(&mut self) {
        self.clock.advance_micros(i64::try_from(self.random.below(20_000_000)).unwrap() - 8_000_000);
        self.tally.clock_jumps += 1;
    }

    fn now(&self) -> Timestamp {
        nexus_core::ports::Clock::now(&*self.clock)
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.log.close();
        let (store, log) = self.subject.open(&self.disk, &self.clock).map_err(|error| error.to_string())?;
        (self.store, self.log) = (store, log);
        Ok(())
    }

    /// Loses power while appends are under way, and finds out what became of them.
    async fn crash(&mut self) -> Result<(), String> {
        self.tally.crashes += 1;
        let power = self.random.below(14);
        self.disk.plan(|faults| faults.power = Some(power));
        let unknown = self.append_until_the_power_goes().await?;
        self.log.close();
        let survival = *self.random.pick(&Survival::KINDS);
        self.disk = self.disk.crash(survival, &mut self.random);
        let (store, log) = self.subject.open(&self.disk, &self.clock).map_err(|error| error.to_string())?;
        (self.store, self.log) = (store, log);
        self.settle(unknown).await
    }
}

#[tokio::test]
async fn the_log_answers_what_a_simple_model_answers() {
    let (mut tally, mut case) = (Tally::default(), 0);
    let operations = amount(6_000, 1_200_000);
    while tally.operations < operations {
        let found = run(&Subject::LOG, seed() + case, 2_000).await;
        let found = found.unwrap_or_else(|what| panic!("seed {}: {what}", seed() + case));
        case += 1;
        tally.operations += found.operations;
        tally.appends += found.appends;
        tally.refused += found.refused;
        tally.replays += found.replays;
        tally.reads += found.reads;
        tally.crashes += found.crashes;
        tally.clock_jumps += found.clock_jumps;
    }
    let injected = [
        ("operations", tally.operations),
        ("appends stored", tally.appends),
        ("refused", tally.refused),
        ("replayed", tally.replays),
        ("reads", tally.reads),
        ("losses of power", tally.crashes),
        ("jumps of the clock", tally.clock_jumps),
    ];
    report("model", &injected, "0 answers differ");
}
