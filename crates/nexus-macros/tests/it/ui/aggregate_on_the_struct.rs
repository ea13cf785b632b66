//! The attribute belongs on the impl block.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::aggregate(events = DoorEvent)]
struct Door {
    open: bool,
}

fn main() {}
