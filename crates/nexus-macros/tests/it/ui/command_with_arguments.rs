//! There is nothing to configure.
#[nexus_macros::command(name = "open-door")]
struct OpenDoor {
    by: String,
}

fn main() {}
