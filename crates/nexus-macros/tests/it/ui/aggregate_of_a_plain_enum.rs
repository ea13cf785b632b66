//! An enum without the attribute is no event.
use nexus::framework::Decision;

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
    fn open(&self, command: OpenDoor) -> Decision<DoorEvent> {
        Decision::from(vec![DoorEvent::DoorOpened { by: command.by }])
    }
}

fn main() {}
