//! What the server already knows of earlier imports, read from its log.

use std::collections::{BTreeMap, HashMap, HashSet};

use nexus::{Client, Events as _, Failure, Timestamp, core::Json};
use serde_json::Value;

use super::plan::{OpenLine, OpenOrder};
use crate::OrderEvent;

/// Orders and cancellations that earlier imports wrote.
#[derive(Debug, Default)]
pub struct History {
    /// By when they were placed and by id: the log has them in the order in which connections got through.
    orders: BTreeMap<(Timestamp, String), KnownOrder>,
    by_id: HashMap<String, Timestamp>,
    /// Order id and cancelling invoice.
    cancellations: HashSet<(String, String)>,
}

#[derive(Debug)]
struct KnownOrder {
    id: String,
    customer: String,
    country: String,
    lines: Vec<OpenLine>,
    /// What each cancelling invoice took, by line.
    cancelled: Vec<(String, Vec<(u32, u32)>)>,
    /// The invoice that cancelled all that was left.
    closed_by: Option<String>,
}

/// An order of an invoice that is not among the imported files.
pub(super) struct ForeignOrder {
    pub(super) customer: String,
    pub(super) open: OpenOrder,
}

/// Reads the orders' events from the log of the server.
pub(super) async fn fetch(client: &Client) -> Result<History, Failure> {
    let (mut history, mut after) = (History::default(), 0_u64);
    loop {
        let types = OrderEvent::TYPES.join(",");
        let query = [("after", after.to_string()), ("limit", "1000".to_owned()), ("types", types)];
        let page = client.get("/api/events", &query).await?;
        for event in page.get("events").and_then(Value::as_array).into_iter().flatten() {
            history.add(event);
        }
        let number = |name: &str| page.get(name).and_then(Value::as_u64).unwrap_or_default();
        let (next, head) = (number("next"), number("head"));
        if next <= after || next >= head {
            return Ok(history);
        }
        after = next;
    }
}

impl History {
    fn add(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = text("aggregateId").to_owned();
        if !id.starts_with("retail-") {
            return;
        }
        let payload = Json::from_value(event.get("payload").unwrap_or(&Value::Null));
        let Ok(happened) = OrderEvent::from_stored(text("eventType"), &payload) else { return };
        match happened {
            OrderEvent::OrderPlaced { customer_id, country, placed_at, lines, .. } => {
                let line = |line: crate::Line| OpenLine {
                    product: line.product_id,
                    open: line.quantity,
                    price: line.unit_price_minor,
                };
                let lines = lines.into_iter().map(line).collect();
                self.by_id.insert(id.clone(), placed_at);
                let key = (placed_at, id.clone());
                let known =
                    KnownOrder { id, customer: customer_id, country, lines, cancelled: Vec::new(), closed_by: None };
                self.orders.insert(key, known);
            }
            OrderEvent::OrderItemsCancelled { items, reason, .. } => {
                let invoice = invoice_of(reason);
                let items = items.iter().map(|item| (item.line, item.quantity)).collect();
                if let Some(order) = self.order_mut(&id) {
                    order.cancelled.push((invoice.clone(), items));
                }
                self.cancellations.insert((id, invoice));
            }
            OrderEvent::OrderCancelled { reason, .. } => {
                let invoice = invoice_of(reason);
                if let Some(order) = self.order_mut(&id) {
                    order.closed_by = Some(invoice.clone());
                }
                self.cancellations.insert((id, invoice));
            }
        }
    }

    fn order_mut(&mut self, id: &str) -> Option<&mut KnownOrder> {
        let placed_at = *self.by_id.get(id)?;
        self.orders.get_mut(&(placed_at, id.to_owned()))
    }

    /// Whether this order is placed.
    pub(super) fn knows_order(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether this invoice has cancelled from this order.
    pub(super) fn knows_cancellation(&self, order: &str, invoice: &str) -> bool {
        self.cancellations.contains(&(order.to_owned(), invoice.to_owned()))
    }

    /// Orders of other invoices than the importing ones, with what was open before those took anything.
    pub(super) fn orders_without<'a>(
        &'a self,
        importing: &'a dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = ForeignOrder> + 'a {
        let foreign = |order: &&KnownOrder| !importing(order.id.trim_start_matches("retail-"));
        self.orders.values().filter(foreign).map(move |order| order.open_before(importing))
    }
}

impl KnownOrder {
    fn open_before(&self, importing: &dyn Fn(&str) -> bool) -> ForeignOrder {
        let mut lines = self.lines.clone();
        for (_, items) in self.cancelled.iter().filter(|(invoice, _)| !importing(invoice)) {
            for (number, quantity) in items {
                let index = usize::try_from(*number).unwrap_or_default().checked_sub(1);
                if let Some(line) = index.and_then(|index| lines.get_mut(index)) {
                    line.open = line.open.saturating_sub(*quantity);
                }
            }
        }
        if self.closed_by.as_deref().is_some_and(|invoice| !importing(invoice)) {
            lines.iter_mut().for_each(|line| line.open = 0);
        }
        let open = OpenOrder { id: self.id.clone(), country: self.country.clone(), lines };
        ForeignOrder { customer: self.customer.clone(), open }
    }
}

/// The invoice in a reason of ours; the whole reason when somebody else cancelled.
fn invoice_of(reason: Option<String>) -> String {
    let reason = reason.unwrap_or_default();
    reason.strip_prefix("invoice ").unwrap_or(&reason).to_owned()
}
