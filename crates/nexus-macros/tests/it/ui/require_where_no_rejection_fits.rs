//! `require!` returns a rejection from the surrounding function.
fn opens(locked: bool) -> bool {
    nexus::require!(!locked, "door-is-locked", "the door is locked");
    true
}

fn main() {}
