//! An upcaster says where it begins and what it does.

#[nexus_macros::event]
enum OrderEvent {
    #[upcast(1, Steps::new())]
    OrderPlaced { customer_id: String },
    #[upcast(from = 0, with = Steps::new())]
    OrderShipped,
    #[upcast(from = 1, by = Steps::new())]
    OrderLost,
    #[schema_version(2)]
    #[schema_version(3)]
    OrderFound,
    #[schema_version("2")]
    OrderKept,
}

fn main() {}
