use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::names;
use crate::{Failure, cli::args::Role};

/// Largest configuration that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// A configuration file as it was written.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
}

/// `nexus.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    #[serde(default)]
    pub(crate) server: ServerSection,
    pub(crate) auth: Option<AuthSection>,
    pub(crate) policy: Option<PolicySection>,
    #[serde(default)]
    pub(crate) limits: LimitsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSection {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) role: Option<Role>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSection {
    pub(crate) api_tokens: Option<bool>,
    #[serde(default)]
    pub(crate) issuers: Vec<IssuerSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerSection {
    pub(crate) issuer: String,
    pub(crate) audience: OneOrMore,
    pub(crate) roles: Vec<String>,
    pub(crate) role_claims: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) actor_prefix: String,
    pub(crate) leeway_seconds: Option<u64>,
    pub(crate) max_lifetime_seconds: Option<u64>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) refresh_seconds: Option<u64>,
    pub(crate) jwks_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) keys: Vec<KeySection>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySection {
    pub(crate) id: Option<String>,
    pub(crate) algorithm: String,
    pub(crate) public_key: Option<String>,
    pub(crate) secret: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySection {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) server: Option<PolicyServerSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyServerSection {
    pub(crate) url: String,
    pub(crate) path: Option<String>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) token: Option<String>,
    pub(crate) when_unreachable: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) queries_per_minute: Option<u32>,
    pub(crate) search_per_minute: Option<u32>,
    pub(crate) temporal_per_minute: Option<u32>,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or has a member that is not known or has an unusable value.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read(path).map_err(|error| {
            Failure::usage(format_args!("the configuration {} cannot be read: {error}", path.display()))
        })?;
        let content = Self::parse(&text).map_err(|reason| {
            Failure::usage(format_args!("{}: {reason}", path.display())).hint("see docs/formats/nexus-toml.md")
        })?;
        Ok(Self { path: path.to_owned(), content })
    }

    fn parse(text: &str) -> Result<Content, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        names::check(&table)?;
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// A path of the file: relative ones begin at its directory.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("it has more than a mebibyte"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_of_a_file_is_read() {
        let text = r#"
            [server]
            listen = "0.0.0.0:4747"
            data = "data"
            role = "command"
            [auth]
            api_tokens = false
            [[auth.issuers]]
            issuer = "https://issuer.example"
            audience = ["nexus", "nexus-staging"]
            roles = ["reader"]
            role_claims = ["/realm_access/roles"]
            actor_prefix = "corp:"
            leeway_seconds = 5
            max_lifetime_seconds = 3600
            jwks_url = "https://issuer.example/keys"
            refresh_seconds = 60
            [[auth.issuers]]
            issuer = "ci"
            audience = "nexus"
            roles = []
            [[auth.issuers.keys]]
            id = "k1"
            algorithm = "HS256"
            secret = "env:SECRET"
            [policy]
            directory = "policies"
            [policy.server]
            url = "https://opa.example"
            path = "shop/orders"
            timeout_ms = 250
            token = "env:OPA_TOKEN"
            when_unreachable = "deny"
        "#;
        let content = ConfigFile::parse(text).unwrap();
        let auth = content.auth.unwrap();
        assert_eq!((auth.issuers.len(), auth.issuers[1].keys[0].id.as_deref()), (2, Some("k1")));
        assert!(ConfigFile::parse("").unwrap().auth.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            ("[server]\nlisten = \"nowhere\"", "listen"),
            ("[server]\nrole = \"most\"", "role"),
            ("[auth]\napi_tokens = \"yes\"", "api_tokens"),
            ("[[auth.issuers]]\nissuer = \"a\"\nroles = []", "audience"),
            ("[policy.server]\npath = \"a\"", "url"),
            ("[policy.server]\nurl = \"https://a\"\ntimeout_ms = \"1 s\"", "timeout_ms"),
            ("[server", "line 1"),
            ("[server]\nlisten = 1\nlisten = 2", "duplicate"),
        ] {
            let reason = ConfigFile::parse(text).unwrap_err();
            assert!(reason.contains(told), "{text}: {reason}");
        }
    }
}
