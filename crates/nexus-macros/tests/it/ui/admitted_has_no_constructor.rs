//! Nothing but `Admission` makes a batch: no default, no conversion, no reading from JSON.
use nexus::{Admitted, Proposal};

fn nothing() -> Admitted {
    Admitted::default()
}

fn converted(proposal: Proposal) -> Admitted {
    proposal.into()
}

fn read(text: &str) -> Admitted {
    serde_json::from_str(text).unwrap()
}

fn main() {}
