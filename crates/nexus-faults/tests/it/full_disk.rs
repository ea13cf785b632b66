//! Disks without room: reads go on, a restart works, and appends go on once there is room.

use std::{path::Path, process::Command, sync::Arc};

use nexus_core::{
    Admitted, ExpectedVersion,
    ports::{AppendError, EventStore},
};
use nexus_log::{LogEventStore, WriteState};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, proposal},
};

use crate::{
    ledger::{Ledger, ids_of},
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Image, Survival},
    subject::{open, read_all, tiny, verify},
};

fn batch(random: &mut Random) -> Admitted {
    let stream = format!("order-{}", random.below(5));
    admitted(proposal(&stream, ExpectedVersion::Any, 1 + random.below(25)))
}

/// Appends until there is no room; answers how many were refused, the reads checked.
async fn fill(store: &LogEventStore, ledger: &mut Ledger, random: &mut Random) -> usize {
    loop {
        let batch = batch(random);
        let ids = ids_of(&batch);
        let answer = store.append(batch).await;
        ledger.note(ids, &answer);
        match answer {
            Ok(_) => {}
            Err(AppendError::ReadOnly { .. }) => break,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(matches!(store.write_state(), WriteState::ReadOnly { .. }));
    ledger.check(&read_all(store).await.unwrap()).unwrap();
    1
}

#[tokio::test]
async fn a_log_survives_full_disks_at_any_size() {
    let mut random = Random::new(seed());
    let mut ledger = Ledger::default();
    let mut disk = Disk::new(Image::default(), seed());
    let mut store = open(&disk).unwrap();
    let (mut refused, mut restarts, mut crashes) = (0, 0, 0);
    for _ in 0..amount(20, 200) {
        let room = disk.used() + random.below(150_000);
        disk.plan(|faults| faults.capacity = Some(room));
        refused += fill(&store, &mut ledger, &mut random).await;
        drop(store);
        if random.chance(50) {
            disk = disk.crash(Survival::Any, &mut random);
            let room = disk.used();
            disk.plan(|faults| faults.capacity = Some(room));
            crashes += 1;
        }
        // Still full: it starts, answers reads and refuses what it has no room for.
        store = open(&disk).unwrap();
        ledger.check(&read_all(&store).await.unwrap()).unwrap();
        refused += fill(&store, &mut ledger, &mut random).await;
        restarts += 1;
        disk.plan(|faults| faults.capacity = None);
        let batch = batch(&mut random);
        let ids = ids_of(&batch);
        let answer = store.append(batch).await;
        assert!(answer.is_ok(), "there is room again: {answer:?}");
        ledger.note(ids, &answer);
        assert_eq!(store.write_state(), WriteState::Writable);
    }
    ledger.check(&read_all(&store).await.unwrap()).unwrap();
    drop(store);
    verify(&disk).unwrap();
    let injected = [
        ("full disks", refused),
        ("starts on a full disk", restarts),
        ("of them after a crash", crashes),
        ("acknowledged appends", ledger.acknowledged()),
    ];
    report("full disks, simulated", &injected, "0 lost, 0 unable to start, 0 unable to go on");
}

/// A file system of its own in memory, unmounted when dropped; `None` where mounting is not allowed.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(kilobytes: usize) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

fn open_real(dir: &Path) -> LogEventStore {
    LogEventStore::open(dir, tiny(), Arc::new(ManualClock::default())).unwrap()
}

#[tokio::test]
async fn a_log_survives_a_real_file_system_without_room() {
    let mut random = Random::new(seed());
    let mut episodes = 0;
    for _ in 0..amount(3, 25) {
        let Some(mounted) = Mounted::new(300 + random.below(700)) else {
            println!("not run: mounting a file system is not allowed here");
            return;
        };
        let mut ledger = Ledger::default();
        let dir = mounted.0.path().join("data");
        let ballast = mounted.0.path().join("ballast");
        std::fs::write(&ballast, vec![1; 100_000]).unwrap();
        let store = open_real(&dir);
        episodes += fill(&store, &mut ledger, &mut random).await;
        drop(store);
        let store = open_real(&dir);
        ledger.check(&read_all(&store).await.unwrap()).unwrap();
        fill(&store, &mut ledger, &mut random).await;
        std::fs::remove_file(&ballast).unwrap();
        let one = admitted(proposal("order-1", ExpectedVersion::Any, 1));
        let ids = ids_of(&one);
        let answer = store.append(one).await;
        assert!(answer.is_ok(), "there is room again: {answer:?}");
        ledger.note(ids, &answer);
        drop(store);
        let store = open_real(&dir);
        ledger.check(&read_all(&store).await.unwrap()).unwrap();
        drop(store);
        assert!(nexus_log::verify(&dir).unwrap().is_intact());
    }
    report("full disks, real", &[("full file systems", episodes)], "0 lost, 0 unable to start, 0 unable to go on");
}
