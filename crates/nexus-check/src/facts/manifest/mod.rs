//! `nexus.service.toml`: what a service says of itself. The format is described in docs/formats/service-manifest.md.
//!
//! Reading order: `model` (what it says), `limits` (the small languages in its texts), `parse` (how it is read),
//! `members` (tables whose members are known, with their places).

mod limits;
mod members;
mod model;
mod parse;

pub(crate) use limits::{Limit, VersionRange};
pub(crate) use members::{At, malformed};
pub(crate) use model::{Endpoint, Produced, Role, ServiceManifest};
