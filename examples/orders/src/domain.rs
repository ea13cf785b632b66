//! Orders: what is asked of them, what happens to them, and the rules in between.

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

/// Places an order.
#[nexus::command]
pub struct PlaceOrder {
    #[schemars(length(min = 1))]
    pub customer_id: String,
    #[schemars(length(min = 1))]
    pub country: String,
    /// Now, when absent.
    pub placed_at: Option<Timestamp>,
    #[schemars(length(min = 1, max = 10_000))]
    pub lines: Vec<Line>,
}

/// Cancels some items of an order; cancelling all that is left cancels the order.
#[nexus::command]
pub struct CancelItems {
    #[schemars(length(min = 1, max = 10_000))]
    pub items: Vec<ItemCancellation>,
    pub reason: Option<String>,
}

/// Lines are counted from 1.
#[nexus::value]
pub struct ItemCancellation {
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
    OrderPlaced { customer_id: String, country: String, placed_at: Timestamp, lines: Vec<Line>, total_minor: u64 },
    OrderItemsCancelled { items: Vec<CancelledItem>, amount_minor: u64, reason: Option<String> },
    OrderCancelled { amount_minor: u64, reason: Option<String> },
}

#[nexus::value]
pub struct CancelledItem {
    pub line: u32,
    pub quantity: u32,
    pub amount_minor: u64,
}

/// The lines of an order with what is left of them. An order of which nothing is left is cancelled.
#[nexus::state]
pub struct Order {
    left: Vec<Line>,
}

#[nexus::aggregate(events = OrderEvent)]
impl Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderPlaced { lines, .. } => self.left.clone_from(lines),
            OrderItemsCancelled { items, .. } => {
                for item in items {
                    _ = self.take(item.line, item.quantity);
                }
            }
            OrderCancelled { .. } => self.left.clear(),
        }
    }

    #[handle(create)]
    fn place(&self, command: PlaceOrder, ctx: &Ctx<'_>) -> Decision<OrderEvent> {
        OrderPlaced {
            total_minor: amount(&command.lines),
            customer_id: command.customer_id,
            country: command.country,
            placed_at: command.placed_at.unwrap_or(ctx.now),
            lines: command.lines,
        }
        .into()
    }

    #[handle]
    fn cancel_items(&self, command: CancelItems) -> Result<OrderEvent, Rejection> {
        let (mut order, mut items) = (self.not_cancelled()?.clone(), Vec::new());
        for ItemCancellation { line, quantity } in command.items {
            items.push(order.take(line, quantity)?);
        }
        Ok(OrderItemsCancelled {
            amount_minor: items.iter().map(|item| item.amount_minor).sum(),
            items,
            reason: command.reason,
        })
    }

    #[handle]
    fn cancel(&self, command: CancelOrder) -> Result<OrderEvent, Rejection> {
        Ok(OrderCancelled { amount_minor: amount(&self.not_cancelled()?.left), reason: command.reason })
    }

    fn not_cancelled(&self) -> Result<&Self, Rejection> {
        let anything = self.left.iter().any(|line| line.quantity > 0);
        require!(anything, "order-already-cancelled", "nothing is left of it");
        Ok(self)
    }

    /// Takes items off a line; at most what is left of it, even when that is an error.
    fn take(&mut self, line: u32, quantity: u32) -> Result<CancelledItem, Rejection> {
        let found = self.left.get_mut((line as usize).wrapping_sub(1));
        let none = || Rejection::new("no-such-line", format!("the order has no line {line}"));
        let Line { quantity: left, unit_price_minor, .. } = found.ok_or_else(none)?;
        let before = std::mem::replace(left, left.saturating_sub(quantity));
        require!(quantity <= before, "more-than-ordered", "line {line}: {before} left");
        let amount_minor = u64::from(quantity) * *unit_price_minor;
        Ok(CancelledItem { line, quantity, amount_minor })
    }
}

fn amount(lines: &[Line]) -> u64 {
    lines.iter().map(|line| u64::from(line.quantity) * line.unit_price_minor).sum()
}
