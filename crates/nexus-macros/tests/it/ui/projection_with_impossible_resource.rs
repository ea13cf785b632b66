//! The resource is a part of a URL.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::projection(resource = "Doors/All", key = "doorId", events = DoorEvent)]
struct DoorRow {
    door_id: String,
    times_opened: u32,
}

fn main() {}
