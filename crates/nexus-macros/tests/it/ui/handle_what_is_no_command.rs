//! A plain struct is no command.
use nexus::framework::Decision;

#[nexus_macros::event]
enum DoorEvent {
    DoorOpened { by: String },
}

#[derive(Debug)]
struct Plain {
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
    fn open(&self, command: Plain) -> Decision<DoorEvent> {
        DoorEvent::DoorOpened { by: command.by }.into()
    }
}

fn main() {}
