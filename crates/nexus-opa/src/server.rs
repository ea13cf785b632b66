use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nexus_core::{
    Timestamp,
    ports::{
        BoxFuture, Clock, PolicyCompiler, PolicyInput, PolicyServer, PolicyServerReach, PolicyServerStatus,
        PolicySource, ServerVerdict, VerdictOutcome,
    },
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    OpaError, OpaOptions, WhenUnreachable,
    answer::Answer,
    breaker::{Breaker, Pass},
    client::{OpaClient, Trouble},
    input,
    mirror::Mirror,
};

/// Least time between two looks at the server's modules, however often its revisions change.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// A [`PolicyServer`] that speaks OPA's data API: `POST {url}/v1/data/{path}`.
pub struct OpaPolicyServer {
    inner: Arc<Inner>,
    /// Ends what keeps the copy fresh.
    _ends: DropGuard,
}

struct Inner {
    options: OpaOptions,
    client: OpaClient,
    breaker: Breaker,
    permits: Semaphore,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
    mirror: Option<Mirror>,
}

/// What was seen of the server.
#[derive(Default)]
struct Seen {
    asked: bool,
    last_answer: Option<Timestamp>,
    last_error: Option<String>,
    revisions: BTreeMap<String, String>,
}

/// Why a question has no answer.
enum Unanswered {
    /// The server could not be reached.
    Unreachable(String),
    /// The server is there; the question is refused all the same.
    Refused(String),
}

impl OpaPolicyServer {
    /// A server that is asked from now on. Where the last known good modules are to be asked while it is away, a copy
    /// of them is kept fresh for as long as this lives, and compiled by the compiler. Call it where a tokio runtime runs.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn start(
        options: OpaOptions,
        compiler: Arc<dyn PolicyCompiler>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpaError> {
        let client = OpaClient::new(&options)?;
        let mirrored = options.when_unreachable == WhenUnreachable::LastKnownGood;
        let inner = Arc::new(Inner {
            permits: Semaphore::new(options.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            breaker: Breaker::new(),
            seen: Mutex::default(),
            mirror: mirrored.then(|| Mirror::new(compiler)),
            client,
            clock,
            options,
        });
        let stop = CancellationToken::new();
        let ends = stop.clone().drop_guard();
        if mirrored {
            let keeper = Arc::clone(&inner);
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = keeper.keep_mirror() => {}
                }
            });
        }
        Ok(Self { inner, _ends: ends })
    }
}

impl PolicyServer for OpaPolicyServer {
    fn decide<'a>(&'a self, input: &'a PolicyInput<'a>) -> BoxFuture<'a, ServerVerdict> {
        Box::pin(self.inner.decide(input))
    }

    fn status(&self) -> PolicyServerStatus {
        let inner = &self.inner;
        let seen = inner.seen();
        let reach = match (&seen.last_error, seen.asked) {
            _ if inner.breaker.is_open() => PolicyServerReach::Away,
            (_, false) => PolicyServerReach::Unknown,
            (None, true) => PolicyServerReach::Answering,
            (Some(_), true) => PolicyServerReach::Failing,
        };
        PolicyServerStatus {
            url: inner.options.url().to_owned(),
            path: inner.options.path().to_owned(),
            reach,
            last_answer: seen.last_answer,
            last_error: seen.last_error.clone(),
            revisions: seen.revisions.clone(),
            when_unreachable: inner.options.when_unreachable.as_str().to_owned(),
            mirror: inner.mirror.as_ref().map(Mirror::status),
        }
    }
}

impl Inner {
    async fn decide(&self, input: &PolicyInput<'_>) -> ServerVerdict {
        let started = Instant::now();
        let (outcome, source, result) = match self.ask(input, started).await {
            Ok(Answer { outcome, revisions }) => (outcome, Some(self.source(revisions)), "answered"),
            Err(Unanswered::Refused(reason)) => (VerdictOutcome::Failed { reason }, None, "unusable"),
            Err(Unanswered::Unreachable(reason)) => {
                let (outcome, source) = self.without_it(input, &reason).await;
                (outcome, source, "unreachable")
            }
        };
        let elapsed = started.elapsed();
        metrics::counter!("nexus_policy_server_decisions_total", "result" => result).increment(1);
        metrics::histogram!("nexus_policy_server_seconds").record(elapsed);
        ServerVerdict { outcome, source, elapsed }
    }

    async fn ask(&self, input: &PolicyInput<'_>, started: Instant) -> Result<Answer, Unanswered> {
        let deadline = started + self.options.timeout();
        let body =
            input::body(input).map_err(|error| Unanswered::Refused(format!("the request is no JSON: {error}")))?;
        let (permit, waited) = self.turn(deadline).await?;
        let pass = self.breaker.enter().ok_or_else(|| self.left_alone())?;
        let answer = timeout_at(deadline, self.client.decide(body)).await;
        drop(permit);
        match answer {
            Ok(answer) => self.learn(pass, answer),
            // That it had little time left is not the server's doing.
            Err(_) if waited => Err(self.no_turn()),
            Err(_) => {
                let reason = format!("no answer within {} ms", self.options.timeout().as_millis());
                self.learn(pass, Err(Trouble::Unreachable(reason)))
            }
        }
    }

    /// Waits until a question may be on its way; answers also whether it had to wait.
    async fn turn(&self, deadline: Instant) -> Result<(SemaphorePermit<'_>, bool), Unanswered> {
        match self.permits.try_acquire() {
            Ok(permit) => Ok((permit, false)),
            // Where nothing is asked, nothing is waited for.
            Err(_) if self.breaker.is_open() => Err(self.left_alone()),
            Err(_) => match timeout_at(deadline, self.permits.acquire()).await {
                Ok(Ok(permit)) => Ok((permit, true)),
                Ok(Err(_)) | Err(_) => Err(self.no_turn()),
            },
        }
    }

    /// Too many questions at once are no reason to judge without the server: whoever can ask much could choose so.
    fn no_turn(&self) -> Unanswered {
        if self.breaker.is_open() {
            return self.left_alone();
        }
        let most = self.options.max_in_flight;
        Unanswered::Refused(format!(
            "{most} questions to the policy server were on their way, and this one had no turn in time"
        ))
    }

    /// Takes notice of what came of a question.
    fn learn(&self, pass: Pass<'_>, answer: Result<Answer, Trouble>) -> Result<Answer, Unanswered> {
        let mut seen = self.seen();
        seen.asked = true;
        match answer {
            Ok(answer) => {
                pass.answered();
                seen.last_answer = Some(self.clock.now());
                seen.last_error = None;
                if seen.revisions != answer.revisions {
                    seen.revisions.clone_from(&answer.revisions);
                    if let Some(mirror) = &self.mirror {
                        mirror.look_again();
                    }
                }
                Ok(answer)
            }
            Err(Trouble::Unusable(reason)) => {
                // It is there. That it cannot judge something must not put somebody else in its place.
                pass.answered();
                seen.last_error = Some(reason.clone());
                Err(Unanswered::Refused(format!("the policy server {} cannot be used: {reason}", self.options.url())))
            }
            Err(Trouble::Unreachable(reason)) => {
                pass.failed();
                seen.last_error = Some(reason.clone());
                Err(Unanswered::Unreachable(reason))
            }
        }
    }

    fn left_alone(&self) -> Unanswered {
        let reason = self.seen().last_error.clone().unwrap_or_default();
        Unanswered::Unreachable(format!("it is left alone for a moment, because {reason}"))
    }

    /// What is decided while the server cannot be reached, and what by.
    async fn without_it(&self, input: &PolicyInput<'_>, reason: &str) -> (VerdictOutcome, Option<PolicySource>) {
        let url = self.options.url();
        let failed = |what: &str| {
            let reason = format!("the policy server {url} cannot be reached ({reason}), and {what}");
            (VerdictOutcome::Failed { reason }, None)
        };
        let mirror = match (self.options.when_unreachable, &self.mirror) {
            (WhenUnreachable::Embedded, _) => return (VerdictOutcome::Allow, None),
            (WhenUnreachable::LastKnownGood, Some(mirror)) => mirror,
            (WhenUnreachable::Deny | WhenUnreachable::LastKnownGood, _) => {
                return failed("without it everything is refused");
            }
        };
        let copied = match mirror.copied() {
            Ok(copied) => copied,
            Err(trouble) => return failed(&format!("there is no copy of its modules to ask: {trouble}")),
        };
        let Ok(document) = input::document(input) else { return failed("the request is no JSON") };
        let outcome = copied.decide(self.options.path(), document).await;
        let source = PolicySource { mirror: Some(copied.digest()), ..self.source(copied.revisions.clone()) };
        (outcome, Some(source))
    }

    fn source(&self, revisions: BTreeMap<String, String>) -> PolicySource {
        PolicySource { path: self.options.path().to_owned(), revisions, mirror: None }
    }

    async fn keep_mirror(&self) {
        let Some(mirror) = &self.mirror else { return };
        loop {
            let revisions = self.seen().revisions.clone();
            mirror.renew(&self.client, revisions, self.clock.now()).await;
            tokio::time::sleep(MIN_REFRESH).await;
            tokio::select! {
                () = tokio::time::sleep(self.options.refresh) => {}
                () = mirror.wanted() => {}
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
