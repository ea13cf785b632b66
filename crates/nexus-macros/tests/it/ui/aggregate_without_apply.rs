//! An aggregate that does not follow its events.
use nexus::framework::Decision;

#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[nexus_macros::command]
struct OpenDoor {
    by: String,
}

#[nexus_macros::state]
struct Door {
    open: bool,
}

#[nexus_macros::aggregate(events = DoorEvent)]
impl Door {
    #[handle(create)]
    fn open(&self, command: OpenDoor) -> Decision<DoorEvent> {
        DoorEvent::DoorOpened { by: command.by }.into()
    }
}

fn main() {}
