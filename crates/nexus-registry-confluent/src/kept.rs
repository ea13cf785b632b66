use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use nexus_core::ports::Subject;
use tokio::time::Instant;

use crate::{RemoteError, RemoteOptions, remote::jittered};

/// What is asked of the registry: a version of a type, or its newest.
pub(crate) type Ask = (Subject, Option<u32>);

/// What is known about the types of the registry.
pub(crate) struct Kept {
    types: HashMap<Subject, Known>,
    /// What is being fetched.
    asked: HashSet<Ask>,
    lifetime: Duration,
    absent: Duration,
    pause: Duration,
    max_types: usize,
}

/// What is known about one type.
struct Known {
    newest: Option<Newest>,
    versions: HashSet<u32>,
    /// What the registry does not have, until it is asked again; `None` is the type itself.
    absent: HashMap<Option<u32>, Instant>,
    /// Why it could not be fetched last, and until when it is not tried again.
    failed: Option<(String, Instant)>,
    used: Instant,
}

struct Newest {
    version: u32,
    /// Until then it counts as the newest.
    until: Instant,
}

/// What a document can be checked against at the moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This version; with whether it is used although its lifetime is over.
    Version(u32, bool),
    /// The registry does not have it; with the newest version it has.
    Absent(Option<u32>),
    /// That is not known yet, and why.
    NotYet(String),
}

impl Kept {
    /// Most absent versions remembered of one type.
    const MAX_ABSENT: usize = 64;

    pub(crate) fn new(options: &RemoteOptions) -> Self {
        let RemoteOptions { lifetime, absent, pause, max_types, .. } = options;
        let (types, asked) = (HashMap::new(), HashSet::new());
        Self { types, asked, lifetime: *lifetime, absent: *absent, pause: *pause, max_types: *max_types }
    }

    /// What is known, and whether the registry is to be asked.
    pub(crate) fn find(&mut self, (subject, version): &Ask, now: Instant) -> (Found, bool) {
        let Some(known) = self.types.get_mut(subject) else {
            return (Found::NotYet("it is being fetched".to_owned()), true);
        };
        known.used = now;
        let pausing = known.failed.as_ref().filter(|(_, until)| now < *until);
        let absent = [None, *version].iter().any(|what| known.absent.get(what).is_some_and(|until| now < *until));
        let newest = known.newest.as_ref();
        match version {
            Some(version) if known.versions.contains(version) => (Found::Version(*version, false), false),
            _ if absent => (Found::Absent(newest.map(|newest| newest.version)), false),
            None if newest.is_some() => {
                let (version, stale) = newest.map_or((0, true), |newest| (newest.version, now >= newest.until));
                (Found::Version(version, stale), stale && pausing.is_none())
            }
            _ => match pausing {
                Some((reason, _)) => (Found::NotYet(reason.clone()), false),
                None => (Found::NotYet("it is being fetched".to_owned()), true),
            },
        }
    }

    /// Takes note that something is being fetched; `false` when it is already.
    pub(crate) fn begin(&mut self, ask: &Ask) -> bool {
        self.asked.insert(ask.clone())
    }

    /// Takes note of what came of it, and answers the type that has to go to make room.
    pub(crate) fn done(&mut self, ask: &Ask, outcome: &Result<u32, RemoteError>, now: Instant) -> Option<Subject> {
        self.asked.remove(ask);
        let (subject, version) = ask;
        let (lifetime, absent, pause) = (self.lifetime, self.absent, self.pause);
        let known = self.types.entry(subject.clone()).or_insert_with(|| Known {
            newest: None,
            versions: HashSet::new(),
            absent: HashMap::new(),
            failed: None,
            used: now,
        });
        match outcome {
            Ok(found) => {
                known.failed = None;
                known.absent.remove(&None);
                known.absent.remove(version);
                known.versions.insert(*found);
                if version.is_none() {
                    known.newest = Some(Newest { version: *found, until: now + lifetime });
                }
            }
            Err(RemoteError::Absent { .. }) => {
                known.failed = None;
                if known.absent.len() < Self::MAX_ABSENT || version.is_none() {
                    known.absent.insert(*version, now + absent);
                }
                if version.is_none() {
                    // What was deleted there is not written under any more.
                    known.newest = None;
                }
            }
            Err(error) => known.failed = Some((error.to_string(), now + jittered(pause.saturating_mul(2)))),
        }
        self.room(subject)
    }

    /// The type that was not used for longest, when there are too many.
    fn room(&mut self, but: &Subject) -> Option<Subject> {
        if self.types.len() <= self.max_types {
            return None;
        }
        let others = self.types.iter().filter(|(subject, _)| *subject != but);
        let oldest = others.min_by_key(|(_, known)| known.used).map(|(subject, _)| subject.clone())?;
        self.types.remove(&oldest);
        Some(oldest)
    }
}
