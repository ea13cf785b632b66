//! Signed tokens (JWT, RFC 7519) of issuers that the operator trusts, and the keys these sign with.
//!
//! **What belongs here:** reading a token, finding its key, verifying signature and claims; reading keys; fetching a
//! key set again when it rotates. **What does not:** tokens that the platform issues itself (the runtime, which stores
//! them), headers of HTTP (`nexus-api`), and what an actor may do (policy).
//!
//! **What is never trusted.** A token chooses its key only by naming an issuer and a key id, each of which is looked up
//! in a map. The algorithm is a property of the key; a token that names another one is refused. Keys that a token
//! brings along or points to are not used.
//!
//! Reading order: [`JwtAuthenticator`] puts everything together; `compact` takes a token apart; `claims` judges what it
//! says; [`Key`] and [`KeySet`] are what it is verified with; `remote` keeps a set that lives at an address.

mod authenticator;
mod claims;
mod compact;
mod issuer;
mod key;
mod key_set;
mod remote;

pub use authenticator::{JwtAuthenticator, SetupError};
pub use issuer::{IssuerOptions, KeySource};
pub use key::{Algorithm, Key, KeyError};
pub use key_set::KeySet;
pub use remote::{AddressError, JwksAddress};
