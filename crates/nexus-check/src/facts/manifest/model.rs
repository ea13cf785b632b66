use std::{ops::Range, sync::Arc};

use crate::{
    Place,
    facts::{
        crates::CrateManifest,
        manifest::{At, VersionRange},
        text::{Text, is_below},
    },
};

/// What one service says of itself.
#[derive(Debug)]
pub(crate) struct ServiceManifest {
    pub(crate) text: Arc<Text>,
    pub(crate) name: At<String>,
    /// The bounded context it belongs to; its own name where the manifest says nothing.
    pub(crate) context: String,
    pub(crate) owner: Option<At<String>>,
    pub(crate) role: Role,
    /// Names under which it is reached over the network, its own included.
    pub(crate) hosts: Vec<String>,
    /// Tables that are its own.
    pub(crate) tables: Vec<At<String>>,
    /// Crates that are its own beside those in its directory.
    pub(crate) crates: Vec<At<String>>,
    /// Tables that hold events, when it names them.
    pub(crate) immutable: Option<Vec<At<String>>>,
    pub(crate) produces: Vec<Produced>,
    pub(crate) consumes: Vec<Consumed>,
    pub(crate) calls: Vec<At<String>>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// What a service is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Service,
    Command,
    Query,
    Worker,
    /// Stands between clients and services, so calling services is what it is for.
    Gateway,
}

impl Role {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("service", Self::Service),
        ("command", Self::Command),
        ("query", Self::Query),
        ("worker", Self::Worker),
        ("gateway", Self::Gateway),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, role)| *role == self).map_or("service", |(name, _)| name)
    }
}

/// An event type that a service publishes.
#[derive(Debug)]
pub(crate) struct Produced {
    pub(crate) event: At<String>,
    pub(crate) version: At<u32>,
    pub(crate) digest: Option<At<String>>,
    /// The file of its schema, relative to the manifest.
    pub(crate) schema: Option<At<String>>,
}

/// An event type that a service reads.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) event: At<String>,
    pub(crate) versions: At<VersionRange>,
}

/// A way into a service that matters to the rules.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: String,
    pub(crate) path: At<String>,
    /// It answers with the past.
    pub(crate) temporal: Option<Range<usize>>,
    /// It sends stored events again.
    pub(crate) replay: Option<Range<usize>>,
    pub(crate) rate_limit: Option<At<String>>,
    pub(crate) max_range: Option<At<String>>,
    pub(crate) authorization: Option<At<String>>,
}

impl ServiceManifest {
    /// The directory whose files are the service's.
    pub(crate) fn directory(&self) -> &str {
        self.text.directory()
    }

    pub(crate) fn owns(&self, file: &str) -> bool {
        is_below(file, self.directory())
    }

    /// Whether a crate is the service's: by its directory, or because the manifest says so.
    pub(crate) fn has_crate(&self, found: &CrateManifest) -> bool {
        self.owns(&found.text.file) || self.crates.iter().any(|named| named.value == found.name)
    }

    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        self.text.place(range)
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.owner.as_ref().map(|owner| owner.value.clone())
    }
}
