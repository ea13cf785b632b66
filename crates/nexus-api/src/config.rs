use std::{io, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use nexus_core::{Actor, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::RateLimits;

/// How the API behaves.
#[derive(Clone)]
pub struct ApiConfig {
    /// What is running.
    pub build: BuildInfo,
    /// Where data is kept, for people.
    pub storage: StorageInfo,
    /// What renders `/metrics`; `None` when nothing records them.
    pub metrics: Option<PrometheusHandle>,
    /// Authenticates paging cursors. Cursors made with another key are refused.
    pub cursor_key: [u8; 32],
    /// Largest body of a command, in bytes.
    pub max_body_bytes: usize,
    /// Largest body of an append, in bytes.
    pub max_append_bytes: usize,
    /// Longest time from a request's head to its answer; live feeds are not limited.
    pub request_timeout: Duration,
    /// Time between two signs of life on a live feed that has nothing to say.
    pub feed_ping: Duration,
    /// How long a live feed waits for a client that does not read before it lets go of it.
    pub feed_patience: Duration,
    /// How long a stream of appends may be silent before it is ended; an empty line is a sign of life.
    pub append_patience: Duration,
    /// Who a request without credentials acts as; `None` refuses it.
    pub anonymous_actor: Option<Actor>,
    /// How often one client may ask.
    pub rate_limits: RateLimits,
    /// Where backups come from; `None` offers none.
    pub backups: Option<Arc<dyn BackupSource>>,
}

/// Hands out backups of everything a node keeps, while the node goes on.
pub trait BackupSource: Send + Sync + 'static {
    /// Writes one backup as a tar archive that ends with its manifest. Blocks as long as `out` does.
    ///
    /// # Errors
    /// When something cannot be read, or `out` takes no more. What was written then is no backup.
    fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()>;
}

impl ApiConfig {
    /// Defaults, for a server where nobody is let in without credentials and nothing records metrics.
    #[must_use]
    pub fn new(build: BuildInfo, storage: StorageInfo, cursor_key: [u8; 32]) -> Self {
        Self {
            build,
            storage,
            metrics: None,
            cursor_key,
            max_body_bytes: 2 * 1024 * 1024,
            max_append_bytes: 16 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            feed_ping: Duration::from_secs(15),
            feed_patience: Duration::from_secs(30),
            append_patience: Duration::from_mins(1),
            anonymous_actor: None,
            rate_limits: RateLimits::default(),
            backups: None,
        }
    }

    /// The actor of a development server: `anonymous`, with every shipped role.
    #[must_use]
    pub fn development_actor() -> Actor {
        let roles = ["admin", "operator", "writer", "reader", "auditor"];
        Actor::new(Text::from_static("anonymous"), roles.map(Text::from_static).into())
    }
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildInfo {
    /// Version of the program.
    pub version: String,
    /// Revision of its source, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Where data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageInfo {
    /// One line for people: what is stored where.
    pub summary: String,
    /// Whether it is still there after a restart.
    pub kept: bool,
}
