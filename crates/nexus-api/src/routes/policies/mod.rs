//! Which policy is in force, bringing another in, asking it without effect, and what it decided.

mod bundles;
mod decisions;
mod evaluate;
mod opa;

pub(crate) use bundles::{
    __path_get_policy, __path_list_policies, __path_push_policy, __path_roll_back_policy, get_policy, list_policies,
    push_policy, roll_back_policy,
};
pub(crate) use decisions::{__path_list_decisions, list_decisions};
pub(crate) use evaluate::{__path_evaluate_policy, evaluate_policy};
pub(crate) use opa::{opa_get, opa_policies, opa_post};
