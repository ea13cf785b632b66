//! Bits that flip on the device: always noticed, or of no consequence; never a wrong answer.

use std::{fmt, ops::Range, path::Path, sync::Arc};

use nexus_core::{ExpectedVersion, RecordedEvent};
use nexus_log::storage::{Storage, StorageFile};
use nexus_testkit::{
    fakes::ManualClock,
    fixture::{admitted, proposal},
};

use crate::{
    answers::{Verdict, compare},
    random::Random,
    scorecard::{amount, report, seed},
    simulated::{Disk, Image, Survival},
    subject::{DIR, Subject, read_all, verify},
};

/// A closed log with several segments, their indexes, and what a killed process leaves beside them.
pub(crate) struct Original {
    disk: Disk,
    events: Vec<RecordedEvent>,
    files: Vec<File>,
}

/// A file of the data directory.
struct File {
    name: String,
    len: usize,
    /// The bytes that events depend on.
    vital: Vec<Range<usize>>,
}

/// What one flipped bit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Opening the log was refused.
    RefusedAtOpening,
    /// Some reads were refused.
    RefusedAtReading,
    /// Only `verify` noticed; every answer is right.
    FoundByVerify,
    /// Nothing depends on the bit, or what does was built anew.
    Harmless,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RefusedAtOpening => "refused at opening",
            Self::RefusedAtReading => "refused at reading",
            Self::FoundByVerify => "found by verify",
            Self::Harmless => "harmless",
        })
    }
}

fn handle(disk: &Disk, name: &str) -> Arc<dyn StorageFile> {
    disk.open(&Path::new(DIR).join("log").join(name)).unwrap()
}

fn bytes(disk: &Disk, name: &str) -> Vec<u8> {
    let file = handle(disk, name);
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// The header and every frame of an event in a segment; a mark between them only repeats what the next frame says.
fn vital(segment: &[u8]) -> Vec<Range<usize>> {
    let number = |at: usize| u32::from_le_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
    let mut vital = vec![0..76, 4092..4096];
    let mut at = 4096;
    // A frame has a position; behind the last one there are zeros.
    while at + 32 <= segment.len() && segment[at + 8..at + 16] != [0; 8] {
        let end = at + 32 + number(at).next_multiple_of(8);
        if number(at + 24) & 2 == 0 {
            vital.push(at..end);
        }
        at = end;
    }
    vital
}

impl Original {
    pub(crate) async fn new() -> Self {
        let disk = Disk::new(Image::default(), seed());
        let (store, log) = Subject::LOG.open(&disk, &Arc::new(ManualClock::default())).unwrap();
        for round in 0..56 {
            let batch = proposal(&format!("order-{}", round % 6), ExpectedVersion::Any, 1 + round * 5 % 23);
            store.append(admitted(batch)).await.unwrap();
        }
        let events = read_all(&*store).await.unwrap();
        drop((store, log));
        let dir = Path::new(DIR).join("log");
        for leftover in ["next.tmp", "index.tmp"] {
            disk.create(&dir.join(leftover)).unwrap().write_all_at(&[0; 3000], 0).unwrap();
        }
        let mut files: Vec<File> = Vec::new();
        for name in disk.list(&dir).unwrap() {
            let bytes = bytes(&disk, &name);
            let vital = if name.ends_with(".nxlog") { vital(&bytes) } else { Vec::new() };
            files.push(File { name, len: bytes.len(), vital });
        }
        assert!(files.len() >= 6, "segments, indexes and leftovers");
        Self { disk, events, files }
    }

    /// Flips a bit of a file and looks at everything. Half of the flips hit bytes that events depend on.
    ///
    /// # Errors
    /// When the damage was silent: an answer is not what was stored, or verification passes over it.
    pub(crate) async fn flip(&self, subject: &Subject, file: usize, random: &mut Random) -> Result<Outcome, String> {
        let file = &self.files[file];
        let mut at = random.below(file.len);
        if !file.vital.is_empty() && random.chance(70) {
            let range = random.pick(&file.vital).clone();
            at = range.start + random.below(range.len());
        }
        let damaged = self.disk.crash(Survival::Everything, random);
        let mut byte = [bytes(&damaged, &file.name)[at]];
        byte[0] ^= 1 << random.below(8);
        handle(&damaged, &file.name).write_all_at(&byte, at as u64).unwrap();
        let place = format!("byte {at} of {}", file.name);
        let verified = verify(&damaged);
        if file.vital.iter().any(|range| range.contains(&at)) && verified.is_ok() {
            return Err(format!("{place}: verify says that all is well"));
        }
        let Ok((store, log)) = subject.open(&damaged, &Arc::new(ManualClock::default())) else {
            return Ok(Outcome::RefusedAtOpening);
        };
        let verdict = compare(&*store, &self.events).await;
        drop((store, log));
        match verdict {
            Verdict::Wrong(what) => Err(format!("{place}: {what}")),
            Verdict::Refused => Ok(Outcome::RefusedAtReading),
            Verdict::Same if verified.is_err() => Ok(Outcome::FoundByVerify),
            Verdict::Same => Ok(Outcome::Harmless),
        }
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_is_never_silent() {
    let original = Original::new().await;
    let mut random = Random::new(seed());
    let mut outcomes: Vec<(Outcome, usize)> =
        [Outcome::RefusedAtOpening, Outcome::RefusedAtReading, Outcome::FoundByVerify, Outcome::Harmless]
            .map(|outcome| (outcome, 0))
            .to_vec();
    let flips = amount(250, 5_000);
    for turn in 0..flips {
        let outcome = original.flip(&Subject::LOG, turn % original.files(), &mut random).await;
        let outcome = outcome.unwrap_or_else(|what| panic!("{what}"));
        outcomes.iter_mut().filter(|(kind, _)| *kind == outcome).for_each(|(_, count)| *count += 1);
    }
    let told: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    assert!(outcomes.iter().all(|(_, count)| *count > 0), "{told:?}");
    let injected = [("flipped bits", flips), ("files", original.files())];
    report("flipped bits", &injected, &format!("0 silent ({})", told.join(", ")));
}
