//! Whose schema a name means.

use nexus_core::ports::{SchemaKind, Subject};

use super::refused::Refused;

/// What stands before the name of a command: the context that holds commands.
pub(crate) const COMMANDS: &str = ":.commands:";

/// The default context, when it is written out.
const DEFAULT: &str = ":.:";

/// Longest name in bytes.
const MAX_BYTES: usize = 255;

/// The subject that a name of theirs means: a command in the context of commands, else the event of that very name.
pub(super) fn subject_of(name: &str) -> Result<Subject, Refused> {
    let name = name.strip_prefix(DEFAULT).unwrap_or(name);
    let reserved = matches!(name, "__GLOBAL" | "__EMPTY");
    let subject = match name.strip_prefix(COMMANDS) {
        Some(command) => Subject::new(SchemaKind::Command, command),
        None => Subject::new(SchemaKind::Event, name),
    };
    let given = &subject.name;
    if given.is_empty() || given.len() > MAX_BYTES || given.chars().any(char::is_control) || reserved {
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let rule = "it has 1 to 255 bytes, no control characters, and is not __GLOBAL or __EMPTY";
        return Err(Refused::new(42208, format!("The specified subject '{shown}' is not a valid subject; {rule}")));
    }
    Ok(subject)
}

/// The name that means a subject.
pub(super) fn name_of(subject: &Subject) -> String {
    match subject.kind {
        SchemaKind::Event => subject.name.clone(),
        SchemaKind::Command => format!("{COMMANDS}{}", subject.name),
    }
}

/// The context a name is in: `.` for the default one.
pub(super) fn context_of(name: &str) -> &str {
    let inner = name.strip_prefix(':').filter(|rest| rest.starts_with('.'));
    inner.and_then(|rest| rest.split_once(':')).map_or(".", |(context, _)| context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_subject_and_comes_back_as_it_was() {
        for name in ["OrderPlaced", "orders-value", ":.ctx:orders-value", ":.commands:PlaceOrder", "a/b ü", ":"] {
            assert_eq!(name_of(&subject_of(name).unwrap()), name);
        }
        assert_eq!(subject_of(":.:orders").unwrap(), subject_of("orders").unwrap());
        assert_eq!(subject_of(":.commands:PlaceOrder").unwrap().kind, SchemaKind::Command);
        for bad in ["", ":.:", ":.commands:", "a\0", "__GLOBAL", "__EMPTY", &"x".repeat(256)] {
            assert!(subject_of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_context_is_what_stands_between_colons() {
        assert_eq!(context_of(":.ctx:orders"), ".ctx");
        assert_eq!(context_of("orders"), ".");
        assert_eq!(context_of(":orders"), ".");
    }
}
