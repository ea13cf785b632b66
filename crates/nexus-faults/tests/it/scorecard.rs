//! How much a run does, and where it says what it did.
//!
//! `cargo xtask scorecard` sets `NEXUS_SCORECARD` to a directory; the tests then run their long versions and each
//! leaves a file there with one row of the table. Otherwise they run short versions of the same.

use std::{fs, path::PathBuf};

fn directory() -> Option<PathBuf> {
    std::env::var_os("NEXUS_SCORECARD").map(PathBuf::from)
}

/// `short` in an ordinary run, `long` for the scorecard.
pub(crate) fn amount(short: usize, long: usize) -> usize {
    if directory().is_some() { long } else { short }
}

/// What random choices begin with: `NEXUS_SEED`, otherwise always the same.
pub(crate) fn seed() -> u64 {
    std::env::var("NEXUS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_131)
}

/// Leaves a row for the scorecard, and prints it.
///
/// `injected` are the counts of what went wrong on purpose: each must be above zero, or the run proves nothing.
#[track_caller]
pub(crate) fn report(name: &str, injected: &[(&str, usize)], violations: &str) {
    let counts: Vec<String> = injected.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("{name} (seed {}): {}; {violations}", seed(), counts.join(", "));
    for (what, count) in injected {
        assert!(*count > 0, "{name}: the run is void, it had no {what}");
    }
    if let Some(directory) = directory() {
        let file = directory.join(format!("{}.row", name.replace(' ', "-")));
        fs::write(file, format!("{name}\n{}\n{violations}\n", counts.join(", "))).unwrap();
    }
}
