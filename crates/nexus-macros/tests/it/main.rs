//! What the macros write.

mod impls;
