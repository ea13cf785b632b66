//! A payload is a JSON object.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened(String, u64),
}

fn main() {}
