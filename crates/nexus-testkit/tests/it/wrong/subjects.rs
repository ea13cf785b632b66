use std::sync::Arc;

use nexus_core::{
    Digest, Json, Timestamp,
    ports::{
        CompatibilityReport, DocumentCheck, RegisterError, RegisteredSchema, Registration, RegistrationPlan,
        RegistryChange, SchemaChange, SchemaDocument, SchemaKind, SchemaLink, SchemaRef, SchemaRefusal, SchemaRegistry,
        Subject, SubjectInfo, SubjectRegistry, SubjectRules,
    },
};
use nexus_testkit::{
    contract::{SubjectRegistryFixture, subject_registry},
    fakes::MemorySubjects,
};
use serde_json::Value;

use super::caught_blocking;

/// One thing that is wrong with a registry of subjects; nothing, unless overridden.
trait SubjectFlaw: Send + Sync + 'static {
    fn plan(right: &MemorySubjects, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        right.plan_registration(wanted, now)
    }

    fn deletion(
        right: &MemorySubjects,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError> {
        right.plan_deletion(subject, version, for_good)
    }

    fn change(change: RegistryChange) -> RegistryChange {
        change
    }
}

struct Flawed<W> {
    right: MemorySubjects,
    flaw: std::marker::PhantomData<W>,
}

impl<W: SubjectFlaw> Flawed<W> {
    fn new() -> Arc<Self> {
        Arc::new(Self { right: MemorySubjects::default(), flaw: std::marker::PhantomData })
    }
}

struct Fixture<W>(Arc<Flawed<W>>);

impl<W: SubjectFlaw> SubjectRegistryFixture for Fixture<W> {
    fn start() -> Self {
        Self(Flawed::new())
    }

    fn registry(&self) -> Arc<dyn SubjectRegistry> {
        Arc::clone(&self.0) as Arc<dyn SubjectRegistry>
    }
}

impl<W: SubjectFlaw> SchemaRegistry for Flawed<W> {
    fn check(&self, kind: SchemaKind, name: &str, v: Option<u32>, document: &Json) -> Result<SchemaRef, SchemaRefusal> {
        self.right.check(kind, name, v, document)
    }

    fn register(&self, kind: SchemaKind, name: &str, schema: &Value) -> Result<SchemaRef, RegisterError> {
        self.right.register(kind, name, schema)
    }

    fn find(&self, kind: SchemaKind, name: &str, version: Option<u32>) -> Option<SchemaDocument> {
        self.right.find(kind, name, version)
    }

    fn list(&self) -> Vec<SchemaDocument> {
        self.right.list()
    }
}

impl<W: SubjectFlaw> SubjectRegistry for Flawed<W> {
    fn plan_registration(&self, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        W::plan(&self.right, wanted, now)
    }

    fn plan_deletion(&self, subject: &Subject, v: Option<u32>, good: bool) -> Result<RegistryChange, RegisterError> {
        W::deletion(&self.right, subject, v, good)
    }

    fn apply(&self, change: RegistryChange) -> Result<(), RegisterError> {
        self.right.apply(W::change(change))
    }

    fn judge(&self, w: &Registration, v: Option<u32>, now: Timestamp) -> Result<CompatibilityReport, RegisterError> {
        self.right.judge(w, v, now)
    }

    fn fits(&self, older: &RegisteredSchema, newer: &RegisteredSchema) -> Result<CompatibilityReport, RegisterError> {
        self.right.fits(older, newer)
    }

    fn check_stored(&self, subject: &Subject, version: u32, document: &Json) -> Result<(), SchemaRefusal> {
        self.right.check_stored(subject, version, document)
    }

    fn compare(&self, subject: &Subject, from: u32, to: u32) -> Result<Vec<SchemaChange>, RegisterError> {
        self.right.compare(subject, from, to)
    }

    fn compile(&self, schema: &Value, links: &[SchemaLink]) -> Result<Box<dyn DocumentCheck>, RegisterError> {
        self.right.compile(schema, links)
    }

    fn by_id(&self, id: u32) -> Option<Arc<RegisteredSchema>> {
        self.right.by_id(id)
    }

    fn by_digest(&self, digest: Digest) -> Vec<Arc<RegisteredSchema>> {
        self.right.by_digest(digest)
    }

    fn same(&self, wanted: &Registration) -> Result<Option<Arc<RegisteredSchema>>, RegisterError> {
        self.right.same(wanted)
    }

    fn referrers(&self, id: u32) -> Vec<Arc<RegisteredSchema>> {
        self.right.referrers(id)
    }

    fn subject(&self, subject: &Subject) -> Option<SubjectInfo> {
        self.right.subject(subject)
    }

    fn subjects(&self, after: Option<&Subject>, limit: usize) -> Vec<SubjectInfo> {
        self.right.subjects(after, limit)
    }

    fn global_rules(&self) -> SubjectRules {
        self.right.global_rules()
    }

    fn empty(&self) -> Arc<dyn SubjectRegistry> {
        Self::new()
    }
}

/// Makes what is planned.
struct Eager;

impl SubjectFlaw for Eager {
    fn plan(right: &MemorySubjects, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        let plan = right.plan_registration(wanted, now)?;
        if let RegistrationPlan::New(new) = &plan {
            right.apply(RegistryChange::Registered(new.clone()))?;
        }
        Ok(plan)
    }
}

#[test]
fn a_registry_that_makes_what_is_only_planned_is_caught() {
    caught_blocking(
        "a_plan_changes_nothing",
        "it is known",
        subject_registry::a_plan_changes_nothing::<Fixture<Eager>>,
    );
}

/// Gives the ids of what was deleted for good to others.
struct Reusing;

impl SubjectFlaw for Reusing {
    fn plan(right: &MemorySubjects, wanted: &Registration, now: Timestamp) -> Result<RegistrationPlan, RegisterError> {
        let mut plan = right.plan_registration(wanted, now)?;
        if let RegistrationPlan::New(new) = &mut plan {
            let ids = right.subjects(None, usize::MAX).into_iter().flat_map(|info| info.versions);
            new.reference.id = ids.map(|known| known.reference.id).max().unwrap_or(0) + 1;
        }
        Ok(plan)
    }
}

#[test]
fn a_registry_that_gives_an_id_twice_is_caught() {
    caught_blocking(
        "an_id_is_never_given_twice",
        "what the same schema becomes",
        subject_registry::an_id_is_never_given_twice::<Fixture<Reusing>>,
    );
}

/// Does not ask who refers to what it deletes.
struct Careless;

impl SubjectFlaw for Careless {
    fn deletion(
        right: &MemorySubjects,
        subject: &Subject,
        version: Option<u32>,
        for_good: bool,
    ) -> Result<RegistryChange, RegisterError> {
        match right.plan_deletion(subject, version, for_good) {
            Err(
                RegisterError::Referenced { subject, version, .. } | RegisterError::LedThrough { subject, version, .. },
            ) => Ok(RegistryChange::Deleted { subject, versions: vec![version], in_use: Vec::new(), for_good }),
            answer => answer,
        }
    }
}

#[test]
fn a_registry_that_deletes_what_others_refer_to_is_caught() {
    caught_blocking(
        "what_others_refer_to_is_not_deleted",
        "deleting what is referred to",
        subject_registry::what_others_refer_to_is_not_deleted::<Fixture<Careless>>,
    );
}

#[test]
fn a_registry_that_cuts_the_way_of_upcasters_is_caught() {
    caught_blocking(
        "a_version_that_upcasters_lead_through_stays",
        "deleting version 1 for good",
        subject_registry::a_version_that_upcasters_lead_through_stays::<Fixture<Careless>>,
    );
}

/// Forgets upcasters.
struct Forgetful;

impl SubjectFlaw for Forgetful {
    fn change(change: RegistryChange) -> RegistryChange {
        match change {
            RegistryChange::Registered(schema) => {
                RegistryChange::Registered(Box::new(RegisteredSchema { upcaster: None, ..*schema }))
            }
            other => other,
        }
    }
}

#[test]
fn a_registry_that_forgets_an_upcaster_is_caught() {
    caught_blocking(
        "an_upcaster_is_kept_with_its_version",
        "the upcaster",
        subject_registry::an_upcaster_is_kept_with_its_version::<Fixture<Forgetful>>,
    );
}

/// Deletes everything for good.
struct Hasty;

impl SubjectFlaw for Hasty {
    fn change(change: RegistryChange) -> RegistryChange {
        match change {
            RegistryChange::Deleted { subject, versions, in_use, .. } => {
                RegistryChange::Deleted { subject, versions, in_use, for_good: true }
            }
            other => other,
        }
    }
}

#[test]
fn a_registry_that_forgets_what_is_only_deleted_is_caught() {
    caught_blocking(
        "what_was_deleted_is_not_written_under_any_more",
        "the deleted version by its id",
        subject_registry::what_was_deleted_is_not_written_under_any_more::<Fixture<Hasty>>,
    );
}
