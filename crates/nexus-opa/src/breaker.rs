use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row after which the server is left alone.
pub(crate) const FAILURES: u32 = 5;
/// How long it is left alone before one question tries again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Keeps questions from waiting for a server that does not answer.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything is asked; so many failed since one was answered.
    Closed { failures: u32 },
    /// Nothing is asked until then.
    Open { until: Instant },
    /// One question tries.
    Probing,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }

    /// Lets a question through, unless the server is left alone.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        match *state {
            State::Closed { .. } => Some(Pass { breaker: self, probe: false }),
            State::Open { until } if Instant::now() >= until => {
                *state = State::Probing;
                Some(Pass { breaker: self, probe: true })
            }
            State::Open { .. } | State::Probing => None,
        }
    }

    /// Whether the server is left alone.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes over to what follows from the state there is; nothing comes in between.
    fn change(&self, next: impl FnOnce(State) -> State) {
        let mut state = self.state();
        let was = *state;
        let is = next(was);
        *state = is;
        drop(state);
        match (was, is) {
            (State::Closed { .. }, State::Closed { .. }) => return,
            (State::Closed { .. }, _) => tracing::warn!(
                "the policy server failed {FAILURES} times in a row; it is left alone for {PAUSE:?} at a time"
            ),
            (_, State::Closed { .. }) => tracing::info!("the policy server answers again"),
            _ => {}
        }
        let away = !matches!(is, State::Closed { .. });
        metrics::gauge!("nexus_policy_server_away").set(if away { 1.0 } else { 0.0 });
    }
}

/// One question that was let through. Dropped without a word, it says nothing about the server.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Pass<'_> {
    /// The server answered, whatever it said.
    pub(crate) fn answered(mut self) {
        self.probe = false;
        self.breaker.change(|_| State::Closed { failures: 0 });
    }

    /// The server could not be reached.
    pub(crate) fn failed(mut self) {
        let probe = std::mem::take(&mut self.probe);
        let open = State::Open { until: Instant::now() + PAUSE };
        self.breaker.change(|state| match state {
            State::Closed { failures } if failures + 1 >= FAILURES => open,
            State::Closed { failures } => State::Closed { failures: failures + 1 },
            State::Probing if probe => open,
            // It was let through before the server was left alone.
            State::Open { .. } | State::Probing => state,
        });
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            // Whoever tried went away; the next one tries, unless an earlier question was answered meanwhile.
            let next = State::Open { until: Instant::now() };
            self.breaker.change(|state| if state == State::Probing { next } else { state });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        (0..times).for_each(|_| breaker.enter().unwrap().failed());
    }

    #[tokio::test(start_paused = true)]
    async fn after_failures_in_a_row_it_is_left_alone_and_one_question_tries_again() {
        let breaker = Breaker::new();
        fail(&breaker, FAILURES - 1);
        breaker.enter().unwrap().answered();
        fail(&breaker, FAILURES - 1);
        assert!(!breaker.is_open(), "they were not in a row");
        fail(&breaker, 1);
        assert!(breaker.is_open() && breaker.enter().is_none());
        tokio::time::advance(PAUSE).await;
        let probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "one at a time");
        probe.failed();
        assert!(breaker.enter().is_none());
        tokio::time::advance(PAUSE).await;
        breaker.enter().unwrap().answered();
        assert!(!breaker.is_open());
        fail(&breaker, FAILURES - 1);
        assert!(!breaker.is_open(), "it begins to count anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_given_up_lets_the_next_one_try() {
        let breaker = Breaker::new();
        fail(&breaker, FAILURES);
        tokio::time::advance(PAUSE).await;
        drop(breaker.enter().unwrap());
        assert!(breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_let_through_before_does_not_prolong_the_pause() {
        let breaker = Breaker::new();
        let late: Vec<_> = (0..3).map(|_| breaker.enter().unwrap()).collect();
        fail(&breaker, FAILURES);
        tokio::time::advance(PAUSE / 2).await;
        late.into_iter().for_each(Pass::failed);
        tokio::time::advance(PAUSE / 2).await;
        assert!(breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_is_given_up_does_not_undo_an_answer() {
        let breaker = Breaker::new();
        let late = breaker.enter().unwrap();
        fail(&breaker, FAILURES);
        tokio::time::advance(PAUSE).await;
        let probe = breaker.enter().unwrap();
        late.answered();
        drop(probe);
        assert!(!breaker.is_open());
    }
}
