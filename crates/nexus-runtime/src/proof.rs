//! Whether upcasters lead every payload that can be met to the version that readers want: samples, and the whole log.

use std::{collections::BTreeSet, fmt};

use nexus_core::{
    EventType, Json, Position,
    framework::example_of,
    ports::{EventFilter, EventStore, LogRead, ReadError},
    upcast::{UpcastError, UpcastFault, Upcasters},
};
use serde_json::{Map, Value};

/// What a dry run of upcasters found.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The event type.
    pub event_type: String,
    /// How many samples were brought to the version wanted.
    pub samples: u64,
    /// The first sample that could not be.
    pub failed_sample: Option<FailedSample>,
    /// How many stored events of the type there are.
    pub events: u64,
    /// How many of them could not be brought to the version wanted.
    pub failed: u64,
    /// The first of them, with its place.
    pub first_failure: Option<UpcastError>,
}

/// A payload that an event of an earlier version may have.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The schema version it is of.
    pub version: u32,
    /// The payload.
    pub payload: Value,
}

/// A sample that upcasters could not bring to the version wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedSample {
    /// The sample.
    pub sample: Sample,
    /// Why.
    pub fault: UpcastFault,
}

impl Proof {
    /// Whether nothing failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed == 0 && self.failed_sample.is_none()
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} stored events fail", self.failed, self.events)?;
        if let Some(first) = &self.first_failure {
            let pointer = first.pointer().filter(|pointer| !pointer.is_empty());
            write!(f, "; the first: {first}{}", pointer.map(|place| format!(", at {place}")).unwrap_or_default())?;
        }
        if let Some(FailedSample { sample, fault }) = &self.failed_sample {
            write!(f, "; an event of schema version {} may be {}, and {fault}", sample.version, sample.payload)?;
        }
        Ok(())
    }
}

/// Runs samples and every stored event of a type through upcasters. Writes nothing.
///
/// # Errors
/// When the log cannot be read.
pub async fn prove(
    store: &dyn EventStore,
    upcasters: &Upcasters,
    event_type: &EventType,
    samples: Vec<Sample>,
) -> Result<Proof, ReadError> {
    let mut proof = prove_samples(upcasters, event_type, samples);
    let filter = EventFilter { event_types: BTreeSet::from([event_type.clone()]), ..EventFilter::default() };
    let (mut from, head) = (Position::START, store.head());
    while from < head {
        let page = store.read_log(LogRead { from, limit: 1000, filter: filter.clone(), ..LogRead::default() }).await?;
        for event in page.events.iter().filter(|event| event.position <= head) {
            proof.events += 1;
            if let Err(error) = upcasters.proven(event) {
                proof.failed += 1;
                proof.first_failure.get_or_insert(*error);
            }
        }
        if page.next <= from {
            break;
        }
        from = page.next;
    }
    Ok(proof)
}

/// [`prove`] without the log.
pub fn prove_samples(upcasters: &Upcasters, event_type: &EventType, samples: Vec<Sample>) -> Proof {
    let mut proof = Proof {
        event_type: event_type.to_string(),
        samples: 0,
        failed_sample: None,
        events: 0,
        failed: 0,
        first_failure: None,
    };
    for sample in samples {
        proof.samples += 1;
        let payload = Json::from_value(&sample.payload);
        if let Err(fault) = upcasters.proven_payload(event_type.as_str(), sample.version, &payload) {
            proof.failed_sample.get_or_insert(FailedSample { sample, fault });
        }
    }
    proof
}

/// Payloads that a schema version suggests: one with every member it declares, one with only those it requires. Whether
/// they really fit is for the caller to check.
#[must_use]
pub fn samples_of(version: u32, schema: &Value) -> Vec<Sample> {
    let full = example_of(schema);
    let least = least_of(schema, &full);
    let mut samples = vec![Sample { version, payload: full }];
    samples.extend(least.map(|payload| Sample { version, payload }));
    samples
}

/// The example without the members at the top that are not required; `None` when that is the same.
fn least_of(schema: &Value, full: &Value) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let members = full.as_object()?;
    let kept: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| required.iter().any(|wanted| wanted.as_str() == Some(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (kept.len() < members.len()).then_some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn samples_are_the_fullest_and_the_barest_payload_of_a_schema() {
        let schema = json!({
            "type": "object",
            "properties": { "id": { "type": "string" }, "note": { "type": "string" } },
            "required": ["id"]
        });
        let payloads: Vec<_> =
            samples_of(3, &schema).into_iter().map(|sample| (sample.version, sample.payload)).collect();
        assert_eq!(payloads, [(3, json!({ "id": "text", "note": "text" })), (3, json!({ "id": "text" }))]);
    }
}
