use super::{
    Rule, arch_001::ServicesTalkByEvents, arch_002::NothingIsShared, arch_003::NoEventCycles, evt_001::EventsStay,
    evt_002::EventsAreRegistered, evt_003::EventsHaveProducers, evt_004::EventsAreDescribed,
    pol_001::PoliciesAreTested, pol_002::BundleIsTheTestedOne, sch_001::ChangesAreCompatible,
    sch_002::VersionsAreRaised, sch_003::RemovedNamesAreReserved, sch_004::ConsumersAreNamed,
    sch_005::PersonalDataIsTagged, tmp_001::TemporalReadsAreBounded, tmp_002::ReplaysAreAuthorized,
};

/// Every rule of the gate. NX-EXC-001 is about the exceptions to these, and is checked where they are applied.
pub(crate) const RULES: &[&dyn Rule] = &[
    &ServicesTalkByEvents,
    &NothingIsShared,
    &NoEventCycles,
    &EventsStay,
    &EventsAreRegistered,
    &EventsHaveProducers,
    &EventsAreDescribed,
    &ChangesAreCompatible,
    &VersionsAreRaised,
    &RemovedNamesAreReserved,
    &ConsumersAreNamed,
    &PersonalDataIsTagged,
    &TemporalReadsAreBounded,
    &ReplaysAreAuthorized,
    &PoliciesAreTested,
    &BundleIsTheTestedOne,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_rule_is_in_the_catalogue_with_its_level_and_in_its_order() {
        let known: Vec<_> = catalogue::RULES.iter().map(|rule| (rule.id, rule.level)).collect();
        let mut ours: Vec<_> = RULES.iter().map(|rule| (rule.id(), rule.level())).collect();
        // Held where exceptions are applied.
        ours.push(("NX-EXC-001", crate::Level::Error));
        assert_eq!(ours, known);
    }
}
