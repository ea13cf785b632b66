use nexus::{Events, core::framework::schema_of};
use orders::{CancelItems, Line, OrderEvent, PlaceOrder};
use serde_json::json;

#[test]
fn the_limits_of_a_command_are_in_its_schema() {
    let place = schema_of::<PlaceOrder>();
    let property = |pointer: &str| place.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(property("/required"), json!(["customerId", "country", "lines"]));
    assert_eq!(property("/properties/customerId/minLength"), 1);
    assert_eq!(property("/properties/country/minLength"), 1);
    assert_eq!(property("/properties/lines/minItems"), 1);
    assert_eq!(property("/properties/lines/maxItems"), 10_000);
    let line = schema_of::<Line>();
    assert_eq!(line["properties"]["quantity"]["minimum"], 1);
    assert_eq!(line["properties"]["quantity"]["maximum"], 100_000);
    assert_eq!(line["properties"]["unitPriceMinor"]["minimum"], 0);
    assert_eq!(line["properties"]["unitPriceMinor"]["maximum"], 100_000_000);
    assert_eq!(schema_of::<CancelItems>()["properties"]["items"]["minItems"], 1);
}

#[test]
fn events_are_written_as_the_contract_names_them() {
    let required = |event_type: &str| OrderEvent::schema(event_type).unwrap()["required"].clone();
    let placed = json!(["customerId", "country", "placedAt", "lines", "totalMinor"]);
    assert_eq!(required("OrderPlaced"), placed);
    assert_eq!(required("OrderItemsCancelled"), json!(["items", "amountMinor"]));
    assert_eq!(required("OrderCancelled"), json!(["amountMinor"]));
}
