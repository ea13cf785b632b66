//! The stock `nexus` binary.

fn main() {}
