use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    sync::Arc,
    thread,
};

use nexus_core::ports::{SchemaKind, Subject};

use super::{
    base::Base,
    crates::{CrateManifest, crates},
    files::{FileKind, Found, relative, walk},
    manifest::{ServiceManifest, malformed},
    policies::PolicyBundle,
    schemas::Schemas,
    text::{Text, is_below},
    uses::{Known, Packages, Seen},
};
use crate::{CheckError, CheckOptions};

/// What a repository says of itself.
#[derive(Debug)]
pub struct Facts {
    pub(crate) services: Vec<ServiceManifest>,
    pub(crate) crates: Vec<CrateManifest>,
    pub(crate) schemas: Schemas,
    pub(crate) policies: Vec<PolicyBundle>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) base: Option<Base>,
    /// The digest of the bundle that is in force somewhere, to compare with.
    pub(crate) bundle_digest: Option<String>,
    counts: FactCounts,
    /// Directories and the service whose they are, the longest first.
    territories: Vec<(String, usize)>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct FactCounts {
    /// Service manifests.
    pub services: usize,
    /// Crates.
    pub crates: usize,
    /// Versions of schemas.
    pub schemas: usize,
    /// Policy files, tests included.
    pub policies: usize,
    /// Sources of programs without their tests.
    pub sources: usize,
    /// Files of SQL.
    pub sql: usize,
    /// Deployment descriptors.
    pub deployments: usize,
}

impl Facts {
    /// Reads a repository.
    ///
    /// # Errors
    /// When there is nothing to check, or something that counts cannot be read: what was not looked at is not known
    /// to be well.
    pub fn read(options: &CheckOptions) -> Result<Self, CheckError> {
        let mut files = walk(&options.root)?;
        let packages = Packages::read(&files)?;
        if let Some(changed) = &options.changed_only {
            let changed: BTreeSet<_> = changed.iter().map(|path| relative(&options.root, path)).collect();
            files.retain(|found| !found.kind.stands_alone() || changed.contains(&found.file));
        }
        let mut declared = Declared::default();
        for found in files.iter().filter(|found| !found.kind.stands_alone()) {
            declared.0.entry(found.kind).or_default().push(Arc::new(found.read()?));
        }
        let services = declared.services()?;
        let crates = crates(&declared.take(FileKind::CrateManifest))?;
        let mut schemas = Schemas::default();
        schemas.add(declared.take(FileKind::SchemaFile));
        for lock in declared.take(FileKind::SchemaLock) {
            schemas.add_lock(&lock)?;
        }
        let policies = PolicyBundle::all(declared.take(FileKind::Policy));
        if services.is_empty() && schemas.subjects.is_empty() && schemas.locked.is_empty() && policies.is_empty() {
            return Err(CheckError::Nothing { root: options.root.clone() });
        }
        let known = Known::new(&services, &crates, packages);
        let programs: Vec<_> =
            files.into_iter().filter(|found| found.kind.stands_alone() && !found.is_test()).collect();
        let counts = count(&services, &crates, &schemas, &policies, &programs);
        let base = options.against.as_ref().map(|against| Base::read(options, against, &schemas)).transpose()?;
        Ok(Self {
            territories: territories(&services, &crates),
            seen: seen(&programs, &known)?,
            bundle_digest: options.bundle_digest.clone(),
            services,
            crates,
            schemas,
            policies,
            base,
            counts,
        })
    }

    /// How much there is.
    #[must_use]
    pub fn counts(&self) -> FactCounts {
        self.counts
    }

    /// The service whose a file is: that of the nearest directory.
    pub(crate) fn owner(&self, file: &str) -> Option<&ServiceManifest> {
        let (_, service) = self.territories.iter().find(|(directory, _)| is_below(file, directory))?;
        self.services.get(*service)
    }

    pub(crate) fn service(&self, host: &str) -> Option<&ServiceManifest> {
        self.services.iter().find(|service| service.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
    }

    /// Who answers for a subject: who publishes it, else whom its schema names.
    pub(crate) fn owner_of(&self, subject: &Subject) -> Option<String> {
        let publishes = |service: &&ServiceManifest| {
            subject.kind == SchemaKind::Event && service.produces.iter().any(|made| made.event.value == subject.name)
        };
        let service = self.services.iter().find(publishes).and_then(ServiceManifest::owner);
        let newest = self.schemas.subjects.get(subject).and_then(|versions| versions.values().next_back());
        let named = || Some(newest?.schema()?.get("x-nexus-owner")?.as_str()?.to_owned());
        service.or_else(named)
    }

    /// The service that a crate belongs to.
    pub(crate) fn owner_of_crate(&self, found: &CrateManifest) -> Option<&ServiceManifest> {
        self.owner(&found.text.file)
    }
}

/// The files that declare something, by what they are.
#[derive(Default)]
struct Declared(BTreeMap<FileKind, Vec<Arc<Text>>>);

impl Declared {
    fn take(&mut self, kind: FileKind) -> Vec<Arc<Text>> {
        self.0.remove(&kind).unwrap_or_default()
    }

    fn services(&mut self) -> Result<Vec<ServiceManifest>, CheckError> {
        let mut services: Vec<ServiceManifest> = Vec::new();
        for text in self.take(FileKind::ServiceManifest) {
            let service = ServiceManifest::parse(text)?;
            if let Some(twin) = services.iter().find(|other| other.name.value == service.name.value) {
                let reason = format!("`{}` is described in {} already", service.name.value, twin.text.file);
                return Err(malformed(
                    &service.text,
                    service.name.range.clone(),
                    reason,
                    "give each service a name of its own",
                ));
            }
            services.push(service);
        }
        Ok(services)
    }
}

fn count(
    services: &[ServiceManifest],
    crates: &[CrateManifest],
    schemas: &Schemas,
    policies: &[PolicyBundle],
    programs: &[Found],
) -> FactCounts {
    let of = |is: fn(FileKind) -> bool| programs.iter().filter(|found| is(found.kind)).count();
    FactCounts {
        services: services.len(),
        crates: crates.len(),
        schemas: schemas.subjects.values().map(BTreeMap::len).sum(),
        policies: policies.iter().map(|bundle| bundle.modules.len() + bundle.tests.len()).sum(),
        sources: of(|kind| matches!(kind, FileKind::Rust | FileKind::Plain(_))),
        sql: of(|kind| kind == FileKind::Sql),
        deployments: of(|kind| kind == FileKind::Deployment),
    }
}

fn territories(services: &[ServiceManifest], crates: &[CrateManifest]) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    for (index, service) in services.iter().enumerate() {
        all.push((service.directory().to_owned(), index));
        let named = crates.iter().filter(|found| service.crates.iter().any(|named| named.value == found.name));
        all.extend(named.map(|found| (found.text.directory().to_owned(), index)));
    }
    all.sort_by_key(|(directory, index)| (std::cmp::Reverse(directory.len()), *index));
    all
}

/// Reads the programs, on all processors, in the order of the files.
fn seen(programs: &[Found], known: &Known) -> Result<Vec<Seen>, CheckError> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let share = programs.len().div_ceil(workers).max(1);
    let look = |found: &Found| found.read().map(|text| Seen::of(found, Arc::new(text), known));
    let shares: Vec<Result<Vec<_>, CheckError>> = thread::scope(|scope| {
        let running: Vec<_> = programs
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(look).collect::<Result<Vec<_>, _>>()))
            .collect();
        let ended = running.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| {
                Err(CheckError::Unreadable {
                    file: "a source".to_owned(),
                    reason: "reading it ended unexpectedly; this is an error of the gate".to_owned(),
                })
            })
        });
        ended.collect()
    });
    let mut all = Vec::new();
    for share in shares {
        all.extend(share?.into_iter().flatten());
    }
    Ok(all)
}
