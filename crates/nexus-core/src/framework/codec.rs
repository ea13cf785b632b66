use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor},
};

use crate::json::Json;

/// A payload does not fit the type that is to hold it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{type_name}` does not fit its type: {reason}")]
pub struct CodecError {
    /// The event, command or row type.
    pub type_name: String,
    /// What does not fit.
    pub reason: String,
}

impl CodecError {
    pub(crate) fn new(type_name: &str, reason: &(impl ToString + ?Sized)) -> Self {
        Self { type_name: type_name.to_owned(), reason: reason.to_string() }
    }
}

/// The payload of one enum value: what serde writes for its variant, without the variant's name.
pub(crate) fn variant_payload<E: Serialize>(value: &E, variant: &str) -> Result<Json, CodecError> {
    let text = serde_json::to_string(value).map_err(|error| CodecError::new(variant, &error))?;
    let unit = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(variant);
    if unit {
        return Ok(Json::empty_object());
    }
    let payload = text
        .strip_prefix("{\"")
        .and_then(|rest| rest.strip_prefix(variant))
        .and_then(|rest| rest.strip_prefix("\":"))
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(|| CodecError::new(variant, "it is not an externally tagged enum variant of this name"))?;
    Ok(Json::from_stored(payload.to_owned().into()))
}

/// The enum value of a variant and its payload.
pub(crate) fn variant_value<E: DeserializeOwned>(variant: &str, payload: &Json) -> Result<E, CodecError> {
    E::deserialize(Variant { name: variant, payload: payload.as_bytes() })
        .map_err(|error| CodecError::new(variant, &error))
}

/// Deserialises an enum from its variant's name and the JSON of its content.
struct Variant<'a> {
    name: &'a str,
    payload: &'a [u8],
}

impl<'de> Deserializer<'de> for Variant<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = serde_json::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Self::Error> {
        let name: serde::de::value::StrDeserializer<'_, Self::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Self::Error> {
        seed.deserialize(&mut serde_json::Deserializer::from_slice(self.payload))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        serde_json::Deserializer::from_slice(self.payload).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Self::Error> {
        serde_json::Deserializer::from_slice(self.payload).deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Sample {
        Opened { by: String, at: Option<u64> },
        Wrapped(u32),
        Closed,
    }

    #[test]
    fn payloads_are_the_content_of_the_variant() {
        let cases = [
            (Sample::Opened { by: "Ann".into(), at: None }, "Opened", r#"{"by":"Ann","at":null}"#),
            (Sample::Wrapped(7), "Wrapped", "7"),
            (Sample::Closed, "Closed", "{}"),
        ];
        for (value, variant, text) in cases {
            let payload = variant_payload(&value, variant).unwrap();
            assert_eq!(payload.as_str(), text);
            assert_eq!(variant_value::<Sample>(variant, &payload).unwrap(), value);
        }
    }

    #[test]
    fn an_unknown_variant_or_a_wrong_payload_is_an_error() {
        let payload = Json::empty_object();
        assert!(variant_value::<Sample>("Opened", &payload).is_err());
        assert!(variant_value::<Sample>("Nothing", &payload).is_err());
        assert!(variant_payload(&Sample::Closed, "Opened").is_err());
    }
}
