//! One struct per command.
#[nexus_macros::command]
enum DoorCommand {
    Open { by: String },
}

fn main() {}
