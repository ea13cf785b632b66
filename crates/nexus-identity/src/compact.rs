//! Taking a token apart: three parts between dots, a header that is read strictly, nothing trusted yet.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nexus_core::{Json, ports::AuthenticationError};
use serde_json::{Map, Value};

/// A token in its compact form (RFC 7515, section 7.1). Nothing in it is verified.
pub(crate) struct Compact<'a> {
    /// The header.
    pub(crate) header: Header,
    /// The claims: as they were sent, and what they say.
    pub(crate) payload: Json,
    pub(crate) claims: Map<String, Value>,
    /// What is signed: header and claims as they were sent.
    pub(crate) message: &'a str,
    /// The signature, in base64url.
    pub(crate) signature: &'a str,
}

/// What of a header is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The algorithm it names. Compared with that of the key, never used to choose one.
    pub(crate) algorithm: String,
    /// The key it names. Only ever looked up.
    pub(crate) key: Option<String>,
}

impl<'a> Compact<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, AuthenticationError> {
        let malformed = AuthenticationError::Malformed;
        let (message, signature) = token.rsplit_once('.').ok_or(malformed("it has no signature"))?;
        let (header, payload) = message.split_once('.').ok_or(malformed("it has no claims"))?;
        let (_, header) = object(decoded(header)?)?;
        let header = Header::of(&header)?;
        let (payload, claims) = object(decoded(payload)?)?;
        Ok(Self { header, payload, claims, message, signature })
    }
}

impl Header {
    /// Members by which a token brings its key along or says where to fetch it.
    const KEYS_OF_THE_TOKEN: [&'static str; 3] = ["jwk", "jku", "x5u"];

    /// Types that stand for a proof of access. Others (a logout token, a security event) are signed by the same
    /// issuers for other purposes (RFC 8725, section 3.11).
    const TYPES: [&'static str; 4] = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

    fn of(members: &Map<String, Value>) -> Result<Self, AuthenticationError> {
        let malformed = AuthenticationError::Malformed;
        if members.contains_key("crit") {
            return Err(malformed("it demands an extension that is not known here"));
        }
        if Self::KEYS_OF_THE_TOKEN.iter().any(|name| members.contains_key(*name)) {
            return Err(malformed("it brings a key along or says where to fetch one"));
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(malformed("a member of its header is not a text")),
        };
        if text("typ")?.is_some_and(|given| !Self::TYPES.iter().any(|known| known.eq_ignore_ascii_case(given))) {
            return Err(malformed("it is a token for another purpose"));
        }
        let algorithm = text("alg")?.ok_or(malformed("it names no algorithm"))?.to_owned();
        Ok(Self { algorithm, key: text("kid")?.map(str::to_owned) })
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, AuthenticationError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthenticationError::Malformed("a part of it is not base64url"))
}

/// An object without members that appear twice: two readers might pick different ones.
fn object(json: Vec<u8>) -> Result<(Json, Map<String, Value>), AuthenticationError> {
    let refuse = AuthenticationError::Malformed("a part of it is not a JSON object with unique members");
    let json = Json::parse(json).map_err(|_| refuse)?;
    let members = json.to().map_err(|_| refuse)?;
    Ok((json, members))
}
