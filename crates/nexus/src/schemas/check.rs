use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use nexus_core::{
    EventType,
    ports::{CompatibilityBreach, CompatibilityDirection::Forward, CompatibilityMode, SchemaKind, SchemaRegistry as _},
    upcast::{Chain, DeclaredUpcaster, Upcasters},
};
use nexus_runtime::{Sample, prove_samples, samples_of};
use nexus_schema::{JsonSchemaRegistry, compat};
use serde_json::Value;

use super::{
    declared::Declared,
    files::{SchemaFile, SchemaFiles, Subject, SubjectFiles, digest_of},
    lock::Lock,
};

/// What a check of a directory of schemas found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// How many versions there are.
    pub(crate) versions: usize,
    /// What stands against them.
    pub(crate) findings: Vec<Finding>,
}

/// One thing that stands against a schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// Stable name of the rule.
    pub(crate) rule: String,
    pub(crate) subject: Subject,
    pub(crate) version: u32,
    pub(crate) file: Option<PathBuf>,
    /// JSON Pointer into the file.
    pub(crate) pointer: String,
    pub(crate) message: String,
    pub(crate) reason: Option<String>,
    pub(crate) fix: String,
    pub(crate) example: Option<Value>,
    /// Whether stored or sent documents may not fit.
    pub(crate) incompatible: bool,
}

type Versions = BTreeMap<u32, SchemaFile>;

/// Compares files with the lock, new versions with those before, and the newest with what the code declares.
pub(crate) fn check(files: &SchemaFiles, lock: &Lock, declared: &Declared) -> Checked {
    let mut checked = Checked::default();
    for (subject, of_subject) in &files.subjects {
        checked.versions += of_subject.versions.len();
        check_lock(subject, &of_subject.versions, lock, &mut checked.findings);
        check_versions(subject, of_subject, declared, &mut checked.findings);
    }
    check_gone(files, lock, &mut checked.findings);
    check_code(files, declared, &mut checked.findings);
    checked
}

fn finding(rule: &str, subject: &Subject, version: u32, message: String, fix: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        subject: subject.clone(),
        version,
        file: None,
        pointer: String::new(),
        message,
        reason: None,
        fix: fix.to_owned(),
        example: None,
        incompatible: false,
    }
}

fn check_lock(subject: &Subject, versions: &Versions, lock: &Lock, findings: &mut Vec<Finding>) {
    for (version, file) in versions {
        let locked = lock.versions.get(&(subject.clone(), *version));
        if locked.is_some_and(|digest| *digest != file.digest) {
            let message = format!("version {version} of the {subject} was changed after it was published");
            let fix = "put the file back as it was, and write the change as the next version";
            let changed = finding("locked", subject, *version, message, fix);
            findings.push(Finding { file: Some(file.path.clone()), ..changed });
        }
    }
}

fn check_gone(files: &SchemaFiles, lock: &Lock, findings: &mut Vec<Finding>) {
    for (subject, version) in lock.versions.keys() {
        if files.subjects.get(subject).is_none_or(|files| !files.versions.contains_key(version)) {
            let message = format!("version {version} of the {subject} was published, and its file is gone");
            findings.push(finding(
                "locked",
                subject,
                *version,
                message,
                "put the file back; events of it may be stored",
            ));
        }
    }
}

fn check_code(files: &SchemaFiles, declared: &Declared, findings: &mut Vec<Finding>) {
    let fix = "run `schema generate`, and check again";
    for code in &declared.schemas {
        let subject = &code.subject;
        let digest = digest_of(&subject.name, &code.schema).ok();
        match files.newest(subject) {
            None => {
                let message = format!("the code declares the {subject}, which has no file");
                findings.push(finding("code-differs", subject, code.version.unwrap_or(1), message, fix));
            }
            Some((version, file)) if digest != Some(file.digest) => {
                let message = format!("the code declares the {subject} otherwise than its newest file");
                let differs = finding("code-differs", subject, version, message, fix);
                findings.push(Finding { file: Some(file.path.clone()), ..differs });
            }
            Some((version, file)) => {
                if let Some(number) = code.version.filter(|number| *number != version) {
                    let message = format!("the code says that the {subject} is version {number}, its file {version}");
                    let differs = finding("code-differs", subject, version, message, "give both the same number");
                    findings.push(Finding { file: Some(file.path.clone()), ..differs });
                }
            }
        }
    }
}

/// Judges every version against those before it, as a server would under the mode of the subject. What upcasters bring
/// along is not asked of the schema again.
fn check_versions(subject: &Subject, files: &SubjectFiles, declared: &Declared, findings: &mut Vec<Finding>) {
    let (versions, mode) = (&files.versions, files.mode.unwrap_or(CompatibilityMode::of(subject.kind)));
    let mut upcasters = upcasters_of(subject, versions, declared);
    let leads = upcasters.iter().map(|upcaster| upcaster.from).collect::<Vec<_>>();
    for ((older, before), (newer, file)) in versions.iter().zip(versions.iter().skip(1)) {
        let earlier: Vec<(u32, &Value)> =
            versions.range(..newer).map(|(version, file)| (*version, &file.schema)).collect();
        let led = |from: u32| leads.iter().any(|lead| (from..*newer).contains(lead));
        let counts = |breach: &CompatibilityBreach| breach.direction == Forward || !led(breach.version);
        let breaches = compat::judge(&file.schema, &earlier, mode).breaches.into_iter().filter(counts);
        findings.extend(breaches.map(|breach| broken(subject, (*newer, file), breach)));
        let fits = || compat::judge(&file.schema, &[(*older, &before.schema)], CompatibilityMode::Backward).compatible;
        if !leads.contains(older) && fits() {
            upcasters.push(DeclaredUpcaster {
                to: *newer,
                ..DeclaredUpcaster::new(&subject.name, *older, nexus_core::upcast::Steps::new())
            });
        }
    }
    if subject.kind == SchemaKind::Event {
        prove(subject, versions, upcasters, findings);
    }
}

fn broken(subject: &Subject, (version, file): (u32, &SchemaFile), breach: CompatibilityBreach) -> Finding {
    let older = breach.version;
    Finding {
        rule: breach.rule,
        subject: subject.clone(),
        version,
        file: Some(file.path.clone()),
        pointer: breach.pointer,
        message: breach.message,
        reason: Some(match (breach.direction, subject.kind) {
            (Forward, _) => format!("who knows version {older} would not be able to read what follows this one"),
            (_, SchemaKind::Event) => format!("events of version {older} may be stored, and would not be readable"),
            (_, SchemaKind::Command) => format!("clients that send version {older} would be refused"),
        }),
        fix: breach.fix,
        example: breach.counter_example,
        incompatible: true,
    }
}

/// The upcasters of the code, and those in files where the code has none.
fn upcasters_of(subject: &Subject, versions: &Versions, declared: &Declared) -> Vec<DeclaredUpcaster> {
    if subject.kind != SchemaKind::Event {
        return Vec::new();
    }
    let in_code = declared.upcasters.iter().filter(|upcaster| upcaster.event_type == subject.name);
    let mut all: Vec<_> = in_code.cloned().collect();
    for (version, file) in versions {
        if let Some(steps) = file.upcaster.clone().filter(|_| all.iter().all(|known| known.from != *version)) {
            all.push(DeclaredUpcaster::new(&subject.name, *version, steps));
        }
    }
    all
}

/// Tries the upcasters on samples of every version.
fn prove(subject: &Subject, versions: &Versions, upcasters: Vec<DeclaredUpcaster>, findings: &mut Vec<Finding>) {
    let Some((newest, file)) = versions.last_key_value() else { return };
    let registry = Arc::new(JsonSchemaRegistry::new());
    for (version, file) in versions {
        // A file of an unusable schema was refused when it was read.
        _ = registry.register_at(SchemaKind::Event, &subject.name, *version, &file.schema);
    }
    let broken = |version: u32, message: String, example: Option<Value>| {
        let fix = "mend the upcaster: it has to hold for every payload that the earlier schema allows";
        let broken = finding("upcaster", subject, version, message, fix);
        Finding { file: Some(file.path.clone()), example, incompatible: true, ..broken }
    };
    let chain = upcasters.into_iter().try_fold(Chain::to(&subject.name, *newest), Chain::upcaster);
    let chain = match chain {
        Ok(chain) => chain,
        Err(error) => return findings.push(broken(*newest, error.to_string(), None)),
    };
    let checker: Arc<dyn nexus_core::ports::SchemaRegistry> = registry.clone();
    let whole = |sample: &Sample| chain.reaches_from(sample.version).is_ok();
    let samples = versions.iter().flat_map(|(version, file)| samples_of(*version, &file.schema)).filter(|sample| {
        let payload = nexus_core::Json::from_value(&sample.payload);
        registry.check(SchemaKind::Event, &subject.name, Some(sample.version), &payload).is_ok()
    });
    let samples: Vec<Sample> = samples.filter(whole).collect();
    let upcasters = Upcasters::new([chain.clone()], Upcasters::checked_by(checker));
    let Ok(event_type) = EventType::new(subject.name.clone()) else { return };
    if let Some(failed) = prove_samples(&upcasters, &event_type, samples).failed_sample {
        findings.push(broken(failed.sample.version, failed.fault.to_string(), Some(failed.sample.payload)));
    }
}
