//! The form of the enum is the form in the log.
#[nexus_macros::event]
#[serde(tag = "kind")]
enum DoorEvent {
    DoorOpened { by: String },
}

fn main() {}
