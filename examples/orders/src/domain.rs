//! Orders: what is asked of them, what happens to them, the rules in between, and the rows the API lists.

use OrderEvent::{OrderCancelled, OrderItemsCancelled, OrderPlaced};
use nexus::prelude::*;

/// The limits keep every total far below the largest integer.
#[nexus::value]
pub struct Line {
    pub product_id: String,
    pub description: Option<String>,
    #[schemars(range(min = 1, max = 100_000))]
    pub quantity: u32,
    #[schemars(range(max = 100_000_000))]
    pub unit_price_minor: u64,
}

/// Places an order; now, unless it says when.
#[nexus::command]
pub struct PlaceOrder {
    #[schemars(length(min = 1))]
    pub customer_id: String,
    #[schemars(length(min = 1))]
    pub country: String,
    pub placed_at: Option<Timestamp>,
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Vec<Line>,
}

/// Cancels some items of an order; cancelling all that is left cancels the order.
#[nexus::command]
pub struct CancelItems {
    #[schemars(length(min = 1, max = 10_000))]
    pub items: Vec<Item>,
    pub reason: Option<String>,
}

/// Some of a line; lines are counted from 1.
#[nexus::value]
pub struct Item {
    pub line: u32,
    #[schemars(range(min = 1))]
    pub quantity: u32,
}

/// Cancels all that is left of an order.
#[nexus::command]
pub struct CancelOrder {
    pub reason: Option<String>,
}

#[nexus::event]
pub enum OrderEvent {
    /// A customer has placed an order; its lines and prices are fixed from here on.
    OrderPlaced { customer_id: String, country: String, placed_at: Timestamp, lines: Vec<Line>, total_minor: u64 },
    /// Some items of an order are no longer wanted; the rest of it stays as it was.
    OrderItemsCancelled { items: Vec<Item>, amount_minor: u64, reason: Option<String> },
    /// Nothing of the order is left.
    OrderCancelled { amount_minor: u64, reason: Option<String> },
}

/// The lines of an order with what is left of them; none of it once the order is cancelled.
#[nexus::state]
pub struct Order {
    left: Vec<Line>,
}

#[nexus::aggregate(events = OrderEvent)]
impl Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderPlaced { lines, .. } => self.left.clone_from(lines),
            OrderItemsCancelled { items, .. } => items.iter().for_each(|item| _ = self.take(item)),
            OrderCancelled { .. } => self.left.clear(),
        }
    }

    #[handle(create)]
    fn place(&self, command: PlaceOrder, ctx: &Ctx<'_>) -> Decision<OrderEvent> {
        let PlaceOrder { customer_id, country, placed_at, lines } = command;
        let (placed_at, total_minor) = (placed_at.unwrap_or(ctx.now), amount(&lines));
        OrderPlaced { customer_id, country, placed_at, lines, total_minor }.into()
    }

    #[handle]
    fn cancel_items(&self, command: CancelItems) -> Result<OrderEvent, Rejection> {
        let (mut order, CancelItems { items, reason }) = (self.open()?.clone(), command);
        let amount_minor = items.iter().map(|item| order.take(item)).sum::<Result<u64, _>>()?;
        let cancelled = OrderItemsCancelled { items, amount_minor, reason: reason.clone() };
        Ok(order.open().map_or(OrderCancelled { amount_minor, reason }, |_| cancelled))
    }

    #[handle]
    fn cancel(&self, command: CancelOrder) -> Result<OrderEvent, Rejection> {
        Ok(OrderCancelled { amount_minor: amount(&self.open()?.left), reason: command.reason })
    }

    fn open(&self) -> Result<&Self, Rejection> {
        require!(self.left.iter().any(|line| line.quantity > 0), "order-already-cancelled", "nothing is left of it");
        Ok(self)
    }

    /// Takes an item off its line and answers its price; at most what is left, even when that is an error.
    fn take(&mut self, item: &Item) -> Result<u64, Rejection> {
        let line = self.left.get_mut((item.line as usize).wrapping_sub(1));
        let line = line.ok_or_else(|| Rejection::new("no-such-line", format!("there is no line {}", item.line)))?;
        let before = line.quantity;
        line.quantity = before.saturating_sub(item.quantity);
        require!(item.quantity <= before, "more-than-ordered", "line {}: {before} left", item.line);
        Ok(u64::from(item.quantity) * line.unit_price_minor)
    }
}

fn amount(lines: &[Line]) -> u64 {
    lines.iter().map(|line| u64::from(line.quantity) * line.unit_price_minor).sum()
}

/// An order as the API lists it; its status is `placed`, `partially-cancelled` or `cancelled`.
#[nexus::projection(resource = "orders", key = "id", events = OrderEvent)]
pub struct OrderRow {
    id: String,
    customer_id: String,
    country: String,
    status: String,
    line_count: usize,
    total_minor: u64,
    cancelled_minor: u64,
    placed_at: Timestamp,
}

impl Project<OrderEvent> for OrderRow {
    fn on(event: Recorded<OrderEvent>, row: Row<Self>) -> Change<Self> {
        let whole = matches!(event.data, OrderCancelled { .. });
        match event.data {
            OrderPlaced { customer_id, country, placed_at, lines, total_minor } => {
                let (id, status) = (event.aggregate_id.to_string(), "placed".to_owned());
                let (line_count, cancelled_minor) = (lines.len(), 0);
                Self { id, customer_id, country, status, line_count, total_minor, cancelled_minor, placed_at }.into()
            }
            OrderItemsCancelled { amount_minor, .. } | OrderCancelled { amount_minor, .. } => row.update(|row| {
                row.status = if whole { "cancelled" } else { "partially-cancelled" }.to_owned();
                row.cancelled_minor = row.cancelled_minor.saturating_add(amount_minor);
            }),
        }
    }
}

#[test]
fn a_cancelled_order_stays_cancelled() {
    let (placed, cancelled) = (OrderEvent::example("OrderPlaced"), OrderEvent::example("OrderCancelled"));
    Order::given([placed, cancelled]).when(CancelOrder { reason: None }).then_rejected("order-already-cancelled");
}
