//! From an answer of the registry to a schema that checks documents.

use nexus_core::{
    Timestamp,
    ports::{
        ImportedAs, RegisterError, Registration, RegistrationPlan, RegistryChange, SchemaKind, SchemaLink, Subject,
        SubjectAccess, SubjectRegistry, SubjectRules,
    },
};
use serde_json::Value;

use crate::{
    RemoteError,
    remote::{Answer, Reference, Remote},
};

/// Ids of another registry have this bit, so that they never look like ids that were given here.
const ELSEWHERE: u32 = 1 << 31;
/// Before the names of what others refer to.
const REFERRED: &str = "referred to: ";
/// Deepest chain of references that is followed.
const MAX_DEPTH: usize = 8;
/// Most schemas that one may refer to.
const MAX_REFERENCES: usize = 64;

/// Fetches one version and everything it refers to, and makes `engine` know it as a version of `subject`.
pub(crate) async fn fetch(
    remote: &Remote,
    engine: &dyn SubjectRegistry,
    subject: &Subject,
    version: Option<u32>,
) -> Result<u32, RemoteError> {
    let name = remote.options().names.subject(subject.kind, &subject.name);
    let answer = remote.version(&name, version).await?;
    let mut missing = references(engine, &answer);
    // What is referred to is taken in first: from the innermost to the schema itself.
    let mut found: Vec<(Subject, Answer)> = Vec::new();
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for (name, version) in std::mem::take(&mut missing) {
            if found.len() >= MAX_REFERENCES {
                return Err(unusable(format!("`{name}` is one of more than {MAX_REFERENCES} schemas it refers to")));
            }
            let answer = remote.version(&name, Some(version)).await?;
            next.extend(references(engine, &answer));
            found.push((referred(&name), answer));
        }
        missing = next;
        if missing.is_empty() {
            break;
        }
    }
    if let Some((name, _)) = missing.first() {
        return Err(unusable(format!("references lead more than {MAX_DEPTH} schemas deep, to `{name}`")));
    }
    for (subject, answer) in found.into_iter().rev() {
        take_in(engine, subject, answer)?;
    }
    take_in(engine, subject.clone(), answer)
}

/// The subjects and versions that a schema refers to and that are not known yet.
fn references(engine: &dyn SubjectRegistry, answer: &Answer) -> Vec<(String, u32)> {
    let unknown =
        |name: &str, version| engine.subject(&referred(name)).is_none_or(|info| info.version(version).is_none());
    let all = answer.references.iter().filter(|reference| unknown(&reference.subject, reference.version));
    all.map(|reference| (reference.subject.clone(), reference.version)).collect()
}

/// Under which name something is kept that only others refer to. No type is called so.
fn referred(subject: &str) -> Subject {
    Subject::new(SchemaKind::Event, format!("{REFERRED}{subject}"))
}

/// Whether nothing but references lead to a name.
pub(crate) fn is_referred(name: &str) -> bool {
    name.starts_with(REFERRED)
}

/// Makes the engine know a version, under the version it has there.
fn take_in(engine: &dyn SubjectRegistry, subject: Subject, answer: Answer) -> Result<u32, RemoteError> {
    let Answer { id, version, schema: text, references, .. } = answer;
    let known = |engine: &dyn SubjectRegistry| engine.subject(&subject).and_then(|info| info.version(version).cloned());
    if known(engine).is_some() {
        return Ok(version);
    }
    let schema: Value =
        serde_json::from_str(&text).map_err(|error| unusable(format!("the schema of {subject}: {error}")))?;
    let link = |reference: Reference| SchemaLink {
        name: reference.name,
        subject: referred(&reference.subject),
        version: reference.version,
    };
    let wanted = Registration {
        links: references.into_iter().map(link).collect(),
        import: Some(ImportedAs { id: None, version: Some(version) }),
        rules: Some(SubjectRules { compatibility: None, access: Some(SubjectAccess::Import) }),
        ..Registration::new(subject.clone(), schema)
    };
    // No rule of what is imported ends at a moment.
    let now = Timestamp::from_micros(0).ok_or_else(|| unusable("there is no time".to_owned()))?;
    let mut schema = match engine.plan_registration(&wanted, now).map_err(|error| of_schema(&subject, &error))? {
        RegistrationPlan::New(new) => *new,
        // The registry counts the same text as two versions.
        RegistrationPlan::Known(known) => (*known).clone(),
    };
    (schema.reference.id, schema.reference.version) = (free_id(engine, id), version);
    engine.apply(RegistryChange::Registered(Box::new(schema))).map_err(|error| of_schema(&subject, &error))?;
    Ok(version)
}

/// The id a schema has there, marked as one from elsewhere; the next free one for a schema that two subjects share.
fn free_id(engine: &dyn SubjectRegistry, id: u32) -> u32 {
    let marked = id | ELSEWHERE;
    (marked..=u32::MAX).find(|id| engine.by_id(*id).is_none()).unwrap_or(marked)
}

fn of_schema(subject: &Subject, error: &RegisterError) -> RemoteError {
    unusable(format!("the schema of the {subject}: {error}"))
}

fn unusable(reason: String) -> RemoteError {
    RemoteError::Unusable { reason }
}
