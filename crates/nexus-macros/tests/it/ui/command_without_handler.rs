//! A command that nobody handles.
use nexus::framework::{Aggregate, Decision};

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

#[nexus_macros::command]
struct CloseDoor {}

#[nexus_macros::command]
struct PaintDoor {}

#[nexus_macros::aggregate(events = DoorEvent)]
impl Door {
    fn apply(&mut self, _: &DoorEvent) {
        self.open = true;
    }

    #[handle(create)]
    fn open(&self, command: OpenDoor) -> Decision<DoorEvent> {
        DoorEvent::DoorOpened { by: command.by }.into()
    }

    #[handle]
    fn close(&self, _: CloseDoor) -> Decision<DoorEvent> {
        Decision::nothing()
    }
}

fn main() {
    Door::given([]).when(PaintDoor {}).then([]);
}
