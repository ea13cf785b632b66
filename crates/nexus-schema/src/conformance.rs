//! The JSON-Schema-Test-Suite through the options with which registered schemas are compiled.
//!
//! The suite tests the standard, so schemas are taken as they are written, not closed for writers. Its remote
//! documents are handed in beforehand; nothing is fetched. The score is kept in `docs/conformance.md`, which the test
//! compares with what it found. `NEXUS_WRITE_CONFORMANCE=1` writes the page instead.

#![allow(clippy::print_stderr, reason = "a test says what data it used, and the score")]

mod page;
mod suite;

use std::{collections::HashMap, sync::Arc};

use jsonschema::{Draft, Retrieve, Uri};
use nexus_core::{
    Json,
    ports::{SchemaKind, SchemaRegistry as _},
};
use serde_json::Value;

use self::suite::{Case, DRAFTS, Suite};
use crate::{JsonSchemaRegistry, compile, flat::Flat};

/// Cases that do not go as the suite says, by draft, file and description, with the reason in `page`.
struct Exception {
    file: &'static str,
    /// Beginning of the case's description.
    case: &'static str,
    reason: &'static str,
}

const FORMATS: &str = "`format` asserts in Nexus, in every draft: a registry that lets in what it says it refuses helps \
                       nobody. The suite takes `format` for an annotation from 2019-09 on.";
const DIALECTS: &str = "A schema that names a meta-schema of its own is refused when it is registered, so no vocabulary \
                        can be switched off.";

const EXCEPTIONS: [Exception; 2] = [
    Exception { file: "format.json", case: "", reason: FORMATS },
    Exception {
        file: "vocabulary.json",
        case: "schema that uses custom metaschema with with no validation",
        reason: DIALECTS,
    },
];

/// The documents that were handed in; nothing else is to be had.
struct HandedIn(Arc<HashMap<String, Value>>);

impl Retrieve for HandedIn {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.0.get(uri.as_str()).cloned();
        found.ok_or_else(|| format!("{uri} was asked for, but nothing is fetched").into())
    }
}

/// What came of one draft.
#[derive(Default)]
struct Score {
    cases: usize,
    passed: usize,
    excepted: Vec<(String, &'static str)>,
    failed: Vec<String>,
}

fn score(suite: &Suite, folder: &str, draft: Draft) -> Score {
    let remotes: Arc<HashMap<String, Value>> = Arc::new(suite.remotes().into_iter().collect());
    let mut score = Score::default();
    for Case { file, name, schema, tests } in suite.cases(folder) {
        let compiled = compile::options(draft).with_retriever(HandedIn(Arc::clone(&remotes))).build(&schema);
        for (description, document, valid) in tests {
            score.cases += 1;
            let text = Json::from_value(&document);
            let document = Flat::read(text.as_bytes()).unwrap();
            let found = compiled.as_ref().map(|validator| validator.is_valid(document.root()));
            if found.as_ref().is_ok_and(|found| *found == valid) {
                score.passed += 1;
                continue;
            }
            let place = format!("{folder}/{file}: {name}: {description}");
            let known = EXCEPTIONS.iter().find(|known| known.file == file && name.starts_with(known.case));
            match (known, found) {
                (Some(known), _) => score.excepted.push((place, known.reason)),
                (None, Ok(_)) => score.failed.push(place),
                (None, Err(error)) => score.failed.push(format!("{place}: {error}")),
            }
        }
    }
    score
}

#[test]
fn every_required_case_of_the_public_suite_goes_as_it_should() {
    let suite = Suite::find();
    let scores: Vec<_> = DRAFTS.iter().map(|(name, folder, draft)| (*name, score(&suite, folder, *draft))).collect();
    for (name, score) in &scores {
        assert!(
            score.failed.is_empty(),
            "{name}, {} of {}:\n{}",
            score.failed.len(),
            score.cases,
            score.failed.join("\n")
        );
        assert!(score.cases > 0, "{name} has no cases");
        eprintln!("{name}: {} of {} cases pass, {} excepted", score.passed, score.cases, score.excepted.len());
    }
    if suite.is_whole() {
        page::compare(&scores);
    }
}

#[test]
fn registering_the_schemas_of_the_suite_opens_no_connection_and_closing_lets_nothing_more_in() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let suite = Suite::find();
    let (mut registered, mut refused) = (0, 0);
    for (_, folder, _) in DRAFTS {
        for case in suite.cases(folder) {
            let text = case.schema.to_string().replace("localhost:1234", &here);
            let schema: Value = serde_json::from_str(&text).unwrap();
            let registry = JsonSchemaRegistry::new();
            if registry.register(SchemaKind::Event, "Sample", &schema).is_err() {
                refused += 1;
                continue;
            }
            registered += 1;
            // A schema without `$schema` is read as 2020-12, whatever the folder it lies in.
            if folder != "draft2020-12" && schema.get("$schema").is_none() {
                continue;
            }
            for (description, document, valid) in case.tests {
                let document = Json::from_value(&document);
                let accepted = registry.check(SchemaKind::Event, "Sample", None, &document).is_ok();
                let excepted = EXCEPTIONS.iter().any(|known| known.file == case.file);
                assert!(valid || !accepted || excepted, "{folder}/{}: {}: {description}", case.file, case.name);
            }
        }
    }
    assert!(listener.accept().is_err(), "something was fetched");
    assert!(registered > 0, "nothing could be registered");
    if suite.is_whole() {
        assert!(refused > 0, "the suite has schemas that lead elsewhere");
        eprintln!("{registered} schemas were registered, {refused} refused");
    }
}
