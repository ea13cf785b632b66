//! Pairs of random schemas: what is called compatible must hold for every document that can be drawn, and what is
//! refused must come with a document that really breaks.

use std::time::{Duration, Instant};

use jsonschema::{Draft, PatternOptions, Validator};
use nexus_core::{
    Json,
    ports::{SchemaKind, SchemaRegistry},
};
use nexus_schema::{
    JsonSchemaRegistry,
    compat::{CompatibilityMode, CompatibilityReport, judge},
};
use serde_json::Value;

use super::{
    documents::{bent, document},
    random::Random,
    schemas::{Dialect, Schemas},
};

/// What came of many pairs.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) pairs: usize,
    pub(super) fit: usize,
    pub(super) broken: usize,
    pub(super) undecided: usize,
    /// Documents that the old version let in and the new one was asked about.
    pub(super) documents: usize,
    pub(super) times: Vec<Duration>,
    /// What must not happen.
    pub(super) wrong: Vec<String>,
    /// Pairs nobody could decide, a few.
    pub(super) open: Vec<String>,
}

impl Tally {
    /// The time within which `permille` of a thousand verdicts were given.
    pub(super) fn time(&mut self, permille: usize) -> Duration {
        self.times.sort_unstable();
        self.times.get(self.times.len() * permille / 1000).copied().unwrap_or_default()
    }

    /// How many of a hundred refusals come with a document.
    pub(super) fn shown(&self) -> f64 {
        100.0 * self.broken as f64 / (self.broken + self.undecided).max(1) as f64
    }
}

/// Judges `count` pairs; the same seed gives the same pairs.
pub(super) fn run(seed: u64, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut random = Random::new(seed);
    while tally.pairs < count {
        let dialect = if random.chance(20) { Dialect::Draft7 } else { Dialect::Draft202012 };
        let mut schemas = Schemas { random: &mut random, dialect };
        let old = schemas.document();
        let new = if schemas.random.chance(75) { schemas.changed(&old) } else { schemas.document() };
        let registry = JsonSchemaRegistry::new();
        let usable = registry.register(SchemaKind::Event, "Old", &old).is_ok()
            && registry.register(SchemaKind::Event, "New", &new).is_ok();
        if usable {
            pair(&old, &new, &registry, &mut random, &mut tally);
        }
    }
    tally
}

fn pair(old: &Value, new: &Value, registry: &JsonSchemaRegistry, random: &mut Random, tally: &mut Tally) {
    let start = Instant::now();
    let report = judge(new, &[(1, old)], CompatibilityMode::Backward);
    tally.times.push(start.elapsed());
    tally.pairs += 1;
    let reads = reader(new);
    let let_in = |document: &Value| registry.check(SchemaKind::Event, "Old", None, &Json::from_value(document)).is_ok();
    if report.compatible {
        tally.fit += 1;
        for document in drawn(old, new, random) {
            if let_in(&document) {
                tally.documents += 1;
                if !reads.is_valid(&document) {
                    tally.wrong.push(format!("called compatible, but {document} breaks:\n  old {old}\n  new {new}"));
                    break;
                }
            }
        }
    } else {
        let breaks = |document: &Value| let_in(document) && !reads.is_valid(document);
        refused(&format!("\n  old {old}\n  new {new}"), &report, &breaks, tally);
    }
}

fn refused(schemas: &str, report: &CompatibilityReport, breaks: &dyn Fn(&Value) -> bool, tally: &mut Tally) {
    let shown: Vec<&Value> = report.breaches.iter().filter_map(|breach| breach.counter_example.as_ref()).collect();
    if shown.is_empty() {
        tally.undecided += 1;
        if tally.open.len() < 12 {
            tally.open.push(format!("{}:{schemas}", report.breaches[0].message));
        }
        return;
    }
    tally.broken += 1;
    for example in shown {
        if !breaks(example) {
            tally.wrong.push(format!("{example} is no counter-example:{schemas}"));
        }
    }
}

/// The new version as a reader takes it: as it is written, with the options of the registry.
fn reader(schema: &Value) -> Validator {
    let draft = schema.get("$schema").map_or(Draft::Draft202012, |_| Draft::Draft7);
    jsonschema::options()
        .with_draft(draft)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .unwrap()
}

fn drawn(old: &Value, new: &Value, random: &mut Random) -> Vec<Value> {
    let mut documents: Vec<Value> = (0..12).map(|_| document(old, old, random, 5)).collect();
    documents.extend((0..4).map(|_| document(new, new, random, 5)));
    let bent: Vec<Value> = documents.iter().map(|document| bent(document, random)).collect();
    documents.extend(bent);
    documents
}
