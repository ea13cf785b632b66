//! An event has one schema.
#[nexus_macros::event]
enum DoorEvent<T> {
    DoorOpened { by: T },
}

fn main() {}
