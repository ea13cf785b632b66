//! The Order example: a whole domain with its rules and its read model ([`domain`]), and its policy.
//! Fields without a comment are what their names say; amounts are in minor units, such as pence.
#![expect(missing_docs, reason = "an example shows how little a domain needs; the names of fields are enough")]

pub mod domain;
pub mod import;

pub use domain::*;

/// Who may place large orders, in Rego.
pub const POLICY: &str = include_str!("../policies/orders.rego");

/// Adds the Order domain to an application.
pub fn load(app: nexus::App) -> nexus::App {
    app.aggregate::<Order>().projection::<OrderRow>().policy("orders.rego", POLICY)
}
