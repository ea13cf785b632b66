//! A type is not a text.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::projection(resource = "doors", key = "doorId", events = "DoorEvent")]
struct DoorRow {
    door_id: String,
    times_opened: u32,
}

fn main() {}
