//! Events are variants of one enum.
#[nexus_macros::event]
struct DoorOpened {
    by: String,
}

fn main() {}
