//! Integration tests of the embedded read side.

mod files;
mod idempotency;
mod paging;
mod rows;
mod support;
