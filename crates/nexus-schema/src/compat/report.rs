//! What is answered.

pub use nexus_core::ports::{
    CompatibilityBreach as Breach, CompatibilityDirection as Direction, CompatibilityMode, SchemaBump as Bump,
    SchemaChange as Change, SchemaChangeKind as ChangeKind,
};

/// The verdict on a new version.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whether the new version fits as the mode demands: there are no breaches.
    pub compatible: bool,
    /// The smallest bump that is honest, from the newest old version. [`Bump::Major`] also when the mode did not ask
    /// for backward compatibility and the new version does not have it.
    pub required_bump: Bump,
    /// Every way in which the new version does not fit, by old version, backward before forward.
    pub breaches: Vec<Breach>,
    /// What changed since the newest old version.
    pub changes: Vec<Change>,
}
