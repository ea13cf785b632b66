//! A state without its `impl` block is no aggregate.
use nexus::framework::AggregateDefinition;

#[nexus_macros::state]
struct Door {
    open: bool,
}

fn main() {
    let _ = AggregateDefinition::of::<Door>();
}
