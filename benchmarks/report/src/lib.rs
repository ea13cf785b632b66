//! What the benchmarks share: [samples](Sample) and their [spread](Spread), [orders](OrderSource) to store, the
//! [machine](Machine) they ran on, and the Markdown tables and SVG plots that say what came out.
//!
//! **What belongs here:** what both benchmark programs need. **What does not:** anything that is measured.

mod chart;
mod machine;
mod orders;
mod process;
mod results;
mod sample;
mod table;
mod targets;

pub use chart::{Bar, Chart};
pub use machine::Machine;
pub use orders::{Order, OrderSource};
pub use process::{cpu_seconds, machine_cpu_seconds, resident_mib};
pub use results::{Results, Section};
pub use sample::{Sample, Spread, Timings};
pub use table::{Table, rate};
pub use targets::{Target, targets_table};

/// What a step of a benchmark answers; the error is printed for the person at the terminal.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
