//! Shares of the random pairs. `NEXUS_COMPAT_PAIRS` sets how many pairs each test takes, `NEXUS_COMPAT_SEED` the seed.

use std::fmt::Write as _;

use super::pairs::{Tally, run};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn share(number: u64) {
    let seed = setting("NEXUS_COMPAT_SEED", 1).wrapping_mul(1_000_003).wrapping_add(number);
    let count = usize::try_from(setting("NEXUS_COMPAT_PAIRS", 2_000)).unwrap();
    let mut tally = run(seed, count);
    let (median, slow) = (tally.time(500), tally.time(990));
    let Tally { pairs, fit, broken, undecided, documents, .. } = tally;
    eprintln!(
        "seed {seed}: {pairs} pairs, {fit} fit ({documents} documents tried), {broken} broken with a document, \
         {undecided} undecided ({:.2} % of refusals shown), p50 {median:?}, p99 {slow:?}",
        tally.shown()
    );
    for open in &tally.open {
        eprintln!("{open}");
    }
    let wrong = tally.wrong.iter().take(5).fold(String::new(), |mut text, one| {
        let _ = writeln!(text, "{one}");
        text
    });
    assert!(tally.wrong.is_empty(), "seed {seed}, {} wrong:\n{wrong}", tally.wrong.len());
    assert!(fit * 10 > pairs && broken * 10 > pairs, "one-sided pairs prove little: {fit} fit, {broken} broken");
    assert!(documents > fit, "{documents} documents for {fit} pairs that fit");
    assert!(tally.shown() >= 95.0, "{:.2} % of refusals come with a document", tally.shown());
}

#[test]
fn what_is_called_compatible_breaks_no_document_first_share() {
    share(1);
}

#[test]
fn what_is_called_compatible_breaks_no_document_second_share() {
    share(2);
}

#[test]
fn what_is_called_compatible_breaks_no_document_third_share() {
    share(3);
}

#[test]
fn what_is_called_compatible_breaks_no_document_fourth_share() {
    share(4);
}
