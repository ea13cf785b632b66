//! Every state a crash can leave: recorded work is cut after each operation, with any part of what was not flushed
//! kept, and the log must open on what is left, with all it promised.

use nexus_core::{ExpectedVersion, ports::EventStore};
use nexus_testkit::fixture::{admitted, proposal};

use crate::{
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Image, Operation, Survival},
    subject::{Subject, open, read_all, verify},
    workload::{Recording, Workload, record},
};

/// What was looked at.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) states: usize,
    /// States that lost something of what was not flushed.
    pub(crate) torn: usize,
    /// Crashes while a log was being opened after a crash.
    pub(crate) second_crashes: usize,
}

/// How thoroughly states are enumerated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thoroughness {
    /// Every so many operations.
    pub(crate) stride: usize,
    /// Random choices of what survives, beside one of each kind.
    pub(crate) extra: usize,
    /// One in so many states also crashes while it recovers.
    pub(crate) second: usize,
}

/// Crashes at every operation of a recording.
///
/// # Errors
/// What is wrong with the first state that is wrong.
pub(crate) async fn enumerate(recording: &Recording, how: Thoroughness, seed: u64) -> Result<Looked, String> {
    let mut random = Random::new(seed);
    let mut looked = Looked::default();
    let mut image = Image::default();
    for (at, operation) in recording.trace.iter().enumerate() {
        image.apply(operation);
        if !at.is_multiple_of(how.stride) {
            continue;
        }
        let extra = std::iter::repeat_n(Survival::Any, how.extra);
        for survival in Survival::KINDS.into_iter().chain(extra) {
            let owed = recording.owed_at(at + 1);
            let left = image.crash(survival, &mut random);
            let judged = judge(&left, recording, owed, &mut random).await;
            looked.states += 1;
            looked.torn += usize::from(!image.is_settled() && survival != Survival::Everything);
            let place = format!("{:?}, operation {at}, {survival:?} survives", recording.workload);
            judged.map_err(|what| format!("{place}: {what}"))?;
            if looked.states.is_multiple_of(how.second) {
                let again = crash_again(left, recording, owed, &mut random).await;
                looked.second_crashes += again.map_err(|what| format!("{place}, crashed again: {what}"))?;
            }
        }
    }
    Ok(looked)
}

/// Opens what a crash left and compares it with what was promised.
async fn judge(image: &Image, recording: &Recording, owed: u64, random: &mut Random) -> Result<(), String> {
    let disk = Disk::new(image.clone(), random.next());
    if owed > 0 {
        verify(&disk)?;
    }
    let store = open(&disk).map_err(|error| format!("it does not open: {error}"))?;
    let events = read_all(&store).await.map_err(|error| format!("it is not readable: {error}"))?;
    let found = events.len() as u64;
    if found < owed {
        return Err(format!("{owed} events were acknowledged, {found} are there"));
    }
    if recording.events.get(..events.len()) != Some(&events[..]) {
        return Err("it holds events that were never stored there".to_owned());
    }
    if found > 0 && !recording.ends.contains(&found) {
        return Err(format!("an append ends in the middle, at position {found}"));
    }
    // What was shown once stays, also when the machine goes down right now.
    let shown = disk.crash(Survival::Nothing, random);
    drop(store);
    let store = open(&shown).map_err(|error| format!("it does not open a second time: {error}"))?;
    if store.head().get() != found {
        return Err(format!("{found} events were shown, {} are there", store.head()));
    }
    let one_more = admitted(proposal("order-1", ExpectedVersion::Any, 1));
    let appended = store.append(one_more).await.map_err(|error| format!("it takes no append: {error}"))?;
    drop(store);
    let store = open(&shown).map_err(|error| format!("it does not open after an append: {error}"))?;
    let again = read_all(&store).await.map_err(|error| format!("it is not readable: {error}"))?;
    drop(store);
    if again[..events.len()] != events || again.len() as u64 != appended.position.get() {
        return Err("an append changed what was there".to_owned());
    }
    match verify(&shown)? {
        head if head == appended.position => Ok(()),
        head => Err(format!("verify says the head is {head}")),
    }
}

/// Crashes once more at every operation of the opening.
async fn crash_again(left: Image, recording: &Recording, owed: u64, random: &mut Random) -> Result<usize, String> {
    let disk = Disk::traced(left.clone(), random.next());
    drop(open(&disk).map_err(|error| error.to_string())?);
    let mut image = left;
    let mut crashes = 0;
    for operation in disk.trace() {
        image.apply(&operation);
        for survival in [Survival::Nothing, Survival::Any, Survival::One] {
            let left = image.crash(survival, random);
            judge(&left, recording, owed, random).await?;
            crashes += 1;
        }
    }
    Ok(crashes)
}

#[tokio::test]
async fn every_crash_state_keeps_what_was_acknowledged() {
    let how = Thoroughness { stride: amount(6, 1), extra: amount(0, 12), second: amount(9, 7) };
    let mut looked = Looked::default();
    for workload in Workload::ALL {
        let recording = record(&Subject::LOG, workload, seed()).await;
        let found = enumerate(&recording, how, seed()).await.unwrap_or_else(|what| panic!("{what}"));
        assert!(found.states > 0 && found.torn > 0, "{workload:?}: {found:?}");
        looked.states += found.states;
        looked.torn += found.torn;
        looked.second_crashes += found.second_crashes;
    }
    assert!(looked.states >= amount(200, 5_000), "{looked:?}");
    let injected = [
        ("crash states", looked.states),
        ("with something not flushed lost or torn", looked.torn),
        ("second crashes while opening", looked.second_crashes),
    ];
    report("crash states", &injected, "0 lost, 0 phantom, 0 torn appends, 0 unable to open");
}

/// Once a segment had its successor, marks behind its last event that were never flushed could be torn by a crash, and
/// the log did not open any more.
#[tokio::test]
async fn marks_before_a_new_segment_cannot_be_torn() {
    let recording = record(&Subject::LOG, Workload::Refused, seed()).await;
    let mut random = Random::new(seed());
    let mut image = Image::default();
    let mut states = 0;
    for (at, operation) in recording.trace.iter().enumerate() {
        image.apply(operation);
        if !matches!(operation, Operation::FlushDir(_)) {
            continue;
        }
        for _ in 0..20 {
            let left = image.crash(Survival::Any, &mut random);
            let judged = judge(&left, &recording, recording.owed_at(at + 1), &mut random).await;
            judged.unwrap_or_else(|what| panic!("operation {at}: {what}"));
            states += 1;
        }
    }
    assert!(states >= 60, "{states} states, the log has too few segments");
}
