use std::{collections::BTreeSet, time::Duration};

use crate::{key_set::KeySet, remote::JwksAddress};

/// Whom the operator trusts to say who asks, and how far.
#[derive(Debug, Clone)]
pub struct IssuerOptions {
    /// The claim `iss`, exactly.
    pub issuer: String,
    /// What the claim `aud` must contain one of. Never empty.
    pub audiences: Vec<String>,
    /// The roles it may give; others that it names are left out.
    pub roles: BTreeSet<String>,
    /// The claims that hold roles, as a list or as words; `/realm_access/roles` reaches into nested ones.
    pub role_claims: Vec<String>,
    /// What the ids of its actors begin with, before the claim `sub`. Tells the actors of two issuers apart.
    pub actor_prefix: String,
    /// How far its clock may be off.
    pub leeway: Duration,
    /// Longest time from `iat` to `exp`; `None` leaves that to the issuer.
    pub max_lifetime: Option<Duration>,
    /// What its tokens are verified with.
    pub keys: KeySource,
}

/// Where the keys of an issuer come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// They were configured.
    Configured(KeySet),
    /// They are fetched, and fetched again.
    Address(JwksAddress),
}

impl IssuerOptions {
    /// How far a clock may be off unless configured otherwise.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

    /// How far a clock may be off at most.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(300);

    /// An issuer with defaults: roles in `roles` or `scope`, 30 seconds of leeway. It may give no role yet.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            roles: BTreeSet::new(),
            role_claims: vec!["roles".to_owned(), "scope".to_owned()],
            actor_prefix: String::new(),
            leeway: Self::DEFAULT_LEEWAY,
            max_lifetime: None,
            keys,
        }
    }
}
