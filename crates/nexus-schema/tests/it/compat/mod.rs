//! Whether versions fit each other.

mod table;
