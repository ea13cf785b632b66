//! The policy engine: judges requests with Rego bundles and says which rule refused, why, and what would help.
//!
//! **What belongs here:** loading bundles, evaluating them within limits, and turning what comes out into verdicts.
//! **What does not:** where bundles are stored and when they are replaced (the runtime), and what is asked of them
//! (admission and the command service in `nexus-core` and `nexus-runtime`).
//!
//! **A bundle** is a set of Rego v1 modules. Two rules are asked, in one evaluation: `data.nexus.deny`, a set of
//! `{id, message, remediation, severity}`, and `data.nexus.allow`. The [`shipped`] modules hold both; users
//! add modules in the same package. Whatever is undefined, wrong or too slow refuses. Modules whose package ends with
//! `_test` are tests: [`run_tests`] runs them, and they take no part in decisions.
//!
//! **Limits.** An evaluation may take [`RegoPolicyEngine::TIME_LIMIT`]. Built-ins that reach the network, that block,
//! or whose memory no time limit bounds are refused when the bundle is loaded. The memory of an evaluation is
//! otherwise bounded only through its time.
//!
//! Reading order: [`RegoPolicyEngine`] (in `engine`), `bundle` and `calls` (what loading checks), `input` (what a policy sees),
//! `outcome` (what its answer means), `sections` (what is asked apart), `reads`, `pick` and `memo` (when an answer is
//! reused); then `testing`, `explain`, `lookup` and `foreign` (looking into a bundle).

mod bounds;
mod bundle;
mod calls;
mod compiler;
#[cfg(test)]
mod conformance;
mod coverage;
mod document;
mod engine;
mod explain;
mod foreign;
mod input;
mod lookup;
mod memo;
mod nesting;
mod outcome;
mod pick;
mod reads;
mod sections;
mod shipped;
mod stopwatch;
mod testing;
mod visit;

pub use bundle::PolicyError;
pub use compiler::RegoPolicyCompiler;
pub use engine::RegoPolicyEngine;
pub use shipped::{shipped, shipped_tests, with_shipped};
pub use testing::run_tests;
