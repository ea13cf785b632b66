use nexus::{Aggregate, Timestamp};
use orders::{CancelItems, CancelOrder, Item, Line, Order, OrderEvent, PlaceOrder};

pub(crate) fn line(product: &str, quantity: u32, unit_price_minor: u64) -> Line {
    Line { product_id: product.into(), description: None, quantity, unit_price_minor }
}

fn place(lines: Vec<Line>, placed_at: Option<Timestamp>) -> PlaceOrder {
    PlaceOrder { customer_id: "c-1".into(), country: "France".into(), placed_at, lines }
}

pub(crate) fn placed(lines: Vec<Line>, total_minor: u64) -> OrderEvent {
    OrderEvent::OrderPlaced {
        customer_id: "c-1".into(),
        country: "France".into(),
        placed_at: Timestamp::UNIX_EPOCH,
        lines,
        total_minor,
    }
}

/// Two lamps for 15.00 each and five free leaflets.
pub(crate) fn lamps() -> OrderEvent {
    placed(vec![line("lamp", 2, 1500), line("leaflet", 5, 0)], 3000)
}

fn items(items: &[(u32, u32)]) -> CancelItems {
    let item = |&(line, quantity): &(u32, u32)| Item { line, quantity };
    CancelItems { items: items.iter().map(item).collect(), reason: None }
}

pub(crate) fn items_cancelled(cancelled: &[(u32, u32)], amount_minor: u64) -> OrderEvent {
    OrderEvent::OrderItemsCancelled { items: items(cancelled).items, amount_minor, reason: None }
}

pub(crate) fn cancelled(amount_minor: u64) -> OrderEvent {
    OrderEvent::OrderCancelled { amount_minor, reason: None }
}

fn cancel() -> CancelOrder {
    CancelOrder { reason: None }
}

#[test]
fn an_order_is_placed_once_with_its_total() {
    let lines = || vec![line("lamp", 2, 1500), line("leaflet", 5, 0)];
    Order::given([]).when(place(lines(), None)).then([lamps()]);
    Order::given([lamps()]).when(place(lines(), None)).then_already_exists();
}

#[test]
fn an_order_is_placed_now_or_when_it_says() {
    let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.saturating_add_micros(7));
    let one = || vec![line("lamp", 1, 1500)];
    Order::given([]).at(now).when(place(one(), Some(then))).then([placed(one(), 1500)]);
    let OrderEvent::OrderPlaced { customer_id, country, .. } = placed(vec![], 0) else {
        unreachable!("it is an OrderPlaced")
    };
    let placed_now = OrderEvent::OrderPlaced { customer_id, country, placed_at: now, lines: one(), total_minor: 1500 };
    Order::given([]).at(now).when(place(one(), None)).then([placed_now]);
}

#[test]
fn the_largest_order_has_a_total() {
    let lines = vec![line("yacht", 100_000, 100_000_000); 10_000];
    let total = 10_000 * 100_000 * 100_000_000;
    assert!(i64::try_from(total).is_ok(), "a read model keeps it as a whole number with sign");
    Order::given([]).when(place(lines.clone(), None)).then([placed(lines.clone(), total)]);
    Order::given([placed(lines, total)]).when(cancel()).then([cancelled(total)]);
}

#[test]
fn items_are_cancelled_at_the_price_they_had() {
    Order::given([lamps()]).when(items(&[(1, 1), (2, 5)])).then([items_cancelled(&[(1, 1), (2, 5)], 1500)]);
}

#[test]
fn cancelling_every_item_cancels_the_order() {
    Order::given([lamps()]).when(items(&[(1, 2), (2, 5)])).then([cancelled(3000)]);
    Order::given([lamps(), items_cancelled(&[(1, 2)], 3000)]).when(items(&[(2, 5)])).then([cancelled(0)]);
}

#[test]
fn no_more_is_cancelled_of_a_line_than_is_left_of_it() {
    Order::given([lamps()]).when(items(&[(1, 3)])).then_rejected("more-than-ordered");
    Order::given([lamps()]).when(items(&[(1, 1), (1, 2)])).then_rejected("more-than-ordered");
    Order::given([lamps(), items_cancelled(&[(1, 1)], 1500)]).when(items(&[(1, 2)])).then_rejected("more-than-ordered");
    Order::given([lamps(), items_cancelled(&[(1, 1)], 1500)])
        .when(items(&[(1, 1)]))
        .then([items_cancelled(&[(1, 1)], 1500)]);
}

#[test]
fn a_line_that_is_not_there_cannot_be_cancelled() {
    for number in [0, 3, u32::MAX] {
        Order::given([lamps()]).when(items(&[(1, 1), (number, 1)])).then_rejected("no-such-line");
    }
}

#[test]
fn an_order_that_does_not_exist_cannot_be_cancelled() {
    Order::given([]).when(cancel()).then_does_not_exist();
    Order::given([]).when(items(&[(1, 1)])).then_does_not_exist();
}

#[test]
fn cancelling_an_order_cancels_what_is_left() {
    Order::given([lamps()]).when(cancel()).then([cancelled(3000)]);
    Order::given([lamps(), items_cancelled(&[(1, 1)], 1500)]).when(cancel()).then([cancelled(1500)]);
}

#[test]
fn a_cancelled_order_stays_cancelled() {
    for history in [vec![lamps(), cancelled(3000)], vec![lamps(), items_cancelled(&[(1, 2), (2, 5)], 3000)]] {
        Order::given(history.clone()).when(cancel()).then_rejected("order-already-cancelled");
        Order::given(history).when(items(&[(1, 1)])).then_rejected("order-already-cancelled");
    }
}

#[test]
fn an_order_with_only_free_items_left_is_not_cancelled() {
    Order::given([lamps(), items_cancelled(&[(1, 2)], 3000)]).when(cancel()).then([cancelled(0)]);
}

#[test]
fn whatever_another_writer_stored_is_followed() {
    let odd = items_cancelled(&[(0, 1), (9, 1), (1, 1_000), (2, 5)], 0);
    Order::given([lamps(), odd]).when(cancel()).then_rejected("order-already-cancelled");
}
