use nexus::{
    Events,
    core::{
        AggregateType, DecisionId, Digest, EventId, EventType, Metadata, Position, Receipt, RecordedEvent, StreamId,
        Text, Timestamp, Version,
        framework::Projection,
        ports::{RowChange, RowData},
        upcast::Upcasters,
    },
};
use orders::{OrderEvent, OrderRow};
use serde_json::{Value, json};

use crate::decisions::{cancelled, items_cancelled, lamps};

/// The row after these events, as the runtime makes it.
fn row_after(events: &[OrderEvent]) -> RowData {
    let projection = Projection::of::<OrderRow>();
    let mut row = None;
    for event in events {
        let event = recorded(event);
        let event = Upcasters::none().current(&event).unwrap();
        assert_eq!(projection.key(&event).unwrap().as_deref(), Some("order-1"));
        row = match projection.project(&event, "order-1", row.clone()).unwrap() {
            Some(RowChange::Put(data)) => Some(data),
            Some(RowChange::Delete(_)) => None,
            None => row,
        };
    }
    row.expect("the order has a row")
}

fn recorded(event: &OrderEvent) -> RecordedEvent {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    RecordedEvent {
        position: Position::new(1),
        event_id: id.parse::<EventId>().unwrap(),
        event_type: EventType::new(event.event_type()).unwrap(),
        aggregate_type: AggregateType::new("Order").unwrap(),
        aggregate_id: StreamId::new("order-1").unwrap(),
        version: Version::new(1),
        timestamp: Timestamp::UNIX_EPOCH,
        payload: event.payload().unwrap(),
        metadata: Metadata::default(),
        receipt: Receipt {
            schema_id: 1,
            schema_digest: Digest::default(),
            policy_digest: Digest::default(),
            decision_id: id.parse::<DecisionId>().unwrap(),
            actor: Text::from_static("ann"),
        },
        hash: Digest::default(),
    }
}

#[test]
fn a_placed_order_has_a_row() {
    let row = json!({
        "id": "order-1", "customerId": "c-1", "country": "France", "status": "placed", "lineCount": 2,
        "totalMinor": 3000, "cancelledMinor": 0, "placedAt": "1970-01-01T00:00:00Z",
    });
    assert_eq!(Value::Object(row_after(&[lamps()])), row);
}

#[test]
fn a_row_follows_the_cancellations() {
    let some = || items_cancelled(&[(1, 1)], 1500);
    let cases = [
        (vec![lamps(), some()], json!(["partially-cancelled", 1500])),
        (vec![lamps(), some(), some()], json!(["partially-cancelled", 3000])),
        (vec![lamps(), some(), cancelled(1500)], json!(["cancelled", 3000])),
        (vec![lamps(), cancelled(3000)], json!(["cancelled", 3000])),
    ];
    for (events, expected) in cases {
        let row = row_after(&events);
        assert_eq!(json!([row["status"], row["cancelledMinor"]]), expected);
    }
}
