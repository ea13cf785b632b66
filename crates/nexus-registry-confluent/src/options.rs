use std::time::Duration;

use nexus_core::ports::SchemaKind;

/// Which registry is asked, and within which limits.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// Its address: `http://registry:8081`. Encrypted connections end at a proxy beside the server.
    pub url: String,
    /// Name and password for `Authorization: Basic`.
    pub credentials: Option<(String, String)>,
    /// How types are called there.
    pub names: SubjectNames,
    /// Longest time for one request, its answer included.
    pub timeout: Duration,
    /// How often a request is sent at most until it is answered.
    pub attempts: u32,
    /// Wait before the second attempt; each further one doubles, and every wait is cut at random by up to a half.
    pub backoff: Duration,
    /// How long what was fetched counts as the newest.
    pub lifetime: Duration,
    /// How long what is not there is not asked for again.
    pub absent: Duration,
    /// How long nothing is asked for again that could not be fetched.
    pub pause: Duration,
    /// Most types kept; those not used for longest go first.
    pub max_types: usize,
    /// Largest answer in bytes.
    pub max_answer: usize,
}

impl RemoteOptions {
    /// The registry at this address, with limits that suit one in the same data centre.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            names: SubjectNames::default(),
            timeout: Duration::from_secs(2),
            attempts: 3,
            backoff: Duration::from_millis(100),
            lifetime: Duration::from_mins(5),
            absent: Duration::from_secs(30),
            pause: Duration::from_secs(2),
            max_types: 1000,
            max_answer: 4 << 20,
        }
    }
}

/// How the types of events and commands are called as subjects of the remote registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectNames {
    /// Before the name of an event type.
    pub event_prefix: String,
    /// Behind it: `-value` where subjects are named after topics.
    pub event_suffix: String,
    /// Before the name of a command type.
    pub command_prefix: String,
}

impl Default for SubjectNames {
    /// Event types by their own names, and commands as Nexus itself shows them to such clients.
    fn default() -> Self {
        Self { event_prefix: String::new(), event_suffix: String::new(), command_prefix: ":.commands:".to_owned() }
    }
}

impl SubjectNames {
    /// The subject of a type.
    #[must_use]
    pub fn subject(&self, kind: SchemaKind, name: &str) -> String {
        match kind {
            SchemaKind::Event => format!("{}{name}{}", self.event_prefix, self.event_suffix),
            SchemaKind::Command => format!("{}{name}", self.command_prefix),
        }
    }
}
