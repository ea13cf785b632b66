//! A row needs to be found again.
#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::projection(resource = "doors", events = DoorEvent)]
struct DoorRow {
    door_id: String,
    times_opened: u32,
}

fn main() {}
