//! The search for documents that one version lets in and the other refuses.

use serde_json::Value;

use super::{
    sample::Sampler,
    version::{Version, Writer},
};

/// Most witnesses kept: enough to show every way in which two ordinary versions do not fit.
const MAX_WITNESSES: usize = 64;

/// Documents drawn from `base` that `writer` lets in and `reader` refuses, each checked against both. `effort` bounds
/// the values that are built.
pub(super) fn search(writer: &Writer, reader: &Version, base: &Value, effort: usize) -> Vec<Value> {
    let drawn = Sampler::new(base, &reader.open, reader.draft, effort).documents();
    let breaks = |document: &Value| reader.refuses(document) && writer.lets_in(document);
    drawn.into_iter().filter(breaks).take(MAX_WITNESSES).collect()
}
