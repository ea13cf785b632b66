//! A decision changes nothing.
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
    fn apply(&mut self, _: &DoorEvent) {
        self.open = true;
    }

    #[handle(create)]
    fn open(&mut self, command: OpenDoor) -> Decision<DoorEvent> {
        DoorEvent::DoorOpened { by: command.by }.into()
    }
}

fn main() {}
