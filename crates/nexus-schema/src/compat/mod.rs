//! Whether a new version of a schema fits the versions before it, and what changed.
//!
//! **The question.** A log never forgets, so what counts is which documents can be in it: those the old version let
//! in, closed for writers as the append path closes it. A new version is *backward* compatible when it, read as it is
//! written, accepts every one of them; *forward* compatible is the same question with the two exchanged.
//!
//! **The answer is sound.** "Compatible" is only said when it is proved. "Not compatible" comes with a document that
//! the one version really accepted and the other really refused, as far as one is found. What can neither be proved
//! nor refuted within a bounded amount of work is refused as undecided, with the place.
//!
//! Reading order: `judge` (how the answer is reached; what is answered has the words of the port), `version` (one version,
//! ready to be compared), `witness` and `sample` (documents that break), `prove` and `algebra` (proofs that none does),
//! `diff` (what changed).

mod algebra;
mod breach;
mod diff;
mod judge;
mod normal;
mod prove;
mod sample;
mod version;
mod witness;

pub use diff::diff;
pub use judge::judge;
pub(crate) use judge::{Earlier, UNUSABLE, judge_prepared};
pub use nexus_core::ports::{
    CompatibilityBreach, CompatibilityDirection, CompatibilityMode, CompatibilityReport, SchemaBump, SchemaChange,
    SchemaChangeKind,
};
pub(crate) use version::Version;
