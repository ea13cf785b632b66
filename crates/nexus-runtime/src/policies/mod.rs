//! Who may do what, asked at the doors; which bundles decide it, and what was decided.
//!
//! Reading order: [`PolicyService`] answers; `bundles` brings bundles into force, `guard_rails` says which never may;
//! `decisions` writes down denials and privileged reads; `ledger` what decided where a policy server is asked too; `stored` is how all of it is written in `$policies` and
//! `$decisions`.

mod bundles;
mod decisions;
mod failure;
mod guard_rails;
mod ledger;
mod records;
mod service;
mod stored;
mod switch;

pub use bundles::{ActivePolicy, PolicyBundle};
pub(crate) use bundles::{Bundles, BundlesAtStart, record_fixed};
pub(crate) use decisions::DecisionLog;
pub use decisions::Unrecorded;
pub use failure::PolicyFailure;
pub(crate) use ledger::Ledger;
pub(crate) use records::{Place, RecordError, Records};
pub use service::{Decision, PolicyService};
pub(crate) use stored::own_schemas;
pub use stored::{DECISION_RECORDED, DecisionRecorded, POLICIES, PolicyActivated};
pub(crate) use switch::PolicySwitch;
