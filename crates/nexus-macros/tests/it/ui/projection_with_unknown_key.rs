//! The key is a field, by its JSON name.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::projection(resource = "doors", key = "door_id", events = DoorEvent)]
struct DoorRow {
    door_id: String,
    times_opened: u32,
}

fn main() {}
