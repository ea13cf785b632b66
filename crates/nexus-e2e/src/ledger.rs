//! What an import must lead to, computed from the files alone and without the product's code.
//!
//! The method differs from the importer's on purpose: money is counted in tenths of a penny with plain decimal
//! arithmetic, rows are first gathered per customer, and every piece sold is a unit of its own on a stack per product,
//! so that "the newest earlier orders that still have it" is simply the top of the stack.

#![expect(clippy::expect_used, reason = "unexpected data must fail the test")]

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::Read,
    path::PathBuf,
};

use flate2::read::MultiGzDecoder;

/// Totals of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderTotals {
    /// Country of the order.
    pub country: String,
    /// `YYYY-MM` it was placed in.
    pub month: String,
    /// Number of lines.
    pub lines: u64,
    /// Value in pence.
    pub total: u64,
    /// Cancelled value in pence.
    pub cancelled: u64,
}

/// What the files must lead to.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By invoice number.
    pub orders: BTreeMap<String, OrderTotals>,
    /// Rows in the files.
    pub rows: u64,
    /// Rows that become order lines.
    pub placed: u64,
    /// Rows that cancel.
    pub cancelled: u64,
}

/// One piece sold: the invoice it is on and its price.
type Piece = (String, u64);

struct Entry {
    at: String,
    invoice: String,
    index: usize,
    product: String,
    quantity: i64,
    pence: Option<u64>,
    country: String,
}

impl Ledger {
    /// Computes the ledger of these files.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn of(files: &[PathBuf]) -> Self {
        let mut ledger = Self::default();
        let mut customers: HashMap<String, Vec<Entry>> = HashMap::new();
        let mut first_dates: HashMap<String, (String, usize)> = HashMap::new();
        for file in files {
            for record in csv::Reader::from_reader(text(file).as_bytes()).records() {
                let record = record.expect("a record");
                let field = |index: usize| record.get(index).unwrap_or_default().to_owned();
                let index = usize::try_from(ledger.rows).expect("few rows");
                ledger.rows += 1;
                let Ok(quantity) = field(3).parse() else { continue };
                let (at, _) = first_dates.entry(field(0)).or_insert_with(|| (field(4), index)).clone();
                let entry = Entry {
                    at,
                    invoice: field(0),
                    index,
                    product: field(1),
                    quantity,
                    pence: pence(&field(5)),
                    country: field(7),
                };
                if !field(6).is_empty() {
                    customers.entry(field(6)).or_default().push(entry);
                }
            }
        }
        for entries in customers.into_values() {
            ledger.customer(entries, &first_dates);
        }
        ledger
    }

    fn customer(&mut self, mut entries: Vec<Entry>, first: &HashMap<String, (String, usize)>) {
        entries.sort_by_key(|entry| {
            let (at, _) = first.get(&entry.invoice).cloned().unwrap_or_default();
            (at, entry.invoice.clone(), entry.index)
        });
        // Per product: the orders that sold it, oldest first, each with its pieces in the order of its lines.
        let mut stacks: HashMap<String, Vec<(String, Vec<Piece>)>> = HashMap::new();
        for entry in entries {
            match entry.invoice.strip_prefix('C') {
                Some(_) => self.cancel(&entry, stacks.entry(entry.product.clone()).or_default()),
                None if entry.invoice.starts_with('A') => {}
                None => self.place(&entry, stacks.entry(entry.product.clone()).or_default()),
            }
        }
    }

    fn place(&mut self, entry: &Entry, sold: &mut Vec<(String, Vec<Piece>)>) {
        let (Some(pence), Ok(quantity)) = (entry.pence, u64::try_from(entry.quantity)) else { return };
        if quantity == 0 {
            return;
        }
        let order = self.orders.entry(entry.invoice.clone()).or_default();
        if order.lines == 0 {
            order.country.clone_from(&entry.country);
            order.month = entry.at.get(..7).unwrap_or_default().to_owned();
        }
        order.lines += 1;
        order.total += quantity * pence;
        self.placed += 1;
        let pieces = (0..quantity).map(|_| (entry.invoice.clone(), pence));
        match sold.last_mut().filter(|(invoice, _)| *invoice == entry.invoice) {
            Some((_, all)) => all.extend(pieces),
            None => sold.push((entry.invoice.clone(), pieces.collect())),
        }
    }

    fn cancel(&mut self, entry: &Entry, sold: &mut [(String, Vec<Piece>)]) {
        let wanted = usize::try_from(-entry.quantity).unwrap_or_default();
        let open: usize = sold.iter().map(|(_, pieces)| pieces.len()).sum();
        if wanted == 0 || open < wanted {
            return;
        }
        self.cancelled += 1;
        let mut left = wanted;
        for (_, pieces) in sold.iter_mut().rev() {
            let take = left.min(pieces.len());
            for (invoice, pence) in pieces.drain(..take) {
                self.orders.entry(invoice).or_default().cancelled += pence;
            }
            left -= take;
        }
    }

    /// Orders, lines, value and cancelled value, summed by what `key` says.
    #[must_use]
    pub fn grouped(&self, key: impl Fn(&OrderTotals) -> &str) -> BTreeMap<String, (u64, u64, u64, u64)> {
        let mut groups: BTreeMap<String, (u64, u64, u64, u64)> = BTreeMap::new();
        for order in self.orders.values() {
            let group = groups.entry(key(order).to_owned()).or_default();
            *group = (group.0 + 1, group.1 + order.lines, group.2 + order.total, group.3 + order.cancelled);
        }
        groups
    }
}

/// Whole pence of a decimal number of pounds; `None` when negative or finer.
fn pence(pounds: &str) -> Option<u64> {
    let (whole, fraction) = pounds.split_once('.').unwrap_or((pounds, "0"));
    let mut tenths: u64 = whole.parse::<u64>().ok()? * 1000;
    for (digit, weight) in fraction.chars().zip([100, 10, 1]) {
        tenths += u64::from(digit.to_digit(10)?) * weight;
    }
    (tenths.is_multiple_of(10) && fraction.len() <= 3).then_some(tenths / 10)
}

fn text(file: &PathBuf) -> String {
    let mut text = String::new();
    let opened = File::open(file).expect("the file opens");
    if file.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(opened).read_to_string(&mut text).expect("the file is gzipped UTF-8");
    } else {
        let mut opened = opened;
        opened.read_to_string(&mut text).expect("the file is UTF-8");
    }
    text
}
