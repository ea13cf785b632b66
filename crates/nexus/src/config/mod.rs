//! What a server is told: flags, `nexus.toml`, defaults; each setting with where it comes from.
//!
//! Reading order: `file` (what the file may say), `names` (what it may not), `secret` (values kept elsewhere),
//! `issuers` (whom it makes the server trust),
//! `policy_server` (what is asked beside the policy), `settings` (flags, file and defaults put together).

mod file;
mod issuers;
mod names;
mod policy_server;
mod secret;
mod settings;

pub(crate) use secret::private_text;
pub(crate) use settings::{Access, Settings};
