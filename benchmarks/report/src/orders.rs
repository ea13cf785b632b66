use serde_json::json;
use uuid::Uuid;

/// One `OrderPlaced` event to be stored.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id, time-ordered.
    pub id: Uuid,
    /// Its stream: `order-…`.
    pub stream: String,
    /// Its version in the stream, 1-based.
    pub version: u64,
    /// Its payload, about 400 bytes of JSON as the Order example writes it.
    pub payload: std::sync::Arc<str>,
}

/// Makes orders for one producer: ten events for a stream, then the next stream, as many as wanted.
#[derive(Debug)]
pub struct OrderSource {
    prefix: String,
    stream: u64,
    version: u64,
    seed: u64,
    payloads: Vec<std::sync::Arc<str>>,
}

impl OrderSource {
    /// Events in every stream.
    pub const PER_STREAM: u64 = 10;

    /// A source whose streams begin with `prefix`, which no other source of the same run may have.
    #[must_use]
    pub fn new(prefix: impl Into<String>, seed: u64) -> Self {
        let mut seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let payloads = (0..64).map(|_| payload(&mut seed).into()).collect();
        Self { prefix: prefix.into(), stream: 0, version: 0, seed, payloads }
    }

    /// The next event.
    pub fn order(&mut self) -> Order {
        if self.version == Self::PER_STREAM {
            self.stream += 1;
            self.version = 0;
        }
        self.version += 1;
        let index = usize::try_from(random(&mut self.seed) % 64).unwrap_or(0);
        Order {
            id: Uuid::now_v7(),
            stream: Self::stream_name(&self.prefix, self.stream),
            version: self.version,
            payload: self.payloads.get(index).cloned().unwrap_or_default(),
        }
    }

    /// The next `count` events.
    pub fn batch(&mut self, count: usize) -> Vec<Order> {
        (0..count).map(|_| self.order()).collect()
    }

    /// The name of a stream of the source with this prefix.
    #[must_use]
    pub fn stream_name(prefix: &str, number: u64) -> String {
        format!("order-{prefix}-{number:08}")
    }
}

/// A number that looks random (xorshift).
pub(crate) fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

fn payload(seed: &mut u64) -> String {
    const NAMES: [&str; 4] = [
        "WHITE HANGING HEART T-LIGHT HOLDER",
        "RED WOOLLY HOTTIE WHITE HEART",
        "JUMBO BAG RED RETROSPOT",
        "ALARM CLOCK BAKELIKE GREEN",
    ];
    let mut total = 0;
    let lines: Vec<_> = (0..3)
        .map(|_| {
            let (quantity, price) = (random(seed) % 24 + 1, random(seed) % 2000 + 25);
            total += quantity * price;
            let name = NAMES.get(usize::try_from(random(seed) % 4).unwrap_or(0));
            json!({
                "productId": format!("{:05}{}", random(seed) % 90_000 + 10_000, char::from(b'A' + (random(seed) % 26) as u8)),
                "description": name, "quantity": quantity, "unitPriceMinor": price,
            })
        })
        .collect();
    json!({
        "customerId": format!("{}", random(seed) % 90_000 + 10_000), "country": "United Kingdom",
        "placedAt": format!("2011-12-09T{:02}:{:02}:{:02}Z", random(seed) % 24, random(seed) % 60, random(seed) % 60),
        "lines": lines, "totalMinor": total,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_about_four_hundred_bytes() {
        let mut source = OrderSource::new("x", 1);
        let sizes: Vec<usize> = (0..1000).map(|_| source.order().payload.len()).collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((360..=440).contains(&mean), "{mean}");
    }

    #[test]
    fn a_stream_gets_ten_events_with_dense_versions() {
        let mut source = OrderSource::new("x", 1);
        let events = source.batch(21);
        assert_eq!((events[9].stream.as_str(), events[9].version), ("order-x-00000000", 10));
        assert_eq!((events[20].stream.as_str(), events[20].version), ("order-x-00000002", 1));
    }
}
