//! One domain at two moments of its life: what `OrderPlaced` says changed, and the orders of before are still read.
//!
//! ```sh
//! cargo run -p nexus --example upcasting -- first  dev --data orders-data    # place an order, stop
//! cargo run -p nexus --example upcasting -- broken dev --data orders-data    # does not start, and says why
//! cargo run -p nexus --example upcasting -- second dev --data orders-data    # the order of before is there
//! ```

use nexus::{App, Exit, Failure};

/// How the domain began.
mod first {
    #[nexus::event]
    pub(crate) enum OrderEvent {
        OrderPlaced { customer: String, total: u64 },
        OrderConfirmed { total: u64 },
    }

    #[nexus::command]
    pub(crate) struct PlaceOrder {
        customer: String,
        total: u64,
    }

    #[nexus::command]
    pub(crate) struct ConfirmOrder {}

    #[nexus::state]
    pub(crate) struct Order {
        total: u64,
    }

    #[nexus::aggregate(events = OrderEvent)]
    impl Order {
        fn apply(&mut self, event: &OrderEvent) {
            if let OrderEvent::OrderPlaced { total, .. } = event {
                self.total = *total;
            }
        }

        #[handle(create)]
        fn place(&self, command: PlaceOrder) -> OrderEvent {
            OrderEvent::OrderPlaced { customer: command.customer, total: command.total }
        }

        #[handle]
        fn confirm(&self, _: ConfirmOrder) -> OrderEvent {
            OrderEvent::OrderConfirmed { total: self.total }
        }
    }
}

/// What it became: customers have two names, and totals a currency.
mod second {
    use nexus::{Steps, prelude::*};

    #[nexus::event]
    pub(crate) enum OrderEvent {
        #[upcast(from = 1, with = Steps::new()
            .split("customer", " ", ["firstName", "lastName"])
            .default("lastName", "")
            .rename("total", "totalMinor")
            .default("currency", "GBP"))]
        OrderPlaced {
            first_name: String,
            last_name: String,
            total_minor: u64,
            currency: String,
        },
        OrderConfirmed {
            total: u64,
        },
    }

    /// What clients of before send is still understood.
    #[nexus::command]
    pub(crate) struct PlaceOrder {
        customer: String,
        total: u64,
        currency: Option<String>,
    }

    #[nexus::command]
    pub(crate) struct ConfirmOrder {}

    #[nexus::state]
    pub(crate) struct Order {
        total_minor: u64,
    }

    #[nexus::aggregate(events = OrderEvent)]
    impl Order {
        fn apply(&mut self, event: &OrderEvent) {
            if let OrderEvent::OrderPlaced { total_minor, .. } = event {
                self.total_minor = *total_minor;
            }
        }

        #[handle(create)]
        fn place(&self, command: PlaceOrder) -> OrderEvent {
            let (first_name, last_name) = command.customer.split_once(' ').unwrap_or((&command.customer, ""));
            OrderEvent::OrderPlaced {
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
                total_minor: command.total,
                currency: command.currency.unwrap_or_else(|| "GBP".to_owned()),
            }
        }

        #[handle]
        fn confirm(&self, _: ConfirmOrder) -> OrderEvent {
            OrderEvent::OrderConfirmed { total: self.total_minor }
        }
    }

    #[nexus::projection(resource = "orders", key = "id", events = OrderEvent)]
    pub(crate) struct OrderRow {
        id: String,
        last_name: String,
        total_minor: u64,
        currency: String,
    }

    impl Project<OrderEvent> for OrderRow {
        fn on(event: Recorded<OrderEvent>, row: Row<Self>) -> Change<Self> {
            match event.data {
                OrderEvent::OrderPlaced { last_name, total_minor, currency, .. } => {
                    Self { id: event.aggregate_id.to_string(), last_name, total_minor, currency }.into()
                }
                OrderEvent::OrderConfirmed { .. } => row.keep(),
            }
        }
    }
}

/// The second one without its upcaster.
mod broken {
    #[nexus::event]
    pub(crate) enum OrderEvent {
        OrderPlaced { first_name: String, last_name: String, total_minor: u64, currency: String },
        OrderConfirmed { total: u64 },
    }

    #[nexus::command]
    pub(crate) struct ConfirmOrder {}

    #[nexus::state]
    pub(crate) struct Order {}

    #[nexus::aggregate(events = OrderEvent)]
    impl Order {
        fn apply(&mut self, _: &OrderEvent) {}

        #[handle]
        fn confirm(&self, _: ConfirmOrder) -> OrderEvent {
            OrderEvent::OrderConfirmed { total: 0 }
        }
    }
}

#[tokio::main]
async fn main() -> Exit {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let wanted = if arguments.len() > 1 { arguments.remove(1) } else { "second".into() };
    let app = App::new("orders");
    let app = match wanted.to_str() {
        Some("first") => app.aggregate::<first::Order>(),
        Some("broken") => app.aggregate::<broken::Order>(),
        // An upcaster that does not know customers with one name, added to a domain that says nothing itself.
        Some("hasty") => {
            let split = nexus::Steps::new().split("customer", " ", ["firstName", "lastName"]);
            let steps = split.rename("total", "totalMinor").default("currency", "GBP");
            app.aggregate::<broken::Order>().upcast("OrderPlaced", 1, steps)
        }
        Some("second") => app.aggregate::<second::Order>().projection::<second::OrderRow>(),
        _ => return Failure::usage("say which: first, broken, hasty or second").exit(),
    };
    app.run_with(arguments).await
}
