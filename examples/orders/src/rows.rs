//! Orders as the API lists them.

use nexus::prelude::*;

use crate::OrderEvent::{self, OrderCancelled, OrderItemsCancelled, OrderPlaced};

#[nexus::projection(resource = "orders", key = "id", events = OrderEvent)]
pub struct OrderRow {
    id: String,
    customer_id: String,
    country: String,
    /// `placed`, `partially-cancelled` or `cancelled`.
    status: String,
    line_count: usize,
    /// How many items are not cancelled.
    open_items: u64,
    total_minor: u64,
    cancelled_minor: u64,
    placed_at: Timestamp,
}

impl Project<OrderEvent> for OrderRow {
    fn on(event: &Recorded<OrderEvent>, row: Row<Self>) -> Change<Self> {
        match &event.data {
            OrderPlaced { customer_id, country, placed_at, lines, total_minor } => row.insert(Self {
                id: event.aggregate_id.to_string(),
                customer_id: customer_id.clone(),
                country: country.clone(),
                status: "placed".into(),
                line_count: lines.len(),
                open_items: lines.iter().map(|line| u64::from(line.quantity)).sum(),
                total_minor: *total_minor,
                cancelled_minor: 0,
                placed_at: *placed_at,
            }),
            OrderItemsCancelled { items, amount_minor, .. } => row.update(|row| {
                row.cancel(items.iter().map(|item| u64::from(item.quantity)).sum(), *amount_minor);
            }),
            OrderCancelled { amount_minor, .. } => row.update(|row| row.cancel(row.open_items, *amount_minor)),
        }
    }
}

impl OrderRow {
    fn cancel(&mut self, items: u64, amount_minor: u64) {
        self.open_items = self.open_items.saturating_sub(items);
        self.cancelled_minor = self.cancelled_minor.saturating_add(amount_minor);
        self.status = if self.open_items == 0 { "cancelled" } else { "partially-cancelled" }.into();
    }
}
