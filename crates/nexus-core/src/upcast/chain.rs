use std::collections::BTreeMap;

use super::{error::UpcastFault, upcaster::Upcaster};

/// An upcaster as an application or a registration declares it.
#[derive(Debug, Clone)]
pub struct DeclaredUpcaster {
    /// The event type.
    pub event_type: String,
    /// The schema version it begins at.
    pub from: u32,
    /// The schema version it leads to.
    pub to: u32,
    /// What it does.
    pub upcaster: Upcaster,
}

impl DeclaredUpcaster {
    /// An upcaster from a version to the next.
    #[must_use]
    pub fn new(event_type: impl Into<String>, from: u32, upcaster: impl Into<Upcaster>) -> Self {
        Self { event_type: event_type.into(), from, to: from.saturating_add(1), upcaster: upcaster.into() }
    }
}

/// Upcasters of one event type do not make a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Two begin at one version.
    #[error("two upcasters of `{event_type}` begin at schema version {from}; keep one")]
    Duplicate {
        /// The event type.
        event_type: String,
        /// The version.
        from: u32,
    },
    /// One leads to its own or an earlier version, so that a payload would go round in a circle.
    #[error(
        "the upcaster of `{event_type}` from schema version {from} to {to} goes round in a circle; lead to a higher one"
    )]
    Cycle {
        /// The event type.
        event_type: String,
        /// The version it begins at.
        from: u32,
        /// The version it leads to.
        to: u32,
    },
    /// Schema versions are counted from 1.
    #[error("an upcaster of `{event_type}` begins at schema version 0; versions are counted from 1")]
    Zero {
        /// The event type.
        event_type: String,
    },
    /// One leads past the version the application declares.
    #[error(
        "the upcaster of `{event_type}` from schema version {from} leads to {to}, past {wanted}, which is what the \
         application declares; declare version {to}, or remove the upcaster"
    )]
    Past {
        /// The event type.
        event_type: String,
        /// The version it begins at.
        from: u32,
        /// The version it leads to.
        to: u32,
        /// The version the application declares.
        wanted: u32,
    },
}

/// How every stored version of one event type reaches the version that readers know.
#[derive(Debug, Clone)]
pub struct Chain {
    event_type: String,
    wanted: u32,
    links: BTreeMap<u32, Link>,
    /// Whether there are newer versions that readers of this one must not be given.
    guards: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) to: u32,
    /// `None` when the payload fits as it is.
    pub(super) upcaster: Option<Upcaster>,
}

impl Chain {
    /// A chain that ends at `wanted`, the version readers know, and has no links yet.
    #[must_use]
    pub fn to(event_type: impl Into<String>, wanted: u32) -> Self {
        Self { event_type: event_type.into(), wanted, links: BTreeMap::new(), guards: false }
    }

    /// Adds an upcaster.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn upcaster(self, declared: DeclaredUpcaster) -> Result<Self, ChainError> {
        let DeclaredUpcaster { from, to, upcaster, .. } = declared;
        let wanted = self.wanted;
        if to > wanted {
            return Err(ChainError::Past { event_type: self.event_type, from, to, wanted });
        }
        self.link(from, Link { to, upcaster: Some(upcaster) })
    }

    /// Says that every payload of one version fits another as it is.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn unchanged(self, from: u32, to: u32) -> Result<Self, ChainError> {
        self.link(from, Link { to, upcaster: None })
    }

    /// Says that newer versions than the one wanted may be stored whose payloads do not fit it.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.guards = true;
        self
    }

    fn link(mut self, from: u32, link: Link) -> Result<Self, ChainError> {
        let event_type = || self.event_type.clone();
        if from == 0 {
            return Err(ChainError::Zero { event_type: event_type() });
        }
        if link.to <= from {
            return Err(ChainError::Cycle { event_type: event_type(), from, to: link.to });
        }
        if self.links.contains_key(&from) {
            return Err(ChainError::Duplicate { event_type: event_type(), from });
        }
        self.links.insert(from, link);
        Ok(self)
    }

    /// The event type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The version it ends at.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Whether something leads on from this version.
    #[must_use]
    pub fn leads_on_from(&self, version: u32) -> bool {
        self.links.contains_key(&version)
    }

    /// Whether every payload of a version has a way to the one wanted.
    ///
    /// # Errors
    /// Where the way ends, or leads past it.
    pub fn reaches_from(&self, version: u32) -> Result<(), UpcastFault> {
        self.way_from(version).map(drop)
    }

    /// Whether there is any payload that is not handed on as it is.
    pub(super) fn matters(&self) -> bool {
        self.guards || self.links.values().any(|link| link.upcaster.is_some())
    }

    /// The links from a stored version to the one wanted; each ends where the next begins.
    pub(super) fn way_from(&self, stored: u32) -> Result<Vec<(u32, &Link)>, UpcastFault> {
        let mut way = Vec::new();
        let mut reached = stored;
        while reached < self.wanted {
            let link = self.links.get(&reached).ok_or(UpcastFault::Missing { from: reached })?;
            if link.to > self.wanted {
                return Err(UpcastFault::Overshoots { from: reached, to: link.to });
            }
            way.push((reached, link));
            reached = link.to;
        }
        Ok(way)
    }

    /// Whether a version newer than the one wanted differs from it by compatible changes only.
    pub(super) fn reads_as_it_is(&self, newer: u32) -> bool {
        let mut reached = self.wanted;
        while reached < newer {
            match self.links.get(&reached) {
                Some(Link { to, upcaster: None }) => reached = *to,
                _ => return false,
            }
        }
        reached == newer
    }
}
