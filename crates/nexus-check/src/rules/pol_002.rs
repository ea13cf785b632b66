use super::{Draft, Looked, Rule, rego};
use crate::{Level, Place, facts::Facts};

/// NX-POL-002: the bundle that is in force is the one that was tested here.
pub(crate) struct BundleIsTheTestedOne;

impl Rule for BundleIsTheTestedOne {
    fn id(&self) -> &'static str {
        "NX-POL-002"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let Some(running) = &facts.bundle_digest else { return Vec::new() };
        rego::with_room(|| compared(facts, running))
    }
}

/// Compares the digest of the bundle in force with those of the repository.
fn compared(facts: &Facts, running: &str) -> Vec<Looked> {
    let mut known: Vec<_> =
        facts.policies.iter().map(|bundle| (bundle.directory.clone(), rego::modules(bundle))).collect();
    known.push(("all of them".to_owned(), facts.policies.iter().flat_map(rego::modules).collect()));
    let digests: Vec<_> = known
        .iter()
        .flat_map(|(name, modules)| {
            rego::digests(modules).into_iter().map(|digest| (name.clone(), digest)).collect::<Vec<_>>()
        })
        .collect();
    let is_tested = digests.iter().any(|(_, digest)| digest.eq_ignore_ascii_case(running));
    let Some(place) = place(facts) else { return Vec::new() };
    let draft = (!is_tested).then(|| {
        let message = format!("the bundle {running} is in force and is not the one of this repository");
        let draft = Draft::new(place, "bundle", message)
            .fix("bring the tested policies into force, or bring the policies that are in force here and test them");
        digests.iter().fold(draft, |draft, (name, digest)| draft.shown(format!("{name}: {digest}"), None))
    });
    vec![Looked::at("the bundle in force", draft.into_iter().collect())]
}

/// The first policy; where there is none, the first of the files that declare something.
fn place(facts: &Facts) -> Option<Place> {
    let policies = facts.policies.iter().flat_map(|bundle| bundle.modules.iter().chain(&bundle.tests));
    let services = facts.services.iter().map(|service| &service.text);
    let schemas = facts.schemas.subjects.values().flat_map(|versions| versions.values()).map(|file| &file.text);
    policies.chain(services).chain(schemas).next().map(|text| text.head())
}
