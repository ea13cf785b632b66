//! A proposal that has not passed schema and policy does not fit through the door.
use nexus::{Proposal, ports::EventStore};

fn sneak_in(store: &dyn EventStore, proposal: Proposal) {
    let _ = store.append(proposal);
}

fn convert(store: &dyn EventStore, proposal: Proposal) {
    let _ = store.append(proposal.into());
}

fn main() {}
