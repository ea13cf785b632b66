//! The fields of a command are what a client writes.
#[nexus_macros::command]
struct OpenDoor(String);

fn main() {}
