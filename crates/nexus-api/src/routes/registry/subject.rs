//! Which subject of ours a name of theirs means.

/// What stands before the name of a command: the context that holds commands.
pub(crate) const COMMANDS: &str = ":.commands:";
