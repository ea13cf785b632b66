//! `orders import`: replays the Online Retail data set through the command API of a running server.
//!
//! What the domain accepts, and what happens to the rest:
//! - An invoice is an order: `PlaceOrder` for `retail-<invoice>`, one line per row, placed at the invoice's first date
//!   (the data has no time zone; it is read as UTC). Prices are pounds and become pence.
//! - A `C` invoice cancels: each of its rows takes its quantity from the newest earlier orders of that customer that
//!   still have that product open, whatever the price on the row; the value is what the order had charged. One
//!   `CancelItems` per order, or `CancelOrder` where nothing is left open. A row is cancelled whole or rejected whole.
//! - A row that cannot be mapped is rejected with a [reason](plan::Reason); the other rows of its invoice go on.
//!
//! Every row of the files ends as exactly one of placed, cancelled and rejected. Orders and cancellations that the
//! server already knows are not sent again, and every command carries an idempotency key, so an import can be repeated
//! or taken up again at any time.

mod history;
mod plan;
mod report;
mod retail;
mod send;

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, FromArgMatches};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nexus::{Failure, Invocation, Verb};

pub use plan::{Cancellation, Plan, Reason, Rejected, Step, plan};
pub use retail::{Row, read_files};

/// The verb `orders import`.
#[must_use]
pub fn verb() -> Verb {
    let import = clap::Command::new("import").about("Replay Online Retail months through the command API");
    let import = Import::augment_args(import);
    let command = clap::Command::new("orders")
        .about("The sample domain's own verbs")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(import);
    Verb::new(command, |invocation| Box::pin(run(invocation)))
}

#[derive(Debug, Args)]
struct Import {
    /// Months of the data set, as CSV or gzipped CSV.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many requests are under way at once.
    #[arg(long, default_value = "8", value_name = "N")]
    connections: NonZeroUsize,
    /// Write every rejected row to this CSV file: reason, file, line, invoice, detail.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

async fn run(invocation: Invocation) -> Result<(), Failure> {
    let Invocation { matches, client, output } = invocation;
    let matches = matches.subcommand_matches("import").ok_or_else(|| Failure::usage("`orders` needs a verb"))?;
    let import = Import::from_arg_matches(matches).map_err(Failure::usage)?;
    let rows = read_files(&import.files)?;
    let history = history::fetch(&client).await?;
    let plan = plan(rows, &history);
    let bar = progress(plan.steps.len());
    let sent = send::send(&client, &plan.steps, import.connections, &bar).await;
    bar.finish_and_clear();
    let report = report::Report::new(plan, sent?);
    if let Some(path) = &import.rejected {
        report.write_rejected(path)?;
    }
    report.print(output, import.rejected.as_deref())
}

/// A bar on standard error; invisible where that is not a terminal.
fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(steps).ok(), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} commands  {per_sec}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
