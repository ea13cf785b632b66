//! Applications as processes, over the life of their data.

mod schemas;
mod upcasting;
