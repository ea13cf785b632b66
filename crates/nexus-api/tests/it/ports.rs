//! Ports with switches: what refuses or fails is chosen by the test.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use nexus_core::{
    Admitted, Appended, Digest, EventId, Json, Position, RecordedEvent,
    ports::{
        AppendError, BoxFuture, Denial, EventStore, LogPage, LogRead, PolicyEngine, PolicyInput, ReadError,
        RegisterError, SchemaDocument, SchemaKind, SchemaRef, SchemaRefusal, SchemaRegistry, Severity, StreamList,
        StreamListPage, StreamPage, StreamRead, Verdict, VerdictOutcome, Violation,
    },
};
use nexus_testkit::fakes::MemoryEventStore;
use serde_json::Value;

/// A memory store that fails when told to.
#[derive(Clone)]
pub(crate) struct SwitchStore {
    pub(crate) inner: MemoryEventStore,
    pub(crate) append_error: Arc<Mutex<Option<AppendError>>>,
    pub(crate) read_error: Arc<Mutex<Option<ReadError>>>,
}

impl SwitchStore {
    pub(crate) fn new(inner: MemoryEventStore) -> Self {
        Self { inner, append_error: Arc::default(), read_error: Arc::default() }
    }

    fn failing<T: Send + 'static>(&self) -> Option<BoxFuture<'_, Result<T, ReadError>>> {
        let error = self.read_error.lock().unwrap().clone()?;
        Some(Box::pin(async move { Err(error) }))
    }
}

impl EventStore for SwitchStore {
    fn append(&self, batch: Admitted) -> BoxFuture<'_, Result<Appended, AppendError>> {
        match self.append_error.lock().unwrap().clone() {
            Some(error) => Box::pin(async move { Err(error) }),
            None => self.inner.append(batch),
        }
    }

    fn read_stream(&self, read: StreamRead) -> BoxFuture<'_, Result<StreamPage, ReadError>> {
        self.failing().unwrap_or_else(|| self.inner.read_stream(read))
    }

    fn read_log(&self, read: LogRead) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        self.failing().unwrap_or_else(|| self.inner.read_log(read))
    }

    fn event(&self, id: EventId) -> BoxFuture<'_, Result<Option<RecordedEvent>, ReadError>> {
        self.failing().unwrap_or_else(|| self.inner.event(id))
    }

    fn streams(&self, list: StreamList) -> BoxFuture<'_, Result<StreamListPage, ReadError>> {
        self.failing().unwrap_or_else(|| self.inner.streams(list))
    }

    fn head(&self) -> Position {
        self.inner.head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.inner.wait_past(seen)
    }
}

/// A policy that answers as the header `X-Client-Id` of the request says: `deny`, `undefined`, `failed`, `deny-append`
/// for events only, or one of `outsider` and `outsider-failed`, who may not read the platform's own streams.
#[derive(Debug)]
pub(crate) struct SwitchPolicy;

impl SwitchPolicy {
    pub(crate) const DIGEST: Digest = Digest::from_bytes([0xab; 32]);
}

impl PolicyEngine for SwitchPolicy {
    fn decide(&self, input: &PolicyInput<'_>) -> Verdict {
        let denial = || Denial {
            id: "accounts.frozen".to_owned(),
            message: "the account is frozen".to_owned(),
            remediation: "ask the bank to thaw it".to_owned(),
            severity: Severity::Error,
        };
        let outcome = match input.request.client_id.as_deref() {
            Some("deny") => VerdictOutcome::Deny(vec![denial()]),
            Some("deny-append") if input.event.is_some() => VerdictOutcome::Deny(vec![denial()]),
            Some("outsider") if input.resource.id.starts_with('$') => VerdictOutcome::Deny(vec![denial()]),
            Some("outsider-failed") if input.resource.id.starts_with('$') => {
                VerdictOutcome::Failed { reason: "too slow".to_owned() }
            }
            Some("undefined") => VerdictOutcome::Undefined,
            Some("failed") => VerdictOutcome::Failed { reason: "limit reached in /etc/policy.rego".to_owned() },
            _ => VerdictOutcome::Allow,
        };
        Verdict { outcome, policy_digest: Self::DIGEST, elapsed: Duration::from_micros(7) }
    }

    fn digest(&self) -> Digest {
        Self::DIGEST
    }
}

/// A registry that knows `required`, undeclared members and the types of members, which is enough to refuse.
#[derive(Debug, Default)]
pub(crate) struct SmallRegistry {
    known: Mutex<BTreeMap<(SchemaKind, String), SchemaDocument>>,
}

impl SmallRegistry {
    fn document(&self, kind: SchemaKind, name: &str) -> Option<SchemaDocument> {
        self.known.lock().unwrap().get(&(kind, name.to_owned())).cloned()
    }
}

impl SchemaRegistry for SmallRegistry {
    fn check(
        &self,
        kind: SchemaKind,
        name: &str,
        version: Option<u32>,
        document: &Json,
    ) -> Result<SchemaRef, SchemaRefusal> {
        let Some(SchemaDocument { reference, schema }) = self.document(kind, name) else {
            let known = self.known.lock().unwrap();
            let near = |key: &&(SchemaKind, String)| key.0 == kind && key.1.chars().next() == name.chars().next();
            let nearest = known.keys().filter(near).map(|key| key.1.clone()).collect();
            return Err(SchemaRefusal::UnknownType { kind, name: name.to_owned(), nearest });
        };
        if let Some(version) = version.filter(|version| *version != reference.version) {
            return Err(SchemaRefusal::UnknownVersion { name: name.to_owned(), version, newest: reference.version });
        }
        match violations(&schema, &document.to_value().unwrap()) {
            found if found.is_empty() => Ok(reference),
            violations => Err(SchemaRefusal::Invalid { schema: reference, violations }),
        }
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        let mut known = self.known.lock().unwrap();
        let id = u32::try_from(known.len() + 1).unwrap();
        let reference = SchemaRef { id, kind, name: name.to_owned(), version: 1, digest: Digest::from_bytes([3; 32]) };
        let document = SchemaDocument { reference, schema: schema.clone() };
        let entry = known.entry((kind, name.to_owned())).or_insert_with(|| document.clone());
        entry.schema = document.schema;
        Ok(entry.reference.clone())
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        self.document(kind, name).filter(|_| version.is_none_or(|version| version == 1))
    }

    fn list(&self) -> Vec<SchemaDocument> {
        self.known.lock().unwrap().values().cloned().collect()
    }
}

fn violations(schema: &Value, document: &Value) -> Vec<Violation> {
    let violation = |pointer: String, keyword: &str, message: &str| Violation {
        pointer,
        keyword: keyword.to_owned(),
        message: message.to_owned(),
    };
    let Some(members) = document.as_object() else {
        return vec![violation(String::new(), "type", "must be an object")];
    };
    let mut found = Vec::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            found.push(violation(format!("/{name}"), "required", "is missing"));
        }
    }
    for (name, value) in members {
        let declared = &schema["properties"][name];
        let expected = declared["type"].as_str().unwrap_or_default();
        let fits = match expected {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            _ => true,
        };
        if declared.is_null() {
            found.push(violation(format!("/{name}"), "additionalProperties", "is not declared"));
        } else if !fits {
            found.push(violation(format!("/{name}"), "type", &format!("must be of type {expected}")));
        }
    }
    found
}
