//! One text per schema, whatever order its keys came in.

use nexus_core::Digest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// SHA-256 over the canonical text.
pub(crate) fn digest(schema: &Value) -> Digest {
    Digest::from_bytes(Sha256::digest(text(schema).as_bytes()).into())
}

/// The document with sorted keys and without white space. Numbers are written as they were parsed.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            // Sorted here rather than by the map: another crate's feature may make maps keep insertion order.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_has_sorted_keys_and_no_white_space() {
        let value = json!({ "b": [1, 2.5, null], "a": { "d": "\"é", "c": true } });
        assert_eq!(text(&value), r#"{"a":{"c":true,"d":"\"é"},"b":[1,2.5,null]}"#);
    }

    #[test]
    fn the_digest_is_the_published_sha_256() {
        let known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(digest(&json!({})).to_string(), known);
    }
}
