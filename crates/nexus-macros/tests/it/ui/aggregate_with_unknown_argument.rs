//! A misspelt argument.
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

#[nexus_macros::aggregate(event = DoorEvent)]
impl Door {
    fn apply(&mut self, _: &DoorEvent) {
        self.open = true;
    }
}

fn main() {}
