//! A stored event reaches an aggregate through the upcasters only.

use nexus::{RecordedEvent, framework::AggregateState};

fn fold(state: &mut dyn AggregateState, event: &RecordedEvent) {
    let _ = state.apply(event);
}

fn main() {}
