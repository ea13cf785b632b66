use std::sync::Arc;

use nexus_core::{
    AggregateType, DecisionId, Digest, EventId, EventType, Json, Metadata, Position, Receipt, RecordedEvent, StreamId,
    Text, Timestamp, Version,
    ports::{SchemaKind, SchemaRef, SchemaRefusal, Violation},
    upcast::{Chain, DeclaredUpcaster, PayloadCheck, UpcastError, Upcasters},
};
use serde_json::Value;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// An `OrderPlaced` in stream `order-1` at version 2, position 42.
pub(crate) fn stored(schema_version: u32, payload: &Value) -> RecordedEvent {
    RecordedEvent {
        position: Position::new(42),
        event_id: ID.parse::<EventId>().unwrap(),
        event_type: EventType::new("OrderPlaced").unwrap(),
        aggregate_type: AggregateType::new("Order").unwrap(),
        aggregate_id: StreamId::new("order-1").unwrap(),
        version: Version::new(2),
        timestamp: Timestamp::UNIX_EPOCH,
        payload: Json::from_value(payload),
        metadata: Metadata { schema_version, ..Metadata::default() },
        receipt: Receipt {
            schema_id: 1,
            schema_digest: Digest::default(),
            policy_digest: Digest::default(),
            decision_id: ID.parse::<DecisionId>().unwrap(),
            actor: Text::from_static("ann"),
        },
        hash: Digest::default(),
    }
}

/// Refuses payloads that lack the member `v<version>`, for every version.
pub(crate) fn wants_marks() -> Arc<PayloadCheck> {
    Arc::new(|name, version, payload| {
        let mark = format!("v{version}");
        match payload.to_value().unwrap().get(&mark) {
            Some(_) => Ok(()),
            None => Err(refusal(name, version, &format!("/{mark}"))),
        }
    })
}

/// Takes everything.
pub(crate) fn takes_all() -> Arc<PayloadCheck> {
    Arc::new(|_, _, _| Ok(()))
}

fn refusal(name: &str, version: u32, pointer: &str) -> SchemaRefusal {
    let schema = SchemaRef { id: 1, kind: SchemaKind::Event, name: name.into(), version, digest: Digest::default() };
    let violation = Violation { pointer: pointer.into(), keyword: "required".into(), message: "is missing".into() };
    SchemaRefusal::Invalid { schema, violations: vec![violation] }
}

/// An upcaster from a version to the next.
pub(crate) fn upcaster(from: u32, upcaster: impl Into<nexus_core::upcast::Upcaster>) -> DeclaredUpcaster {
    DeclaredUpcaster::new("OrderPlaced", from, upcaster)
}

/// Upcasters of `OrderPlaced` up to a version.
pub(crate) fn up_to(
    wanted: u32,
    declared: impl IntoIterator<Item = DeclaredUpcaster>,
    check: Arc<PayloadCheck>,
) -> Upcasters {
    let chain = declared.into_iter().try_fold(Chain::to("OrderPlaced", wanted), Chain::upcaster).unwrap();
    Upcasters::new([chain], check)
}

/// The payload readers get of a stored one.
pub(crate) fn read(upcasters: &Upcasters, version: u32, payload: &Value) -> Result<Value, Box<UpcastError>> {
    let event = stored(version, payload);
    upcasters.current(&event).map(|current| current.payload.to_value().unwrap())
}
