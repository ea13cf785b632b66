use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use nexus_core::{
    Digest, Json,
    ports::{
        CompiledPolicy, PolicyEngine, PolicyExplanation, PolicyInput, PolicyModule, PolicyProblem, Verdict,
        VerdictOutcome,
    },
};
use regorus::Engine;

use crate::{
    PolicyError,
    bundle::{Bundle, ENTRY_RULE, Section},
    explain, foreign, input, lookup,
    memo::Memo,
    outcome,
    reads::Reads,
    stopwatch::Stopwatch,
};

/// A [`PolicyEngine`] that evaluates a Rego bundle.
///
/// Every thread that asks gets an engine of its own, so that decisions do not wait for each other.
///
/// ```
/// use nexus_core::ports::PolicyModule;
/// use nexus_policy::{RegoPolicyEngine, with_shipped};
///
/// let orders = PolicyModule {
///     name: "orders.rego".to_owned(),
///     source: r#"
///         package nexus
///         deny contains {"id": "orders.large-order", "message": "too large", "remediation": "split it",
///                        "severity": "error"} if input.payload.totalCents > 1000000
///     "#
///     .to_owned(),
/// };
/// let engine = RegoPolicyEngine::new(with_shipped([orders]))?;
/// # let _ = engine;
/// # Ok::<(), nexus_policy::PolicyError>(())
/// ```
pub struct RegoPolicyEngine {
    shared: Arc<Shared>,
}

struct Shared {
    digest: Digest,
    /// What threads clone theirs from.
    sections: Mutex<Vec<Section>>,
    /// What the sections read of their input, when that can be told; in their order.
    reads: Vec<Option<Reads>>,
    /// The engine for telling which rules fired.
    whole: Mutex<Engine>,
    /// The engine for looking into the bundle, without the entry.
    plain: Mutex<Engine>,
    /// The modules that decide.
    modules: Vec<PolicyModule>,
}

/// What one thread keeps for one bundle.
struct Worker {
    owner: Weak<Shared>,
    sections: Vec<Asked>,
}

/// A section and its recent outcomes.
struct Asked {
    engine: Engine,
    memo: Memo,
}

/// Why there is no outcome.
enum Stopped {
    /// The evaluation failed or ran over its limit.
    Failed(String),
    /// The limit passed while the thread was kept waiting.
    KeptWaiting,
}

impl From<String> for Stopped {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl Asked {
    /// What the section says to a request, and the time that was spent on it.
    fn judge(&mut self, reads: Option<&Reads>, input: &PolicyInput<'_>) -> Result<(VerdictOutcome, Duration), Stopped> {
        let Some(reads) = reads else { return self.evaluate(input::whole(input)?) };
        let picks = reads.pick(input).map_err(input::not_json)?;
        if let Some(outcome) = self.memo.ask(&reads.parts, input, &picks) {
            return Ok((outcome, Duration::ZERO));
        }
        let (outcome, spent) = self.evaluate(input::read_parts(input, reads, &picks)?)?;
        self.memo.keep(&outcome);
        Ok((outcome, spent))
    }

    fn evaluate(&mut self, input: regorus::Value) -> Result<(VerdictOutcome, Duration), Stopped> {
        let stopwatch = Stopwatch::start();
        self.engine.set_input(input);
        match self.engine.eval_rule(ENTRY_RULE.to_owned()) {
            Ok(decision) => Ok((outcome::read(&decision), stopwatch.spent())),
            Err(_) if stopwatch.was_kept_waiting(RegoPolicyEngine::TIME_LIMIT) => Err(Stopped::KeptWaiting),
            Err(error) => Err(error.to_string().split_whitespace().collect::<Vec<_>>().join(" ").into()),
        }
    }
}

thread_local! {
    /// The workers of this thread, the last used one at the end.
    static WORKERS: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
}

/// Most bundles a thread keeps engines for; more than one only around a replacement, and in tests.
const MAX_WORKERS: usize = 4;

impl RegoPolicyEngine {
    /// Longest time one evaluation may take. An evaluation that did not get to run for most of it is repeated.
    pub const TIME_LIMIT: Duration = Duration::from_millis(200);
    /// How often an evaluation is begun that is kept waiting each time.
    const ATTEMPTS: usize = 3;

    /// Compiles a bundle.
    ///
    /// # Errors
    /// [`PolicyError`] with the module and the line.
    #[expect(clippy::needless_pass_by_value, reason = "the bundle is handed over; callers have no use for it")]
    pub fn new(modules: Vec<PolicyModule>) -> Result<Self, PolicyError> {
        Ok(Self::of(Bundle::load(&modules, Self::TIME_LIMIT)?))
    }

    fn of(bundle: Bundle) -> Self {
        let Bundle { sections, whole, plain, digest, modules } = bundle;
        let reads = sections.iter().map(|section| section.reads.clone()).collect();
        let (sections, whole, plain) = (Mutex::new(sections), Mutex::new(whole), Mutex::new(plain));
        Self { shared: Arc::new(Shared { digest, sections, reads, whole, plain, modules }) }
    }

    /// The same engine asked as one, without reuse of outcomes.
    #[cfg(test)]
    fn forgetful(modules: &[PolicyModule]) -> Self {
        let bundle = Bundle::load(modules, Self::TIME_LIMIT).unwrap();
        let sections = vec![Section { engine: bundle.whole.clone(), reads: None }];
        Self::of(Bundle { sections, ..bundle })
    }

    fn outcome(&self, input: &PolicyInput<'_>) -> VerdictOutcome {
        for _ in 0..Self::ATTEMPTS {
            let mut worker = self.take_worker();
            // The engine is third-party code that runs what users wrote: a panic in it is a refusal, not a crash.
            let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate(&mut worker, input)));
            // Without an outcome the worker is dropped: whatever stopped it may have left it half way.
            match evaluated {
                Ok(Ok(outcome)) => {
                    keep(worker);
                    return outcome;
                }
                Ok(Err(Stopped::KeptWaiting)) => {}
                Ok(Err(Stopped::Failed(reason))) => return VerdictOutcome::Failed { reason },
                Err(_) => return VerdictOutcome::Failed { reason: "the policy engine panicked".to_owned() },
            }
        }
        VerdictOutcome::Failed { reason: "the machine is too busy to evaluate the policy".to_owned() }
    }

    fn evaluate(&self, worker: &mut Worker, input: &PolicyInput<'_>) -> Result<VerdictOutcome, Stopped> {
        let (mut joined, mut spent) = (VerdictOutcome::Undefined, Duration::ZERO);
        for (section, reads) in worker.sections.iter_mut().zip(&self.shared.reads) {
            let (outcome, time) = section.judge(reads.as_ref(), input)?;
            joined = outcome::join(joined, outcome);
            spent += time;
            if spent > Self::TIME_LIMIT {
                return Err(Stopped::Failed(format!("the policy took longer than {:?}", Self::TIME_LIMIT)));
            }
        }
        Ok(joined)
    }

    /// This thread's worker, taken out so that nothing is borrowed while a policy runs.
    fn take_worker(&self) -> Worker {
        let known = WORKERS.with_borrow_mut(|workers| {
            let own = |worker: &Worker| std::ptr::eq(worker.owner.as_ptr(), Arc::as_ptr(&self.shared));
            workers.iter().rposition(own).map(|place| workers.remove(place))
        });
        known.unwrap_or_else(|| {
            let sections = self.shared.sections.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let asked = |section: Section| Asked { engine: section.engine, memo: Memo::default() };
            let sections = sections.into_iter().map(asked).collect();
            Worker { owner: Arc::downgrade(&self.shared), sections }
        })
    }
}

/// Gives a worker back, and lets go of those whose bundle is gone.
fn keep(worker: Worker) {
    WORKERS.with_borrow_mut(|workers| {
        workers.push(worker);
        if workers.len() > 1 {
            workers.retain(|worker| worker.owner.strong_count() > 0);
            if workers.len() > MAX_WORKERS {
                workers.remove(0);
            }
        }
    });
}

impl PolicyEngine for RegoPolicyEngine {
    fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
        let start = Instant::now();
        let outcome = self.outcome(input);
        Verdict { outcome, policy_digest: self.shared.digest, elapsed: start.elapsed() }
    }

    fn digest(&self) -> Digest {
        self.shared.digest
    }
}

impl CompiledPolicy for RegoPolicyEngine {
    fn value_at(&self, path: &str, input: Option<&Json>) -> Result<Option<Json>, PolicyProblem> {
        let mut engine = self.shared.plain.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = catch_unwind(AssertUnwindSafe(|| lookup::value_at(&mut engine, path, input)));
        found.unwrap_or_else(|_| Err(PolicyProblem::new("the policy engine panicked")))
    }

    fn foreign_data(&self) -> Vec<String> {
        let mut engine = self.shared.plain.lock().unwrap_or_else(PoisonError::into_inner);
        foreign::data(engine.get_modules())
    }

    fn explain(&self, input: &PolicyInput<'_>) -> PolicyExplanation {
        let verdict = self.decide(input);
        let mut engine = self.shared.whole.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let modules = &self.shared.modules;
        let told = catch_unwind(AssertUnwindSafe(|| explain::explain(&mut engine, modules, input)));
        // What cannot be told is left out; the verdict stands.
        let (rules, coverage) = told.unwrap_or_default();
        PolicyExplanation { verdict, rules, coverage }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use nexus_core::{
        Actor, Json, Timestamp,
        ports::{PolicyEvent, PolicyKind, PolicyResource, PolicySchema, RequestContext},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::bundle;

    /// Rules that look at the input in every way the analysis knows, each with an outcome that shows what it saw. Some
    /// modules lean on each other, and some say the same.
    const LOOKING: [&str; 6] = [
        r#"
        deny contains {"id": "total", "message": sprintf("%v", [input.payload.total])} if large(input.payload.total)
        deny contains {"id": "absent", "message": "x"} if { not input.payload.total; input.kind == "command" }
        deny contains {"id": "same", "message": "x"} if input.payload.total == 2
        "#,
        "large(n) if n > least\n least := 1",
        r#"
        deny contains {"id": "line", "message": "x"} if { some line in input.payload.lines; line.sku == "b" }
        deny contains {"id": "first", "message": "x"} if input.payload["lines"][0].sku == input.event.payload.sku
        deny contains {"id": "same", "message": "x"} if input.payload.total == 2
        "#,
        r#"
        deny contains {"id": "event", "message": "x"} if { input.event.payload.deep.er == true; input.event.type == "B" }
        deny contains {"id": "client", "message": "x"} if startswith(input.context.clientId, "a")
        deny contains {"id": "claim", "message": "x"} if input.actor.claims.tenant == "blue"
        "#,
        r#"
        deny contains {"id": "action", "message": "x"} if startswith(input.action, input.resource.id)
        deny contains {"id": "who", "message": input.actor.id} if count(input.actor.roles) == 2
        deny contains {"id": "schema", "message": "x"} if input.schema.version == 2
        "#,
        "allow if input.event.payload.sku == \"a\"",
    ];

    fn modules() -> Vec<PolicyModule> {
        let looking = LOOKING.iter().enumerate().map(|(index, rules)| PolicyModule {
            name: format!("looking{index}.rego"),
            source: format!("package nexus\n{rules}"),
        });
        crate::with_shipped(looking)
    }

    fn payload() -> impl Strategy<Value = Option<Value>> {
        let sku = prop::sample::select(vec![json!("a"), json!("b"), json!(1), json!(null)]);
        let total = prop::sample::select(vec![json!(1), json!(1.0), json!(2), json!("2"), json!(null), json!([])]);
        let deep = prop::sample::select(vec![json!(true), json!({ "er": true }), json!({ "er": 1 }), json!({})]);
        let line = sku.clone().prop_map(|sku| json!({ "sku": sku, "noise": 1 }));
        let members = (
            prop::option::of(total),
            prop::option::of(prop::collection::vec(line, 0..3)),
            prop::option::of(sku),
            prop::option::of(deep),
        );
        prop::option::of(members.prop_map(|(total, lines, sku, deep)| {
            let mut document = json!({ "unread": [1, 2, 3] });
            for (name, value) in [("total", total), ("lines", lines.map(Value::from)), ("sku", sku), ("deep", deep)] {
                if let Some(value) = value {
                    document[name] = value;
                }
            }
            document
        }))
    }

    #[derive(Debug, Clone)]
    struct Request {
        kind: PolicyKind,
        texts: [&'static str; 6],
        roles: Vec<&'static str>,
        claims: Option<Value>,
        payload: Option<Value>,
        event: Option<Value>,
        schema: Option<(u32, bool)>,
        client: Option<&'static str>,
    }

    impl Request {
        /// This request with one part of another.
        fn with_one_of(&self, other: &Self, part: usize, text: usize) -> Self {
            let mut changed = self.clone();
            let other = other.clone();
            match part {
                0 => changed.kind = other.kind,
                1 => changed.texts[text] = other.texts[text],
                2 => changed.roles = other.roles,
                3 => changed.claims = other.claims,
                4 => changed.payload = other.payload,
                5 => changed.event = other.event,
                6 => changed.schema = other.schema,
                _ => changed.client = other.client,
            }
            changed
        }
    }

    fn request() -> impl Strategy<Value = Request> {
        use PolicyKind::{Admin, Append, Command, Query, Subscribe, Temporal};
        let kind = prop::sample::select(vec![Command, Append, Query, Temporal, Subscribe, Admin]);
        let text = |all: &[&'static str]| prop::sample::select(all.to_vec());
        let texts = (
            text(&["delete", "A", "$x", "events.delete"]),
            text(&["events", "Order"]),
            text(&["$x", "A", "o-1"]),
            text(&["ann", "bob"]),
            text(&["A", "B"]),
            text(&["dev", "production"]),
        );
        let texts = texts.prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f]);
        let roles = prop::collection::vec(text(&["reader", "writer", "system", "admin"]), 0..3);
        let claims = prop::sample::select(vec![None, Some(json!({})), Some(json!({ "tenant": "blue" }))]);
        let who = (roles, claims);
        let schema = prop::option::of((1_u32..3, any::<bool>()));
        let client = prop::option::of(text(&["app", "bot"]));
        (kind, texts, who, payload(), payload(), schema, client).prop_map(
            |(kind, texts, (roles, claims), payload, event, schema, client)| Request {
                kind,
                texts,
                roles,
                claims,
                payload,
                event,
                schema,
                client,
            },
        )
    }

    fn decide(engine: &RegoPolicyEngine, request: &Request) -> VerdictOutcome {
        let [action, resource_type, id, actor, event_type, environment] = request.texts;
        let roles = request.roles.iter().map(|role| (*role).into()).collect();
        let claims = request.claims.as_ref().map(Json::from_value);
        let actor = Actor { claims, ..Actor::new(actor.into(), roles) };
        let (payload, event) =
            (request.payload.as_ref().map(Json::from_value), request.event.as_ref().map(Json::from_value));
        let context = RequestContext {
            service: "orders".into(),
            client_id: request.client.map(Into::into),
            environment: environment.into(),
            time: Timestamp::UNIX_EPOCH,
        };
        let input = PolicyInput {
            kind: request.kind,
            action,
            resource: PolicyResource { resource_type, id },
            actor: &actor,
            payload: payload.as_ref(),
            event: event.as_ref().map(|payload| PolicyEvent { event_type, payload }),
            schema: request.schema.map(|(version, registered)| PolicySchema { id: 1, version, registered }),
            request: &context,
        };
        engine.decide(&input).outcome
    }

    #[test]
    fn remembered_and_evaluated_outcomes_agree() {
        let (remembering, forgetful) =
            (RegoPolicyEngine::new(modules()).unwrap(), RegoPolicyEngine::forgetful(&modules()));
        assert!(remembering.shared.reads.iter().all(Option::is_some));
        assert_eq!(remembering.shared.reads.len(), 6, "what requests have in common, and the rules above");
        let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(request in request(), other in request(), part in 0..8_usize, text in 0..6_usize)| {
            // Asked one after the other: what differs in one part only must not be taken for the same.
            let changed = request.with_one_of(&other, part, text);
            for asked in [&request, &changed, &request] {
                prop_assert_eq!(&decide(&remembering, asked), &decide(&forgetful, asked));
            }
        });
        let kept = WORKERS.with_borrow(|workers| {
            workers.iter().flat_map(|worker| &worker.sections).map(|section| section.memo.len()).sum::<usize>()
        });
        assert!(kept > 100, "only {kept} outcomes were remembered");
    }

    /// An engine whose one rule calls `pause`, counting, once it is loaded.
    fn pausing(pause: impl Fn(usize) + Clone + Send + Sync + 'static) -> (RegoPolicyEngine, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut engine = bundle::bare(RegoPolicyEngine::TIME_LIMIT);
        let counted = Arc::clone(&calls);
        let call = move |_| {
            pause(counted.fetch_add(1, Ordering::Relaxed));
            Ok(regorus::Value::Bool(true))
        };
        engine.add_extension("pause".to_owned(), 1, Box::new(call)).unwrap();
        // Steps after the call, at which the limit is looked at.
        let rule =
            "package nexus\nallow if { pause(input.kind); count([x | some x in numbers.range(1, 100); x > 1]) > 1 }";
        engine.add_policy("pausing.rego".to_owned(), rule.to_owned()).unwrap();
        let engine = bundle::with_entry(engine, &[]).unwrap();
        let bundle = Bundle::load(&[], RegoPolicyEngine::TIME_LIMIT).unwrap();
        let engine = RegoPolicyEngine::of(Bundle { sections: vec![Section { engine, reads: None }], ..bundle });
        calls.store(0, Ordering::Relaxed);
        (engine, calls)
    }

    fn query() -> Request {
        Request {
            kind: PolicyKind::Query,
            texts: ["orders", "Order", "o-1", "ann", "A", "production"],
            roles: vec!["reader"],
            claims: None,
            payload: Some(json!({ "total": 1 })),
            event: None,
            schema: None,
            client: None,
        }
    }

    #[test]
    fn an_evaluation_that_is_kept_waiting_is_repeated() {
        // waits: past the limit, as a thread does that the machine lets wait.
        let stall = || std::thread::sleep(RegoPolicyEngine::TIME_LIMIT + Duration::from_millis(20));
        let (engine, calls) = pausing(move |call| {
            if call == 0 {
                stall();
            }
        });
        assert_eq!(decide(&engine, &query()), VerdictOutcome::Allow);
        assert_eq!(calls.load(Ordering::Relaxed), 2);

        let (engine, calls) = pausing(move |_| stall());
        assert!(matches!(decide(&engine, &query()), VerdictOutcome::Failed { reason } if reason.contains("too busy")));
        assert_eq!(calls.load(Ordering::Relaxed), RegoPolicyEngine::ATTEMPTS);
    }

    #[test]
    fn an_evaluation_that_takes_too_long_is_not_repeated() {
        let (engine, calls) = pausing(|_| {
            let stopwatch = Stopwatch::start();
            while stopwatch.spent() < RegoPolicyEngine::TIME_LIMIT {
                std::hint::spin_loop();
            }
        });
        assert!(
            matches!(decide(&engine, &query()), VerdictOutcome::Failed { reason } if reason.contains("time limit"))
        );
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_thread_keeps_engines_for_few_bundles() {
        let engines: Vec<_> = (0..10).map(|_| RegoPolicyEngine::new(modules()).unwrap()).collect();
        let request = query();
        for engine in &engines {
            assert_eq!(decide(engine, &request), VerdictOutcome::Allow);
            assert!(WORKERS.with_borrow(Vec::len) <= MAX_WORKERS);
        }
        drop(engines);
        let last = RegoPolicyEngine::new(modules()).unwrap();
        decide(&last, &request);
        assert_eq!(WORKERS.with_borrow(Vec::len), 1, "engines of dropped bundles are kept");
    }
}
