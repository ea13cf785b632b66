//! What the macros write, and what they say when they cannot.

mod impls;
mod messages;
