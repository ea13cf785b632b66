//! A struct without the attribute is no read model.
use nexus::framework::Projection;

struct DoorRow {
    id: String,
}

fn main() {
    Projection::of::<DoorRow>();
}
