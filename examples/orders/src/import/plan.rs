//! From rows to commands: a pure function of the files and of what the server already knows.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use nexus::Timestamp;

use super::{
    history::History,
    retail::{Place, Price, Row, Unreadable},
};
use crate::{CancelItems, CancelOrder, Item, Line, PlaceOrder};

/// What an order line holds at most, as its schema in [`crate::domain`] says.
const MAX_QUANTITY: u32 = 100_000;
const MAX_UNIT_PRICE_MINOR: u64 = 100_000_000;

/// Why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The row cannot be read at all.
    Unreadable,
    /// The invoice number starts with `A`: an adjustment of accounts, not an order.
    AccountingAdjustment,
    /// The invoice number is neither digits nor `C` and digits.
    UnknownInvoiceKind,
    /// An order needs a customer.
    MissingCustomer,
    /// The quantity has the wrong sign for the kind of invoice, or is zero, or is beyond what an order line holds.
    Quantity,
    /// The price is negative or beyond what an order line holds.
    Price,
    /// The price is finer than a penny.
    PriceTooFine,
    /// The customer has no earlier order with this product open.
    NothingToCancel,
    /// The customer's earlier orders have less of this product open than the row cancels.
    MoreThanOpen,
    /// The server refused the command.
    Refused,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unreadable => "unreadable-row",
            Self::AccountingAdjustment => "accounting-adjustment",
            Self::UnknownInvoiceKind => "unknown-invoice-kind",
            Self::MissingCustomer => "missing-customer",
            Self::Quantity => "quantity-out-of-range",
            Self::Price => "price-out-of-range",
            Self::PriceTooFine => "price-finer-than-a-penny",
            Self::NothingToCancel => "nothing-to-cancel",
            Self::MoreThanOpen => "more-than-is-open",
            Self::Refused => "refused-by-the-server",
        })
    }
}

/// A row that is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands.
    pub place: Place,
    /// Its invoice.
    pub invoice: String,
    /// Why.
    pub reason: Reason,
    /// What exactly.
    pub detail: String,
}

/// What is to be done, in order.
#[derive(Debug, Default)]
pub struct Plan {
    /// One command each.
    pub steps: Vec<Step>,
    /// Rows that lead to no command.
    pub rejected: Vec<Rejected>,
    /// How many rows there are in all.
    pub rows: usize,
}

/// One command and the rows behind it.
#[derive(Debug, Clone)]
pub struct Step {
    /// The order it goes to.
    pub order: String,
    /// The invoice it comes from.
    pub invoice: String,
    /// What it does.
    pub action: Action,
    /// When the invoice was made.
    pub at: Timestamp,
    /// The order's country.
    pub country: String,
    /// What it adds to the order's value, or takes from it, in pence.
    pub value: u64,
    /// The rows it carries out. A row spread over several orders belongs to the last of its steps.
    pub rows: Vec<Place>,
    /// The server knows it already: it is not sent.
    pub known: bool,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Places the order.
    Place(PlaceOrder),
    /// Cancels some of it.
    Cancel(Cancellation),
}

/// How a step cancels.
#[derive(Debug, Clone)]
pub enum Cancellation {
    /// Some items; others stay open.
    Items(CancelItems),
    /// All that was still open.
    Order(CancelOrder),
}

/// An order as the plan knows it: what is still open of each line.
#[derive(Debug, Clone)]
pub(super) struct OpenOrder {
    pub(super) id: String,
    pub(super) country: String,
    pub(super) lines: Vec<OpenLine>,
}

#[derive(Debug, Clone)]
pub(super) struct OpenLine {
    pub(super) product: String,
    pub(super) open: u32,
    pub(super) price: u64,
}

/// Makes the plan for these rows.
#[must_use]
pub fn plan(rows: Vec<Result<Row, Unreadable>>, history: &History) -> Plan {
    let mut planner =
        Planner { history, plan: Plan { rows: rows.len(), ..Plan::default() }, customers: HashMap::new() };
    let mut invoices: BTreeMap<(Timestamp, String), Vec<Row>> = BTreeMap::new();
    let mut dates: HashMap<String, Timestamp> = HashMap::new();
    for row in rows {
        match row {
            Ok(row) => {
                let at = *dates.entry(row.invoice.clone()).or_insert(row.at);
                invoices.entry((at, row.invoice.clone())).or_default().push(row);
            }
            Err(Unreadable { place, invoice, detail }) => {
                planner.plan.rejected.push(Rejected { place, invoice, reason: Reason::Unreadable, detail });
            }
        }
    }
    planner.remember_foreign_orders(&dates);
    for invoice in invoices.into_values() {
        planner.invoice(invoice);
    }
    planner.plan
}

struct Planner<'a> {
    history: &'a History,
    plan: Plan,
    /// Each customer's orders, oldest first.
    customers: HashMap<String, Vec<OpenOrder>>,
}

/// What an invoice takes from one order: quantities by line, and the rows that ask for it.
type Taken = (BTreeMap<usize, u32>, Vec<Place>);

/// What a row takes from one line of one order.
struct Take {
    order: usize,
    line: usize,
    quantity: u32,
}

impl Planner<'_> {
    /// Orders that earlier imports of other files placed can be cancelled from, too.
    fn remember_foreign_orders(&mut self, own: &HashMap<String, Timestamp>) {
        for order in self.history.orders_without(&|invoice: &str| own.contains_key(invoice)) {
            self.customers.entry(order.customer).or_default().push(order.open);
        }
    }

    fn reject(&mut self, row: &Row, reason: Reason, detail: impl Into<String>) {
        let (place, invoice) = (row.place.clone(), row.invoice.clone());
        self.plan.rejected.push(Rejected { place, invoice, reason, detail: detail.into() });
    }

    fn invoice(&mut self, rows: Vec<Row>) {
        let Some(invoice) = rows.first().map(|row| row.invoice.clone()) else { return };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match invoice.strip_prefix('C') {
            Some(number) if digits(number) => self.cancel(&invoice, &rows),
            None if digits(&invoice) => self.place(&invoice, &rows),
            _ if invoice.starts_with('A') => {
                for row in &rows {
                    self.reject(row, Reason::AccountingAdjustment, row.description.clone());
                }
            }
            _ => {
                for row in &rows {
                    self.reject(row, Reason::UnknownInvoiceKind, format!("invoice `{invoice}`"));
                }
            }
        }
    }

    fn place(&mut self, invoice: &str, rows: &[Row]) {
        let mut accepted: Vec<(&Row, Line)> = Vec::new();
        for row in rows {
            let first = accepted.first().map(|(first, _)| *first);
            match order_line(row, first) {
                Ok(line) => accepted.push((row, line)),
                Err((reason, detail)) => self.reject(row, reason, detail),
            }
        }
        let Some((first, _)) = accepted.first() else { return };
        let id = format!("retail-{invoice}");
        let (customer, country, at) = (first.customer.clone(), first.country.clone(), first.at);
        let places = accepted.iter().map(|(row, _)| row.place.clone()).collect();
        let lines: Vec<Line> = accepted.into_iter().map(|(_, line)| line).collect();
        let open = |line: &Line| OpenLine {
            product: line.product_id.clone(),
            open: line.quantity,
            price: line.unit_price_minor,
        };
        let order = OpenOrder { id: id.clone(), country: country.clone(), lines: lines.iter().map(open).collect() };
        self.customers.entry(customer.clone()).or_default().push(order);
        let value = lines.iter().map(|line| u64::from(line.quantity) * line.unit_price_minor).sum();
        let command = PlaceOrder { customer_id: customer, country: country.clone(), placed_at: Some(at), lines };
        self.plan.steps.push(Step {
            known: self.history.knows_order(&id),
            order: id,
            invoice: invoice.to_owned(),
            action: Action::Place(command),
            at,
            country,
            value,
            rows: places,
        });
    }

    fn cancel(&mut self, invoice: &str, rows: &[Row]) {
        // What this invoice takes, by order; orders in the order they were placed.
        let mut taken: BTreeMap<(String, usize), Taken> = BTreeMap::new();
        for row in rows {
            let takes = match self.take(row) {
                Ok(takes) => takes,
                Err((reason, detail)) => {
                    self.reject(row, reason, detail);
                    continue;
                }
            };
            let last = takes.len().saturating_sub(1);
            for (index, take) in takes.into_iter().enumerate() {
                let (lines, places) = taken.entry((row.customer.clone(), take.order)).or_default();
                *lines.entry(take.line).or_default() += take.quantity;
                if index == last {
                    places.push(row.place.clone());
                }
            }
        }
        let Some(at) = rows.first().map(|row| row.at) else { return };
        for ((customer, order), (lines, places)) in taken {
            let Some(order) = self.customers.get(&customer).and_then(|orders| orders.get(order)) else {
                continue;
            };
            let step = cancellation(invoice, order, &lines);
            let known = self.history.knows_cancellation(&order.id, invoice);
            self.plan.steps.push(Step { at, rows: places, known, ..step });
        }
    }

    /// Takes a row's quantity from the customer's newest orders that still have the product, whole or not at all.
    fn take(&mut self, row: &Row) -> Result<Vec<Take>, (Reason, String)> {
        if row.customer.is_empty() {
            return Err((Reason::MissingCustomer, format!("cancels product {}", row.product)));
        }
        let wanted = row.quantity.checked_neg().and_then(|quantity| u32::try_from(quantity).ok());
        let Some(wanted) = wanted.filter(|wanted| *wanted > 0) else {
            return Err((Reason::Quantity, format!("a cancellation of {}", -row.quantity)));
        };
        let orders = self.customers.get_mut(&row.customer).map(Vec::as_mut_slice).unwrap_or_default();
        let (mut left, mut takes) = (wanted, Vec::new());
        for (order_index, order) in orders.iter().enumerate().rev() {
            for (line_index, line) in order.lines.iter().enumerate() {
                if line.product == row.product && line.open > 0 && left > 0 {
                    let quantity = left.min(line.open);
                    left -= quantity;
                    takes.push(Take { order: order_index, line: line_index, quantity });
                }
            }
        }
        if left > 0 {
            let found = wanted - left;
            let reason = if found == 0 { Reason::NothingToCancel } else { Reason::MoreThanOpen };
            let detail = format!("{wanted} of product {} by customer {}, {found} open", row.product, row.customer);
            return Err((reason, detail));
        }
        for take in &takes {
            if let Some(line) = orders.get_mut(take.order).and_then(|order| order.lines.get_mut(take.line)) {
                line.open -= take.quantity;
            }
        }
        Ok(takes)
    }
}

/// The order line of a row, or why there is none. All rows of an order have the customer of its first.
fn order_line(row: &Row, first: Option<&Row>) -> Result<Line, (Reason, String)> {
    if row.customer.is_empty() {
        return Err((Reason::MissingCustomer, format!("{} × product {}", row.quantity, row.product)));
    }
    if let Some(first) = first.filter(|first| first.customer != row.customer) {
        let detail = format!("customer {} in an invoice of customer {}", row.customer, first.customer);
        return Err((Reason::MissingCustomer, detail));
    }
    let quantity = u32::try_from(row.quantity).ok().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
    let Some(quantity) = quantity else {
        return Err((Reason::Quantity, format!("an order of {}", row.quantity)));
    };
    let pence = match row.price {
        Price::TooFine => return Err((Reason::PriceTooFine, format!("product {}", row.product))),
        Price::Pence(pence) => pence,
    };
    let price = u64::try_from(pence).ok().filter(|price| *price <= MAX_UNIT_PRICE_MINOR);
    let Some(unit_price_minor) = price else {
        return Err((Reason::Price, format!("a price of {pence} pence")));
    };
    let description = Some(row.description.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Line { product_id: row.product.clone(), description, quantity, unit_price_minor })
}

/// The step that cancels these quantities of an order whose lines already reflect it.
fn cancellation(invoice: &str, order: &OpenOrder, lines: &BTreeMap<usize, u32>) -> Step {
    let reason = Some(format!("invoice {invoice}"));
    let priced =
        |(line, quantity): (&usize, &u32)| order.lines.get(*line).map_or(0, |line| line.price * u64::from(*quantity));
    let value = lines.iter().map(priced).sum();
    let item = |(line, quantity): (&usize, &u32)| Item {
        line: u32::try_from(line + 1).unwrap_or(u32::MAX),
        quantity: *quantity,
    };
    let action = if order.lines.iter().all(|line| line.open == 0) {
        Cancellation::Order(CancelOrder { reason })
    } else {
        Cancellation::Items(CancelItems { items: lines.iter().map(item).collect(), reason })
    };
    Step {
        order: order.id.clone(),
        invoice: invoice.to_owned(),
        action: Action::Cancel(action),
        at: Timestamp::UNIX_EPOCH,
        country: order.country.clone(),
        value,
        rows: Vec::new(),
        known: false,
    }
}
