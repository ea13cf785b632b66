//! `nxt_<id>_<secret><checksum>`: 8 bytes, 32 bytes and 4 bytes in lowercase hexadecimal.
//!
//! The beginning makes a token that lies around recognisable, for people and for programs that search for secrets. The
//! checksum (CRC-32C of all before it) tells a mistyped token from a wrong one without looking anything up; it is no
//! protection. Only a SHA-256 of the secret is kept: of 256 random bits nobody tries a fraction, so a slow hash, which
//! protects passwords that people choose, would only slow every request down.

use std::fmt;

use nexus_core::{Digest, Text};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::system::random;

const PREFIX: &str = "nxt_";
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;

/// A token as it is handed to its owner, once. Its `Debug` output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// What tokens begin with.
    pub const PREFIX: &str = PREFIX;

    /// The text, to be shown to its owner and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(…)")
    }
}

/// A token that was just made.
pub(super) struct Minted {
    pub(super) id: Text,
    pub(super) digest: Digest,
    pub(super) text: TokenText,
}

/// Makes a token; `None` when the system has no randomness.
pub(super) fn mint() -> Option<Minted> {
    let (id, secret): ([u8; ID_DIGITS / 2], [u8; SECRET_DIGITS / 2]) = (random()?, random()?);
    let id = hex(&id);
    let body = format!("{PREFIX}{id}_{}", hex(&secret));
    let text = TokenText(format!("{body}{:08x}", crc32c::crc32c(body.as_bytes())));
    Some(Minted { id: Text::from(id), digest: digest(&secret), text })
}

/// A token that somebody presents: whose it claims to be, and with which secret.
pub(super) struct Presented<'a> {
    pub(super) id: &'a str,
    digest: Digest,
}

impl<'a> Presented<'a> {
    /// Takes a token apart; `None` when it is none, or not as it was issued.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (secret, checksum) = rest.split_at_checked(SECRET_DIGITS)?;
        let body = text.get(..text.len().checked_sub(checksum.len())?)?;
        let intact = id.len() == ID_DIGITS && checksum == format!("{:08x}", crc32c::crc32c(body.as_bytes()));
        let lowercase = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !(intact && lowercase(id) && lowercase(secret)) {
            return None;
        }
        let secret: Digest = secret.parse().ok()?;
        Some(Self { id, digest: digest(secret.as_bytes()) })
    }

    /// Whether the secret is the one whose digest is kept. Takes the same time wherever they differ.
    pub(super) fn matches(&self, kept: &Digest) -> bool {
        self.digest.as_bytes().ct_eq(kept.as_bytes()).into()
    }
}

fn digest(secret: &[u8; SECRET_DIGITS / 2]) -> Digest {
    Digest::from_bytes(Sha256::digest(secret).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_made() {
        let (one, other) = (mint().unwrap(), mint().unwrap());
        assert_ne!(one.text, other.text);
        assert_eq!(one.text.expose().len(), 93);
        let presented = Presented::parse(one.text.expose()).unwrap();
        assert_eq!(*presented.id, *one.id);
        assert!(presented.matches(&one.digest) && !presented.matches(&other.digest));
    }

    #[test]
    fn what_is_kept_is_the_sha_256_of_the_secret() {
        let token = mint().unwrap();
        let text = token.text.expose();
        let secret: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&text[21 + 2 * n..23 + 2 * n], 16).unwrap()).collect();
        assert_eq!(*token.digest.as_bytes(), <[u8; 32]>::from(Sha256::digest(&secret)));
        assert!(!text.contains(&token.digest.to_string()));
    }

    #[test]
    fn a_token_has_one_form() {
        let token = mint().unwrap();
        let text = token.text.expose();
        let upper = format!("nxt_{}", text[4..].to_uppercase());
        for changed in [&upper, &text[..92], &format!("{text}0"), &format!(" {text}"), &text[4..], ""] {
            assert!(Presented::parse(changed).is_none(), "{changed}");
        }
        let upper = format!("{}{}", &text[..85], text[85..].to_uppercase());
        assert_eq!(Presented::parse(&upper).is_none(), upper != *text, "an upper-case checksum");
        for other in [format!("{}A{}", &text[..4], &text[5..85]), format!("{}A{}", &text[..21], &text[22..85])] {
            let sealed = format!("{other}{:08x}", crc32c::crc32c(other.as_bytes()));
            assert!(Presented::parse(&sealed).is_none(), "upper-case digits under a checksum that is right: {sealed}");
        }
    }

    #[test]
    fn the_text_is_not_shown_by_accident() {
        assert_eq!(format!("{:?}", mint().unwrap().text), "TokenText(…)");
    }
}
