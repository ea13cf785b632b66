//! Devices that report errors: nothing is acknowledged that is not there afterwards.

use std::sync::Arc;

use nexus_core::{
    Admitted, ExpectedVersion,
    ports::{AppendError, EventStore},
};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, new_event, part_of, proposal, proposal_of},
};
use serde_json::json;

use crate::{
    ledger::{Ledger, ids_of},
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Fault, Image, Survival},
    subject::{Subject, open, read_all, verify},
};

/// What a run of one error came to.
#[derive(Debug)]
pub(crate) struct Run {
    /// Which operation failed; none when the work was over before.
    pub(crate) fired: Option<&'static str>,
    /// Appends acknowledged after it.
    later: usize,
}

fn batch(count: usize) -> Admitted {
    admitted(proposal(&format!("order-{count}"), ExpectedVersion::Any, count))
}

/// Appends while the `nth` operation from now on fails with `fault`, then restarts and crashes.
///
/// # Errors
/// What was promised and not kept.
pub(crate) async fn run(subject: &Subject, (nth, fault): (usize, Fault), seed: u64) -> Result<Run, String> {
    let disk = Disk::new(Image::default(), seed);
    let mut random = Random::new(seed);
    let mut ledger = Ledger::default();
    let clock = Arc::new(ManualClock::default());
    let (store, log) = subject.open(&disk, &clock).map_err(|error| error.to_string())?;
    disk.plan(|faults| faults.at = Some((nth, fault)));
    let (mut poisoned, mut later) = (false, 0);
    for round in 0..14 {
        let batch = batch(1 + round * 7 % 30);
        let ids = ids_of(&batch);
        let answer = store.append(batch).await;
        match &answer {
            Ok(_) if poisoned => return Err("it acknowledges although a write or flush failed".to_owned()),
            Ok(_) => later += usize::from(!disk.fired().is_empty()),
            Err(AppendError::Poisoned { .. }) => poisoned = true,
            Err(AppendError::ReadOnly { .. }) => {}
            Err(other) => return Err(format!("it answers {other}")),
        }
        ledger.note(ids, &answer);
    }
    drop((store, log));
    disk.plan(|faults| faults.at = None);
    for survival in [Survival::Nothing, Survival::Any] {
        let left = disk.crash(survival, &mut random);
        keeps(&left, &ledger).await.map_err(|what| format!("after a crash: {what}"))?;
    }
    restart(subject, &disk, ledger, &mut random).await?;
    Ok(Run { fired: disk.fired().first().copied(), later })
}

/// The process starts again, the machine does not: pages that never reached the device are still seen.
async fn restart(subject: &Subject, disk: &Disk, mut ledger: Ledger, random: &mut Random) -> Result<(), String> {
    let (store, log) = subject.open(disk, &Arc::new(ManualClock::default())).map_err(|error| error.to_string())?;
    let shown = read_all(&*store).await.map_err(|error| error.to_string())?;
    ledger.check(&shown).map_err(|what| format!("after a restart: {what}"))?;
    let one_more = batch(1);
    let ids = ids_of(&one_more);
    let answer = store.append(one_more).await;
    answer.as_ref().map_err(|error| format!("after a restart it answers {error}"))?;
    ledger.note(ids, &answer);
    let left = disk.crash(Survival::Nothing, random);
    drop((store, log));
    let events = keeps(&left, &ledger).await.map_err(|what| format!("after a restart and a crash: {what}"))?;
    if events < shown.len() {
        return Err(format!("after a restart {} events were shown, after a crash {events} are there", shown.len()));
    }
    Ok(())
}

async fn keeps(disk: &Disk, ledger: &Ledger) -> Result<usize, String> {
    let store = open(disk).map_err(|error| error.to_string())?;
    let events = read_all(&store).await.map_err(|error| error.to_string())?;
    drop(store);
    ledger.check(&events)?;
    verify(disk)?;
    Ok(events.len())
}

#[tokio::test]
async fn after_an_error_at_any_operation_nothing_is_falsely_acknowledged() {
    let (mut errors, mut kinds, mut later) = (0, std::collections::BTreeMap::new(), 0);
    for round in 0..amount(1, 4) {
        for fault in [Fault::Device, Fault::NoRoom, Fault::Short] {
            for nth in (0..usize::MAX).step_by(amount(3, 1)) {
                let seed = seed() + (round * 1000 + nth) as u64;
                let run = run(&Subject::LOG, (nth, fault), seed).await;
                let run = run.unwrap_or_else(|what| panic!("{fault:?} at operation {nth}: {what}"));
                let Some(fired) = run.fired else { break };
                errors += 1;
                later += run.later;
                *kinds.entry(fired).or_insert(0) += 1;
            }
        }
    }
    assert!(errors >= 40 && kinds.contains_key("write") && kinds.contains_key("flush"), "{errors}: {kinds:?}");
    let injected = [
        ("errors of writes, flushes and changes of directories", errors),
        ("appends that rightly went on beside one", later),
    ];
    report("device errors", &injected, &format!("0 false acknowledgements ({kinds:?})"));
}

#[tokio::test]
async fn an_error_at_any_operation_of_opening_leaves_a_log_that_opens_later() {
    let (mut refused, mut survived) = (0, 0);
    let disk = Disk::new(Image::default(), seed());
    let mut ledger = Ledger::default();
    let store = open(&disk).unwrap();
    for round in 0..30 {
        let batch = batch(1 + round % 20);
        let ids = ids_of(&batch);
        ledger.note(ids, &store.append(batch).await);
    }
    // The power goes in the middle of the next append, so that there is something to recover.
    disk.plan(|faults| faults.power = Some(1));
    let torn = batch(9);
    ledger.note(ids_of(&torn), &store.append(torn).await);
    drop(store);
    let mut random = Random::new(seed());
    for fault in [Fault::Device, Fault::NoRoom, Fault::Short] {
        for nth in 0..amount(12, 40) {
            let left = disk.crash(*random.pick(&[Survival::Everything, Survival::Any]), &mut random);
            left.plan(|faults| faults.at = Some((nth, fault)));
            match open(&left) {
                Ok(_) => survived += 1,
                Err(_) => refused += 1,
            }
            left.plan(|faults| faults.at = None);
            keeps(&left, &ledger).await.unwrap_or_else(|what| panic!("{fault:?} at {nth} of opening: {what}"));
        }
        for nth in 0..amount(12, 40) {
            let left = disk.crash(Survival::Any, &mut random);
            left.plan(|faults| faults.read_at = Some(nth));
            refused += usize::from(open(&left).is_err());
            left.plan(|faults| faults.read_at = None);
            keeps(&left, &ledger).await.unwrap_or_else(|what| panic!("read {nth} of opening: {what}"));
        }
    }
    let injected = [("openings that met an error and were refused", refused), ("that went on", survived)];
    report("errors while opening", &injected, "0 lost, 0 unable to open afterwards");
}

/// A mark is not flushed by itself. When the flush that would have taken it along fails, the system shows it without
/// the device having it; appends behind it then had a hole before them after a crash.
#[tokio::test]
async fn a_mark_lost_by_a_failed_flush_leaves_no_hole() {
    let mut random = Random::new(seed());
    // Every place a mark can have in a sector, each several times, because the device draws what it keeps.
    for size in 0..64 * 8 {
        let disk = Disk::new(Image::default(), random.next());
        let mut ledger = Ledger::default();
        let store = open(&disk).unwrap();
        let payload = json!({ "text": "x".repeat(size) });
        let first = admitted(proposal_of([part_of(
            "order-1",
            ExpectedVersion::Any,
            [new_event("OrderPlaced", &payload), new_event("OrderPlaced", &payload)],
        )]));
        ledger.note(ids_of(&first), &store.append(first).await);
        // The flush at the closing, after the mark.
        disk.plan(|faults| faults.flush_at = Some(0));
        drop(store);
        assert_eq!(disk.fired(), ["flush"]);
        let left = restart(&Subject::LOG, &disk, ledger, &mut random).await;
        left.unwrap_or_else(|what| panic!("with {size} bytes: {what}"));
    }
}
