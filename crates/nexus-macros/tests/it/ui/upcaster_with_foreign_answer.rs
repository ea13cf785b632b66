//! An upcasting function answers a payload.

#[nexus_macros::event]
enum OrderEvent {
    #[upcast(from = 1, with = |_: serde_json::Value| 7)]
    OrderPlaced { customer_id: String },
}

fn main() {}
