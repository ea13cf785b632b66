//! Tokens that the platform issues itself: every creation and revocation is a governed event in `$tokens` before it
//! holds, and what is known is what that stream says.
//!
//! Reading order: `secret` (what a token looks like, and what of it is kept), `stored` (the events), `table` (what they
//! add up to), `service` (creating, revoking, authenticating), `failure` (why not).

mod failure;
mod secret;
mod service;
mod stored;
mod table;

pub use failure::TokenFailure;
pub use secret::TokenText;
pub use service::{CreatedToken, NewToken, TokenExpiry, TokenService};
pub(crate) use stored::own_schemas;
pub use table::{Revocation, TokenInfo};
