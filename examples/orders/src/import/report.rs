//! What an import did: every row of the files is accounted for.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use nexus::{Failure, Output};
use serde_json::{Value, json};

use super::{
    plan::{Action, Plan, Reason, Rejected},
    send::Sent,
};

/// Totals of an import.
pub(super) struct Report {
    rows: usize,
    placed_rows: usize,
    cancelled_rows: usize,
    rejected: Vec<Rejected>,
    months: BTreeMap<String, Totals>,
    countries: BTreeMap<String, Totals>,
    stored: usize,
    known: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    orders: u64,
    lines: u64,
    revenue: u64,
    cancelled: u64,
}

impl Report {
    pub(super) fn new(plan: Plan, sent: Vec<Sent>) -> Self {
        let mut report = Self {
            rows: plan.rows,
            placed_rows: 0,
            cancelled_rows: 0,
            rejected: plan.rejected,
            months: BTreeMap::new(),
            countries: BTreeMap::new(),
            stored: 0,
            known: 0,
        };
        for (step, sent) in plan.steps.into_iter().zip(sent) {
            match sent {
                Sent::Stored => report.stored += 1,
                Sent::Known => report.known += 1,
                Sent::Refused(detail) => {
                    let refused = step.rows.into_iter().map(|place| Rejected {
                        place,
                        invoice: step.invoice.clone(),
                        reason: Reason::Refused,
                        detail: detail.clone(),
                    });
                    report.rejected.extend(refused);
                    continue;
                }
            }
            let lines = u64::try_from(step.rows.len()).unwrap_or_default();
            let totals = match &step.action {
                Action::Place(_) => {
                    report.placed_rows += step.rows.len();
                    Totals { orders: 1, lines, revenue: step.value, cancelled: 0 }
                }
                Action::Cancel(_) => {
                    report.cancelled_rows += step.rows.len();
                    Totals { cancelled: step.value, ..Totals::default() }
                }
            };
            report.months.entry(step.at.month()).or_default().add(totals);
            report.countries.entry(step.country).or_default().add(totals);
        }
        report.rejected.sort_by(|left, right| (left.reason, &left.place).cmp(&(right.reason, &right.place)));
        report
    }

    /// Writes every rejected row.
    pub(super) fn write_rejected(&self, path: &Path) -> Result<(), Failure> {
        let unusable = |error: csv::Error| Failure::usage(format_args!("{}: {error}", path.display()));
        let mut writer = csv::Writer::from_path(path).map_err(unusable)?;
        writer.write_record(["reason", "file", "line", "invoice", "detail"]).map_err(unusable)?;
        for row in &self.rejected {
            let (reason, line) = (row.reason.to_string(), row.place.line.to_string());
            writer.write_record([&reason, &*row.place.file, &line, &row.invoice, &row.detail]).map_err(unusable)?;
        }
        writer.flush().map_err(|error| unusable(error.into()))
    }

    /// Prints the totals; fails when a row is not accounted for.
    pub(super) fn print(&self, output: Output, rejected_file: Option<&Path>) -> Result<(), Failure> {
        output.value(&self.to_json(), |_| self.to_text(output, rejected_file))?;
        let accounted = self.placed_rows + self.cancelled_rows + self.rejected.len();
        if accounted == self.rows {
            return Ok(());
        }
        Err(Failure::refused(format_args!("{} rows were read, but {accounted} are accounted for", self.rows)))
    }

    fn to_json(&self) -> Value {
        let group = |groups: &BTreeMap<String, Totals>| -> Value {
            groups.iter().map(|(name, totals)| (name.clone(), totals.to_json())).collect()
        };
        let rejected = self.rejected.iter().map(|row| {
            json!({ "reason": row.reason.to_string(), "file": &*row.place.file, "line": row.place.line,
                    "invoice": row.invoice, "detail": row.detail })
        });
        json!({
            "rows": self.rows, "placedRows": self.placed_rows, "cancelledRows": self.cancelled_rows,
            "rejectedRows": self.rejected.len(), "commandsStored": self.stored, "commandsKnown": self.known,
            "months": group(&self.months), "countries": group(&self.countries),
            "rejected": rejected.collect::<Vec<_>>(),
        })
    }

    fn to_text(&self, output: Output, rejected_file: Option<&Path>) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", output.bold("Rows"));
        let _ = writeln!(
            text,
            "  {} read = {} placed + {} cancelled + {} rejected",
            self.rows,
            self.placed_rows,
            self.cancelled_rows,
            self.rejected.len()
        );
        let _ = writeln!(text, "  {} commands stored, {} known from before\n", self.stored, self.known);
        self.groups(&mut text, output, "Month", &self.months);
        self.groups(&mut text, output, "Country", &self.countries);
        self.reasons(&mut text, output, rejected_file);
        text.trim_end().to_owned()
    }

    fn groups(&self, text: &mut String, output: Output, title: &str, groups: &BTreeMap<String, Totals>) {
        let head = format!("{title:<22}{:>8}{:>9}{:>16}{:>16}", "orders", "lines", "revenue", "cancelled");
        let _ = writeln!(text, "{}", output.bold(&head));
        let mut sum = Totals::default();
        for (name, totals) in groups {
            sum.add(*totals);
            let _ = writeln!(text, "{}", totals.line(name));
        }
        let _ = writeln!(text, "{}\n", sum.line("total"));
    }

    fn reasons(&self, text: &mut String, output: Output, rejected_file: Option<&Path>) {
        if self.rejected.is_empty() {
            return;
        }
        let _ = writeln!(text, "{}", output.bold("Rejected rows by reason"));
        let mut rest = self.rejected.as_slice();
        while let Some(first) = rest.first() {
            let (same, others) = rest.split_at(rest.partition_point(|row| row.reason == first.reason));
            let _ = writeln!(text, "  {:<26}{:>7}", first.reason, same.len());
            for row in same.iter().take(3) {
                let place = format!("{}:{} invoice {}", row.place.file, row.place.line, row.invoice);
                let _ = writeln!(text, "{}", output.dim(&format!("      {place}: {}", row.detail)));
            }
            rest = others;
        }
        let _ = match rejected_file {
            Some(path) => writeln!(text, "  every one of them is in {}", path.display()),
            None => writeln!(text, "  list every one of them with --rejected FILE, or with -o json"),
        };
    }
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.lines += other.lines;
        self.revenue += other.revenue;
        self.cancelled += other.cancelled;
    }

    fn to_json(self) -> Value {
        json!({ "orders": self.orders, "lines": self.lines, "revenueMinor": self.revenue,
                "cancelledMinor": self.cancelled })
    }

    fn line(self, name: &str) -> String {
        let pounds = |pence: u64| format!("£{}.{:02}", pence / 100, pence % 100);
        let (revenue, cancelled) = (pounds(self.revenue), pounds(self.cancelled));
        format!("  {name:<20}{:>8}{:>9}{revenue:>16}{cancelled:>16}", self.orders, self.lines)
    }
}
