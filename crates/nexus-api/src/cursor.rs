//! Paging cursors: opaque to clients, authenticated, and bound to the query they continue.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::problem::{Code, Problem};

/// Longest cursor that is looked at.
const MAX_BYTES: usize = 8 * 1024;
const MAC_BYTES: usize = 16;

/// Makes and checks cursors.
pub(crate) struct Cursors {
    key: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Content {
    /// Digest of the query without its cursor.
    #[serde(rename = "q")]
    query: String,
    /// Where the next page begins.
    #[serde(rename = "v")]
    values: Vec<Value>,
}

impl Cursors {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A cursor that continues `query` after `values`.
    pub(crate) fn issue(&self, query: &[&str], values: &[Value]) -> String {
        let content = Content { query: digest(query), values: values.iter().map(exact).collect() };
        let mut bytes = json!(content).to_string().into_bytes();
        let mac = self.mac(&bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The values of a cursor that this server made for `query`.
    pub(crate) fn open(&self, query: &[&str], cursor: &str) -> Result<Vec<Value>, Problem> {
        let refuse = |detail: &str| {
            Problem::new(Code::InvalidCursor, format!("{detail}; start again without `cursor`"))
                .with_error("", "cursor", detail)
        };
        if cursor.len() > MAX_BYTES {
            return Err(refuse("the cursor is too long to be one of this server's"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse("the cursor is not whole"))?;
        let split = bytes.len().checked_sub(MAC_BYTES).and_then(|at| bytes.split_at_checked(at));
        let (content, mac) = split.ok_or_else(|| refuse("the cursor is not whole"))?;
        // Comparing blake3 hashes takes the same time wherever they differ.
        if blake3::hash(mac) != blake3::hash(&self.mac(content)) {
            return Err(refuse("the cursor was not made by this server"));
        }
        let content: Content = serde_json::from_slice(content).map_err(|_| refuse("the cursor is not whole"))?;
        if content.query != digest(query) {
            return Err(refuse("the cursor belongs to another query"));
        }
        content.values.into_iter().map(|value| plain(value).ok_or_else(|| refuse("the cursor is not whole"))).collect()
    }

    fn mac(&self, content: &[u8]) -> [u8; MAC_BYTES] {
        let hash = blake3::keyed_hash(&self.key, content);
        let mut mac = [0; MAC_BYTES];
        mac.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        mac
    }
}

fn digest(query: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in query {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// A value that survives JSON to the last bit: floating-point numbers travel as their bits.
fn exact(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => json!({ "f": number.to_bits().to_string() }),
        _ => value.clone(),
    }
}

fn plain(value: Value) -> Option<Value> {
    let Value::Object(members) = value else {
        return Some(value);
    };
    let bits = members.get("f")?.as_str()?.parse().ok()?;
    serde_json::Number::from_f64(f64::from_bits(bits)).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[&str] = &["orders", "country=DE", "-placedAt"];

    #[test]
    fn a_cursor_returns_its_values_to_the_last_bit() {
        let cursors = Cursors::new([1; 32]);
        let values = [json!(null), json!("a\u{0}b"), json!(0.1 + 0.2), json!(-7), json!(true)];
        let cursor = cursors.issue(QUERY, &values);
        assert_eq!(cursors.open(QUERY, &cursor).unwrap(), values);
    }

    #[test]
    fn forged_foreign_and_broken_cursors_are_refused() {
        let cursors = Cursors::new([1; 32]);
        let good = cursors.issue(QUERY, &[json!("x")]);
        let other_key = Cursors::new([2; 32]).issue(QUERY, &[json!("x")]);
        let other_query = cursors.issue(&["orders", "country=FR", "-placedAt"], &[json!("x")]);
        let mut flipped = good.clone().into_bytes();
        flipped[3] ^= 1;
        let flipped = String::from_utf8(flipped).unwrap();
        let huge = "A".repeat(1024 * 1024);
        for bad in ["", "A", "!!", &good[..good.len() - 2], &other_key, &other_query, &flipped, &huge] {
            assert!(cursors.open(QUERY, bad).is_err(), "{bad:.40}");
        }
    }
}
