//! Proofs by structure: every keyword of the reader has to follow from what the writer says.
//!
//! The rules are one-sided. What they prove is so; what they cannot prove may still be so. Proofs may go in circles
//! through recursive schemas: a circle always leads further into the document, which ends somewhere, and so an
//! assumption made on the way is as good as proved once nothing contradicts it.

mod arrays;
mod disjoint;
mod facts;
mod objects;
mod rules;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use self::facts::Facts;
use super::{
    normal::target,
    version::{Version, Writer},
};
use crate::{compile::Check, graph::join};

/// Most steps one proof may take.
const MAX_STEPS: usize = 60_000;
/// Deepest nesting of steps; bounds the stack.
const MAX_DEPTH: usize = 80;

/// Where a proof stopped.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) pointer: String,
    pub(super) reason: String,
}

/// Whether something was proved, or where it stopped.
type Proof = Result<(), Open>;

/// Proves that `reader` accepts whatever `writer`, whose schema is written as `open`, lets in. Both are of one draft.
///
/// # Errors
/// The first place where no rule applies.
pub(super) fn accepts_all(writer: &Writer, open: &Value, reader: &Version) -> Result<(), Open> {
    // Each of the two holds at least what the writer lets in.
    let closed = Prover::new(&writer.closed, reader).prove();
    closed.or_else(|stopped| Prover::new(open, reader).prove().map_err(|_| stopped))
}

/// A place in the reader.
#[derive(Clone)]
struct Reads<'a> {
    schema: &'a Value,
    pointer: String,
}

/// Which question was asked: the writer's schemas and the reader's, by where they are in memory.
type Question = (Vec<usize>, usize);

struct Prover<'a> {
    writer: &'a Value,
    reader: &'a Value,
    draft: Draft,
    steps: usize,
    depth: usize,
    /// What is proved or assumed, in order.
    held: Vec<Question>,
    known: HashSet<Question>,
    patterns: RefCell<HashMap<String, Option<Check>>>,
}

impl<'a> Prover<'a> {
    fn new(writer: &'a Value, reader: &'a Version) -> Self {
        Self {
            writer,
            reader: &reader.open,
            draft: reader.draft,
            steps: 0,
            depth: 0,
            held: Vec::new(),
            known: HashSet::new(),
            patterns: RefCell::new(HashMap::new()),
        }
    }

    fn prove(mut self) -> Proof {
        let reads = Reads { schema: self.reader, pointer: String::new() };
        self.covers(&[self.writer], &reads)
    }

    /// Whether `reads` accepts whatever all of `writes` accept.
    fn covers(&mut self, writes: &[&'a Value], reads: &Reads<'a>) -> Proof {
        if reads.schema == &Value::Bool(true) || reads.schema.as_object().is_some_and(Map::is_empty) {
            return Ok(());
        }
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth > MAX_DEPTH {
            return open(&reads.pointer, "the proof takes too many steps");
        }
        let mut places: Vec<usize> = writes.iter().map(|one| std::ptr::from_ref::<Value>(one).addr()).collect();
        places.sort_unstable();
        places.dedup();
        let question = (places, std::ptr::from_ref(reads.schema).addr());
        if self.known.contains(&question) {
            return Ok(());
        }
        let before = self.held.len();
        self.known.insert(question.clone());
        self.held.push(question);
        self.depth += 1;
        let proof = self.covers_new(writes, reads);
        self.depth -= 1;
        if proof.is_err() {
            // What was proved on the way may rest on the assumption that just fell.
            for fallen in self.held.drain(before..) {
                self.known.remove(&fallen);
            }
        }
        proof
    }

    fn covers_new(&mut self, writes: &[&'a Value], reads: &Reads<'a>) -> Proof {
        let facts = Facts::of(self.writer, writes, self.draft);
        if facts.are_empty(self) {
            return Ok(());
        }
        let Value::Object(keywords) = reads.schema else {
            return open(&reads.pointer, "nothing is accepted here");
        };
        let whole = keywords.iter().try_for_each(|(keyword, value)| {
            let at = Reads { schema: value, pointer: join(&reads.pointer, keyword) };
            self.follows(&facts, keyword, keywords, &at)
        });
        match whole {
            Ok(()) => Ok(()),
            Err(reason) => self.by_cases(&facts, reads).unwrap_or(Err(reason)),
        }
    }

    /// The proof for each alternative of the writer; `None` when there are none.
    fn by_cases(&mut self, facts: &Facts<'a>, reads: &Reads<'a>) -> Option<Proof> {
        let (rest, cases) = facts.cases()?;
        Some(cases.into_iter().try_for_each(|case| {
            let mut writes = rest.clone();
            writes.extend(case);
            self.covers_case(&writes, reads)
        }))
    }

    /// Cases share nothing with the question they came from, so they are not questions of their own.
    fn covers_case(&mut self, writes: &[&'a Value], reads: &Reads<'a>) -> Proof {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth > MAX_DEPTH {
            return open(&reads.pointer, "the proof takes too many steps");
        }
        self.depth += 1;
        let proof = self.covers_new(writes, reads);
        self.depth -= 1;
        proof
    }

    /// The place a reference of the reader leads to.
    fn read_target(&self, reference: &str) -> Option<Reads<'a>> {
        target(self.reader, reference).map(|(pointer, schema)| Reads { schema, pointer })
    }

    /// Whether `pattern` matches `text`; `None` when it does not compile.
    fn matches(&self, pattern: &str, text: &str) -> Option<bool> {
        let mut patterns = self.patterns.borrow_mut();
        let compiled = patterns
            .entry(pattern.to_owned())
            .or_insert_with(|| Check::new(&json!({ "pattern": pattern }), self.draft).ok());
        compiled.as_ref().map(|check| check.accepts(&Value::from(text)))
    }
}

fn open<T>(pointer: &str, reason: &str) -> Result<T, Open> {
    Err(Open { pointer: pointer.to_owned(), reason: reason.to_owned() })
}
