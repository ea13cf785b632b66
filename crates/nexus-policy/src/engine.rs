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
    bundle::{Bundle, ENTRY_RULE},
    explain, foreign, input, lookup,
    memo::Memo,
    outcome,
    reads::Reads,
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
    reads: Option<Reads>,
    /// The engine that threads clone theirs from.
    template: Mutex<Engine>,
    /// The engine for looking into the bundle, without the entry.
    plain: Mutex<Engine>,
    /// The modules that decide.
    modules: Vec<PolicyModule>,
}

/// What one thread keeps for one bundle.
struct Worker {
    owner: Weak<Shared>,
    /// Boxed, because workers are taken out and put back all the time.
    engine: Box<Engine>,
    memo: Memo,
}

impl Worker {
    /// Evaluates the bundle over an input.
    fn ask(&mut self, input: regorus::Value) -> Result<VerdictOutcome, String> {
        self.engine.set_input(input);
        let decision = self.engine.eval_rule(ENTRY_RULE.to_owned());
        let decision = decision.map_err(|error| error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))?;
        Ok(outcome::read(&decision))
    }
}

thread_local! {
    /// The workers of this thread, the last used one at the end.
    static WORKERS: RefCell<Vec<Worker>> = const { RefCell::new(Vec::new()) };
}

/// Most bundles a thread keeps engines for; more than one only around a replacement, and in tests.
const MAX_WORKERS: usize = 4;

impl RegoPolicyEngine {
    /// Longest time one evaluation may take. It is that of the clock on the wall, so a machine that has too much to do
    /// must not make a policy of microseconds overrun it.
    pub const TIME_LIMIT: Duration = Duration::from_millis(200);

    /// Compiles a bundle.
    ///
    /// # Errors
    /// [`PolicyError`] with the module and the line.
    #[expect(clippy::needless_pass_by_value, reason = "the bundle is handed over; callers have no use for it")]
    pub fn new(modules: Vec<PolicyModule>) -> Result<Self, PolicyError> {
        Ok(Self::of(Bundle::load(&modules, Self::TIME_LIMIT)?))
    }

    fn of(bundle: Bundle) -> Self {
        let Bundle { engine, plain, digest, reads, modules } = bundle;
        let (template, plain) = (Mutex::new(engine), Mutex::new(plain));
        Self { shared: Arc::new(Shared { digest, reads, template, plain, modules }) }
    }

    /// The same engine without reuse of outcomes.
    #[cfg(test)]
    fn forgetful(modules: &[PolicyModule]) -> Self {
        let bundle = Bundle::load(modules, Self::TIME_LIMIT).unwrap();
        Self::of(Bundle { reads: None, ..bundle })
    }

    fn outcome(&self, input: &PolicyInput<'_>) -> VerdictOutcome {
        let mut worker = self.take_worker();
        // The engine is third-party code that runs what users wrote: a panic in it is a refusal, not a crash.
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate(&mut worker, input)));
        match evaluated {
            Ok(Ok(outcome)) => {
                keep(worker);
                outcome
            }
            // The worker is dropped: whatever stopped it may have left it half way.
            Ok(Err(reason)) => VerdictOutcome::Failed { reason },
            Err(_) => VerdictOutcome::Failed { reason: "the policy engine panicked".to_owned() },
        }
    }

    fn evaluate(&self, worker: &mut Worker, input: &PolicyInput<'_>) -> Result<VerdictOutcome, String> {
        let Some(reads) = &self.shared.reads else {
            return worker.ask(input::whole(input)?);
        };
        let picks = reads.pick(input).map_err(input::not_json)?;
        if let Some(outcome) = worker.memo.ask(&reads.parts, input, &picks) {
            return Ok(outcome);
        }
        let outcome = worker.ask(input::read_parts(input, reads, &picks)?)?;
        worker.memo.keep(&outcome);
        Ok(outcome)
    }

    /// This thread's worker, taken out so that nothing is borrowed while a policy runs.
    fn take_worker(&self) -> Worker {
        let known = WORKERS.with_borrow_mut(|workers| {
            let own = |worker: &Worker| std::ptr::eq(worker.owner.as_ptr(), Arc::as_ptr(&self.shared));
            workers.iter().rposition(own).map(|place| workers.remove(place))
        });
        known.unwrap_or_else(|| {
            let engine = self.shared.template.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Worker { owner: Arc::downgrade(&self.shared), engine: Box::new(engine), memo: Memo::default() }
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
        let mut engine = self.shared.template.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let modules = &self.shared.modules;
        let told = catch_unwind(AssertUnwindSafe(|| explain::explain(&mut engine, modules, input)));
        // What cannot be told is left out; the verdict stands.
        let (rules, coverage) = told.unwrap_or_default();
        PolicyExplanation { verdict, rules, coverage }
    }
}

#[cfg(test)]
mod tests {
    use nexus_core::{
        Actor, Json, Timestamp,
        ports::{PolicyEvent, PolicyKind, PolicyResource, PolicySchema, RequestContext},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Rules that look at the input in every way the analysis knows, each with an outcome that shows what it saw.
    const LOOKING: &str = r#"
        package nexus
        deny contains {"id": "total", "message": sprintf("%v", [input.payload.total])} if input.payload.total > 1
        deny contains {"id": "line", "message": "x"} if { some line in input.payload.lines; line.sku == "b" }
        deny contains {"id": "first", "message": "x"} if input.payload["lines"][0].sku == input.event.payload.sku
        deny contains {"id": "event", "message": "x"} if { input.event.payload.deep.er == true; input.event.type == "B" }
        deny contains {"id": "absent", "message": "x"} if { not input.payload.total; input.kind == "command" }
        deny contains {"id": "client", "message": "x"} if startswith(input.context.clientId, "a")
        deny contains {"id": "action", "message": "x"} if startswith(input.action, input.resource.id)
        deny contains {"id": "who", "message": input.actor.id} if count(input.actor.roles) == 2
        deny contains {"id": "claim", "message": "x"} if input.actor.claims.tenant == "blue"
        deny contains {"id": "schema", "message": "x"} if input.schema.version == 2
    "#;

    fn modules() -> Vec<PolicyModule> {
        let looking = PolicyModule { name: "looking.rego".to_owned(), source: LOOKING.to_owned() };
        crate::with_shipped([looking])
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
        assert!(remembering.shared.reads.is_some());
        let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(request in request(), other in request(), part in 0..8_usize, text in 0..6_usize)| {
            // Asked one after the other: what differs in one part only must not be taken for the same.
            let changed = request.with_one_of(&other, part, text);
            for asked in [&request, &changed, &request] {
                prop_assert_eq!(&decide(&remembering, asked), &decide(&forgetful, asked));
            }
        });
        let kept = WORKERS.with_borrow(|workers| workers.iter().map(|worker| worker.memo.len()).sum::<usize>());
        assert!(kept > 100, "only {kept} outcomes were remembered");
    }

    #[test]
    fn a_thread_keeps_engines_for_few_bundles() {
        let engines: Vec<_> = (0..10).map(|_| RegoPolicyEngine::new(modules()).unwrap()).collect();
        let request = Request {
            kind: PolicyKind::Query,
            texts: ["orders", "Order", "o-1", "ann", "A", "production"],
            roles: vec!["reader"],
            claims: None,
            payload: Some(json!({ "total": 1 })),
            event: None,
            schema: None,
            client: None,
        };
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
