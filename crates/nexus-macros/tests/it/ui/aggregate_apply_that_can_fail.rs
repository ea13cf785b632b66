//! What has happened cannot be refused.
use nexus::framework::{Decision, Rejection};

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
    fn apply(&mut self, _: &DoorEvent) -> Result<(), Rejection> {
        self.open = true;
        Ok(())
    }

    #[handle(create)]
    fn open(&self, command: OpenDoor) -> Decision<DoorEvent> {
        DoorEvent::DoorOpened { by: command.by }.into()
    }
}

fn main() {}
