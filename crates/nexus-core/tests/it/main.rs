//! What is pure, tried from outside.

mod upcasting;
