//! Exceptions: findings that somebody answers for until a day, in `nexus.exceptions.toml`.

mod apply;
mod exception;
mod place;
mod read;

pub use exception::{Exception, Exceptions, ExceptionsError};
