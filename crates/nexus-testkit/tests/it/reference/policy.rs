use std::{
    marker::PhantomData,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_core::{
    Digest,
    ports::{Denial, PolicyEngine, PolicyInput, Severity, Verdict, VerdictOutcome},
};
use nexus_testkit::contract::PolicyEngineFixture;
use regorus::{Engine, Value, utils::limits::ExecutionTimerConfig};
use serde_json::{Value as Json, json};

/// One thing that is wrong; nothing, unless overridden.
pub(crate) trait PolicyFlaw: Send + Sync + 'static {
    fn outcome(right: VerdictOutcome) -> VerdictOutcome {
        right
    }
}

pub(crate) struct ReferencePolicy<W> {
    engine: Mutex<Engine>,
    digest: Digest,
    flaw: PhantomData<W>,
}

impl<W: PolicyFlaw> PolicyEngineFixture for ReferencePolicy<W> {
    fn engine(modules: &[(&str, &str)]) -> Result<Arc<dyn PolicyEngine>, String> {
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_millis(500),
            check_interval: NonZeroU32::new(10).unwrap(),
        });
        let mut digest = [0; 32];
        for (name, source) in modules {
            let added = engine.add_policy((*name).to_owned(), (*source).to_owned());
            added.map_err(|error| format!("{name}: {error}"))?;
            // Order-independent, and different for different texts: enough for a reference.
            for (place, byte) in name.bytes().chain(source.bytes()).enumerate() {
                let slot = &mut digest[place % 32];
                *slot = u8::wrapping_add(*slot, byte.wrapping_mul(31).rotate_left(u32::try_from(place % 7).unwrap()));
            }
        }
        Ok(Arc::new(Self { engine: Mutex::new(engine), digest: Digest::from_bytes(digest), flaw: PhantomData }))
    }
}

impl<W: PolicyFlaw> PolicyEngine for ReferencePolicy<W> {
    fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
        let mut engine = self.engine.lock().unwrap().clone();
        engine.set_input(Value::from(render(input)));
        let outcome = evaluate(&mut engine).unwrap_or_else(|reason| VerdictOutcome::Failed { reason });
        Verdict { outcome: W::outcome(outcome), policy_digest: self.digest, elapsed: Duration::ZERO }
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

fn render(input: &PolicyInput<'_>) -> Json {
    let mut rendered = json!({
        "kind": input.kind.as_str(),
        "action": input.action,
        "resource": { "type": input.resource.resource_type, "id": input.resource.id },
        "actor": { "id": &*input.actor.id, "roles": input.actor.roles.iter().map(|r| &**r).collect::<Vec<_>>() },
        "context": {
            "service": &*input.request.service,
            "clientId": input.request.client_id.as_deref(),
            "environment": &*input.request.environment,
            "time": input.request.time,
        },
    });
    let members = rendered.as_object_mut().unwrap();
    if let Some(payload) = input.payload {
        members.insert("payload".to_owned(), payload.to_value().unwrap());
    }
    if let Some(event) = input.event {
        let event = json!({ "type": event.event_type, "payload": event.payload.to_value().unwrap() });
        members.insert("event".to_owned(), event);
    }
    if let Some(schema) = input.schema {
        let schema = json!({ "id": schema.id, "version": schema.version, "registered": schema.registered });
        members.insert("schema".to_owned(), schema);
    }
    rendered
}

fn evaluate(engine: &mut Engine) -> Result<VerdictOutcome, String> {
    let denials = match value(engine, "data.nexus.deny")? {
        Some(Value::Set(set)) => set.iter().map(denial).collect(),
        Some(other) => return Err(format!("`deny` is not a set but {other}")),
        None => Vec::new(),
    };
    if denials.iter().any(|denial| denial.severity == Severity::Error) {
        return Ok(VerdictOutcome::Deny(denials));
    }
    let allowed = value(engine, "data.nexus.allow")? == Some(Value::from(true));
    Ok(if allowed { VerdictOutcome::Allow } else { VerdictOutcome::Undefined })
}

fn value(engine: &mut Engine, path: &str) -> Result<Option<Value>, String> {
    let results = engine.eval_query(path.to_owned(), false).map_err(|error| error.to_string())?;
    let expression = results.result.first().and_then(|result| result.expressions.first());
    Ok(expression.map(|expression| expression.value.clone()).filter(|value| *value != Value::Undefined))
}

fn denial(value: &Value) -> Denial {
    let text = |member: &str| match &value[member] {
        Value::String(text) => text.to_string(),
        _ => "unknown".to_owned(),
    };
    Denial {
        id: text("id"),
        message: text("message"),
        remediation: text("remediation"),
        severity: if text("severity") == "warning" { Severity::Warning } else { Severity::Error },
    }
}

struct Right;
impl PolicyFlaw for Right {}

nexus_testkit::policy_engine_contract!(ReferencePolicy<Right>);
