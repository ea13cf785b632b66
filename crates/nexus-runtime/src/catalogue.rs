use std::{collections::BTreeMap, sync::Arc};

use nexus_core::framework::{AggregateDefinition, CommandSpec};

/// Which aggregates and commands this node knows.
#[derive(Debug, Default)]
pub struct Catalogue {
    aggregates: BTreeMap<&'static str, Arc<AggregateDefinition>>,
    commands: BTreeMap<&'static str, CommandEntry>,
}

/// A command and the aggregate that handles it.
#[derive(Debug, Clone)]
pub struct CommandEntry {
    /// The aggregate.
    pub aggregate: Arc<AggregateDefinition>,
    /// The command.
    pub spec: CommandSpec,
}

/// Two definitions claim the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Two aggregates have one type name.
    #[error("two aggregates are named `{0}`; rename one")]
    AggregateTwice(&'static str),
    /// Two aggregates handle one command type.
    #[error("the command `{command}` is handled by `{first}` and by `{second}`; keep one")]
    CommandTwice {
        /// The command type.
        command: &'static str,
        /// The aggregate that was registered first.
        first: &'static str,
        /// The one that was registered second.
        second: &'static str,
    },
    /// Two aggregates have an event type of one name.
    #[error("the event type `{event}` belongs to `{first}` and to `{second}`; rename one")]
    EventTwice {
        /// The event type.
        event: &'static str,
        /// The aggregate that was registered first.
        first: &'static str,
        /// The one that was registered second.
        second: &'static str,
    },
}

impl Catalogue {
    /// The catalogue of these aggregates.
    ///
    /// # Errors
    /// When two of them claim one name.
    pub fn new(definitions: impl IntoIterator<Item = AggregateDefinition>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        let mut events: BTreeMap<&'static str, &'static str> = BTreeMap::new();
        for definition in definitions {
            let aggregate = Arc::new(definition);
            let name = aggregate.name();
            for event in aggregate.events() {
                if let Some(first) = events.insert(event.event_type, name) {
                    return Err(CatalogueError::EventTwice { event: event.event_type, first, second: name });
                }
            }
            for spec in aggregate.commands() {
                let entry = CommandEntry { aggregate: Arc::clone(&aggregate), spec: spec.clone() };
                if let Some(other) = catalogue.commands.insert(spec.command_type, entry) {
                    let first = other.aggregate.name();
                    return Err(CatalogueError::CommandTwice { command: spec.command_type, first, second: name });
                }
            }
            if catalogue.aggregates.insert(name, aggregate).is_some() {
                return Err(CatalogueError::AggregateTwice(name));
            }
        }
        Ok(catalogue)
    }

    /// The aggregates, by name.
    pub fn aggregates(&self) -> impl Iterator<Item = &Arc<AggregateDefinition>> {
        self.aggregates.values()
    }

    /// The commands, by type.
    pub fn commands(&self) -> impl Iterator<Item = &CommandEntry> {
        self.commands.values()
    }

    /// The command of a type.
    #[must_use]
    pub fn command(&self, command_type: &str) -> Option<&CommandEntry> {
        self.commands.get(command_type)
    }

    /// Known command types that look like `wanted`, nearest first, at most three.
    #[must_use]
    pub fn nearest_commands(&self, wanted: &str) -> Vec<String> {
        let wanted = wanted.to_lowercase();
        let score = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wanted);
        let mut scored: Vec<_> = self.commands.keys().map(|name| (score(name), *name)).collect();
        scored.retain(|(score, _)| *score > 0.6);
        scored.sort_by(|left, right| right.0.total_cmp(&left.0));
        scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
    }
}
