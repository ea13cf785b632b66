//! A disk in memory that can lose power.
//!
//! Every file has a *live* content, which the running system sees, and a *durable* one, which only a flush brings up
//! to date; so have the entries of directories. A crash leaves the durable state and any part of what was not flushed:
//! each sector in any of its states since the last flush, any length the file had, each change of an entry made or
//! not. That is what POSIX allows and more than file systems do.

mod crash;
mod disk;
mod fault;
mod file;
mod image;

pub(crate) use crash::Survival;
pub(crate) use disk::Disk;
pub(crate) use fault::Fault;
pub(crate) use image::{Image, Operation};
