//! The rules, one module each. Reading order: `rule` (what a rule is), then any.

mod all;
mod arch_001;
mod arch_002;
mod arch_003;
mod cycles;
mod evt_001;
mod evt_002;
mod evt_003;
mod evt_004;
mod pol_001;
mod pol_002;
mod rego;
mod rule;
mod sch_001;
mod sch_002;
mod sch_003;
mod sch_004;
mod sch_005;
mod tmp_001;
mod tmp_002;
mod versions;

pub(crate) use all::RULES;
pub(crate) use arch_001::service_calls;
pub(crate) use rule::{Draft, Looked, Rule};
