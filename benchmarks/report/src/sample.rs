use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Fallible;

/// How long single operations took, in microseconds.
#[derive(Debug, Default)]
pub struct Timings(Vec<u32>);

impl Timings {
    /// Adds what has passed since `begin`.
    pub fn since(&mut self, begin: Instant) {
        self.0.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds the timings of another worker.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Sums up a run that did `events` in `elapsed`.
    #[must_use]
    pub fn sample(mut self, events: u64, elapsed: Duration) -> Sample {
        self.0.sort_unstable();
        let at = |per_mille: usize| {
            let index = (self.0.len() * per_mille / 1000).min(self.0.len().saturating_sub(1));
            self.0.get(index).copied().unwrap_or(0)
        };
        Sample {
            per_second: events as f64 / elapsed.as_secs_f64(),
            p50_us: at(500),
            p99_us: at(990),
            operations: self.0.len() as u64,
            server_cores: None,
            client_cores: None,
            other_cores: None,
        }
    }
}

/// One run of one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Events (or what else is counted) per second.
    pub per_second: f64,
    /// Median of one operation, in microseconds.
    pub p50_us: u32,
    /// 99th percentile of one operation, in microseconds.
    pub p99_us: u32,
    /// Operations timed.
    pub operations: u64,
    /// Processor cores the server kept busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// Processor cores the clients kept busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cores: Option<f64>,
    /// Processor cores that processes without a part in the run kept busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_cores: Option<f64>,
}

impl Sample {
    /// Others may keep this many cores busy before a run is repeated.
    const QUIET: f64 = 0.15;
    /// Most runs until one is quiet.
    const TRIES: usize = 3;

    /// Runs until nothing disturbs, at most three times, and answers the run that was disturbed least.
    ///
    /// # Errors
    /// Those of the run.
    pub fn quietest(mut run: impl FnMut() -> Fallible<Self>) -> Fallible<Self> {
        let others = |sample: &Self| sample.other_cores.unwrap_or(0.0);
        let mut best = run()?;
        for _ in 1..Self::TRIES {
            if others(&best) <= Self::QUIET {
                break;
            }
            let next = run()?;
            if others(&next) < others(&best) {
                best = next;
            }
        }
        Ok(best)
    }
}

/// Least, middle and greatest of what the rounds gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Least.
    pub min: f64,
    /// Middle; of an even number, the upper one.
    pub median: f64,
    /// Greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of some figures; all zero when there are none.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        Self { min: at(0), median: at(sorted.len() / 2), max: at(sorted.len().saturating_sub(1)) }
    }

    /// The spread of the rates of some samples.
    #[must_use]
    pub fn of_rates(samples: &[Sample]) -> Self {
        Self::of(samples.iter().map(|sample| sample.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_the_sorted_timings() {
        let sample = Timings((1..=1000).rev().collect()).sample(1000, Duration::from_secs(2));
        assert_eq!((sample.p50_us, sample.p99_us), (501, 991));
        assert!((sample.per_second - 500.0).abs() < f64::EPSILON);
    }

    #[test]
    fn of_disturbed_runs_the_least_disturbed_counts_and_a_quiet_one_ends_the_search() {
        let quietest = |others: &[f64]| {
            let mut runs = 0;
            let sample = Sample::quietest(|| {
                runs += 1;
                let other_cores = others.get(runs - 1).copied();
                Ok(Sample { other_cores, ..Timings::default().sample(1, Duration::from_secs(1)) })
            });
            (sample.unwrap().other_cores, runs)
        };
        assert_eq!(quietest(&[0.9, 0.4, 0.7]), (Some(0.4), 3));
        assert_eq!(quietest(&[0.9, 0.1]), (Some(0.1), 2));
    }

    #[test]
    fn a_spread_is_least_middle_and_greatest() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([]), Spread { min: 0.0, median: 0.0, max: 0.0 });
    }
}
