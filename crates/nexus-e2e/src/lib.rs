//! Black-box tests of the built `nexus` binary live in `tests/it`; this library is what they share.
//!
//! **What belongs here:** starting and killing real processes, speaking HTTP to them, and computing expected results
//! without the product's code. **What does not:** anything that reaches into a crate of the product.

mod clients;
mod data;
mod http;
mod ledger;
mod process;

pub use clients::ForeignClient;
pub use data::{Data, data};
pub use http::{Answer, Http};
pub use ledger::{Ledger, OrderTotals};
pub use process::{Finished, Server, binary, eventually, run, run_program};
