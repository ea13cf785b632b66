//! Nothing ever happens.
#[nexus_macros::event]
enum DoorEvent {}

fn main() {}
