use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use nexus_api::{RateLimit, RateLimits};
use nexus_identity::IssuerOptions;
use nexus_opa::OpaOptions;

use super::{
    file::{ConfigFile, LimitsSection},
    issuers,
    policy_server::policy_server,
};
use crate::{
    Failure,
    cli::args::{Role, Serve},
};

/// What a server is told, whole.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data: Option<PathBuf>,
    pub(crate) role: Role,
    /// Policies that are added, and followed.
    pub(crate) policy: Option<PathBuf>,
    /// What is asked beside the policy.
    pub(crate) policy_server: Option<OpaOptions>,
    pub(crate) limits: RateLimits,
    pub(crate) access: Option<Access>,
    /// Every setting for a person: name, value, where it comes from.
    pub(crate) told: Vec<[String; 3]>,
}

/// How a server learns who asks.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// It does not: everybody is `anonymous`, with every role.
    Open,
    /// By tokens.
    Tokens {
        /// Whether those of the server itself are accepted.
        api_tokens: bool,
        /// Whose signed ones are.
        issuers: Vec<IssuerOptions>,
    },
}

/// Where a setting comes from.
const FLAG: &str = "command line";
const DEFAULT: &str = "default";

impl Settings {
    const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4747);

    /// Puts together what the command line, the file and the defaults say, in this order.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn gather(flags: &Serve) -> Result<Self, Failure> {
        let file = flags.config.as_deref().map(ConfigFile::read).transpose()?;
        let server = file.as_ref().map(|file| &file.content.server);
        let origin = file.as_ref().map_or_else(String::new, |file| file.path.display().to_string());
        let mut told = Vec::new();
        let mut tell = |name: &str, value: String, flag: bool, in_file: bool| {
            let from = if flag {
                FLAG
            } else if in_file {
                &origin
            } else {
                DEFAULT
            };
            told.push([name.to_owned(), value, from.to_owned()]);
        };

        let in_file = server.and_then(|server| server.listen);
        let listen = flags.listen.or(in_file).unwrap_or(Self::LISTEN);
        tell("server.listen", listen.to_string(), flags.listen.is_some(), in_file.is_some());

        let in_file = file.as_ref().and_then(|file| Some(file.beside(file.content.server.data.as_ref()?)));
        let data = flags.data.clone().or_else(|| in_file.clone());
        let shown = data.as_deref().map_or_else(|| "(not set)".to_owned(), |path| path.display().to_string());
        tell("server.data", shown, flags.data.is_some(), in_file.is_some());

        let in_file = server.and_then(|server| server.role);
        let role = flags.role.or(in_file).unwrap_or(Role::All);
        tell("server.role", role.name().to_owned(), flags.role.is_some(), in_file.is_some());

        let in_file =
            file.as_ref().and_then(|file| Some(file.beside(file.content.policy.as_ref()?.directory.as_ref()?)));
        let policy = flags.policy.clone().or_else(|| in_file.clone());
        let shown = policy.as_deref().map_or_else(|| "(not set)".to_owned(), |path| path.display().to_string());
        tell("policy.directory", shown, flags.policy.is_some(), in_file.is_some());

        let mut in_file = |name: &str, value: String, in_file: bool| tell(name, value, false, in_file);
        let asked = file.as_ref().map(|file| policy_server(file, &mut in_file)).transpose()?;

        let limits = limits(file.as_ref(), &mut tell);
        let access = access(flags, file.as_ref(), &mut told)?;
        Ok(Self { listen, data, role, policy, policy_server: asked.flatten(), limits, access, told })
    }

    /// What the server may be started with.
    ///
    /// # Errors
    /// When it would serve without asking who asks, or to others than this machine without it.
    pub(crate) fn access(&self) -> Result<Access, Failure> {
        match &self.access {
            Some(Access::Open) if !self.listen.ip().is_loopback() => {
                Err(Failure::usage(format_args!("--insecure-no-auth is refused on {}", self.listen)).hint(
                    "listen on a loopback address such as 127.0.0.1:4747, or accept tokens: --api-tokens, or [auth] in \
                     nexus.toml",
                ))
            }
            Some(access) => Ok(access.clone()),
            None => Err(Failure::usage("nothing says who may use this server").hint(THREE_WAYS)),
        }
    }

    /// Where data is kept.
    ///
    /// # Errors
    /// When nothing says where.
    pub(crate) fn data(&self) -> Result<&Path, Failure> {
        self.data.as_deref().ok_or_else(|| {
            Failure::usage("nothing says where data is kept").hint("--data DIR, or `data` under [server] in nexus.toml")
        })
    }
}

const THREE_WAYS: &str = "choose one of three:
    --api-tokens            accept tokens of this server; make the first with `token create --data DIR --role admin --expires-in 90d`
    --config nexus.toml     trust an issuer of signed tokens (JWT), under [auth]: docs/identity.md
    --insecure-no-auth      ask nobody for anything; accepted on a loopback address only";

/// How often one client may ask: what the file says, and the defaults for the rest. 0 is no limit.
fn limits(file: Option<&ConfigFile>, tell: &mut impl FnMut(&str, String, bool, bool)) -> RateLimits {
    let written = file.map(|file| &file.content.limits);
    let defaults = RateLimits::default();
    let mut limit = |name: &str, of: fn(&LimitsSection) -> Option<u32>, default: RateLimit| {
        let in_file = written.and_then(of);
        let limit = in_file.map_or(default, |per_minute| RateLimit { per_minute: NonZeroU32::new(per_minute) });
        let shown = limit.per_minute.map_or_else(|| "none".to_owned(), |count| count.to_string());
        tell(&format!("limits.{name}"), shown, false, in_file.is_some());
        limit
    };
    RateLimits {
        queries: limit("queries_per_minute", |limits| limits.queries_per_minute, defaults.queries),
        search: limit("search_per_minute", |limits| limits.search_per_minute, defaults.search),
        temporal: limit("temporal_per_minute", |limits| limits.temporal_per_minute, defaults.temporal),
    }
}

fn access(flags: &Serve, file: Option<&ConfigFile>, told: &mut Vec<[String; 3]>) -> Result<Option<Access>, Failure> {
    let section = file.and_then(|file| Some((file, file.content.auth.as_ref()?)));
    if flags.insecure_no_auth {
        if flags.api_tokens || section.is_some() {
            return Err(Failure::usage("--insecure-no-auth and a way to authenticate exclude each other")
                .hint("leave out --insecure-no-auth; nobody is let in without a token then"));
        }
        told.push(["auth".to_owned(), "nobody is asked".to_owned(), FLAG.to_owned()]);
        return Ok(Some(Access::Open));
    }
    if section.is_none() && !flags.api_tokens {
        return Ok(None);
    }
    let written = section.and_then(|(_, auth)| auth.api_tokens);
    let api_tokens = flags.api_tokens || written.unwrap_or(true);
    let origin = file.map_or_else(String::new, |file| file.path.display().to_string());
    let from = match (flags.api_tokens, written) {
        (true, _) => FLAG.to_owned(),
        (false, Some(_)) => origin.clone(),
        (false, None) => DEFAULT.to_owned(),
    };
    told.push(["auth.api_tokens".to_owned(), api_tokens.to_string(), from]);
    let mut trusted = Vec::new();
    for (file, issuer) in section.iter().flat_map(|(file, auth)| auth.issuers.iter().map(move |one| (file, one))) {
        let options = issuers::issuer(file, issuer)
            .map_err(|reason| Failure::usage(format_args!("{origin}: {reason}")).hint("see docs/identity.md"))?;
        let roles = options.roles.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        told.push([format!("auth.issuers `{}`", options.issuer), format!("may give: {roles}"), origin.clone()]);
        trusted.push(options);
    }
    if !api_tokens && trusted.is_empty() {
        return Err(Failure::usage(format_args!("{origin}: nobody could get in: no tokens, and no issuer"))
            .hint("set `api_tokens = true`, or add an issuer under [[auth.issuers]]"));
    }
    Ok(Some(Access::Tokens { api_tokens, issuers: trusted }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A directory with this configuration, and the flags that name it.
    fn with_file(text: &str) -> (TempDir, Serve) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nexus.toml");
        fs::write(&path, text).unwrap();
        (dir, Serve::of_file(path))
    }

    fn flags() -> Serve {
        Serve { config: None, ..Serve::of_file(PathBuf::new()) }
    }

    fn refused(flags: &Serve) -> String {
        let settings = Settings::gather(flags);
        settings.and_then(|settings| settings.access().map(drop)).unwrap_err().to_string()
    }

    #[test]
    fn what_the_command_line_says_wins_and_every_setting_tells_where_it_comes_from() {
        let (dir, mut serve) = with_file("[server]\nlisten = \"127.0.0.1:1\"\ndata = \"kept\"\n[auth]\n");
        serve.listen = Some("127.0.0.1:2".parse().unwrap());
        let settings = Settings::gather(&serve).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.data().unwrap(), dir.path().join("kept"));
        let origin = |name: &str| settings.told.iter().find(|row| row[0] == name).unwrap()[2].clone();
        assert_eq!(origin("server.listen"), "command line");
        assert!(origin("server.data").ends_with("nexus.toml"));
        assert_eq!((origin("server.role").as_str(), origin("auth.api_tokens").as_str()), ("default", "default"));
    }

    #[test]
    fn without_a_word_about_access_it_does_not_serve_and_names_the_three_ways() {
        let told = refused(&flags());
        for way in ["--api-tokens", "--config nexus.toml", "--insecure-no-auth"] {
            assert!(told.contains(way), "{told}");
        }
        let (_dir, serve) = with_file("[server]\nlisten = \"127.0.0.1:0\"");
        assert!(refused(&serve).contains("--api-tokens"));
    }

    #[test]
    fn only_this_machine_is_served_without_authentication() {
        for listen in ["0.0.0.0:4747", "[::]:4747", "10.0.0.1:1", "192.168.1.1:80"] {
            let listen = Some(listen.parse().unwrap());
            let open = Serve { listen, insecure_no_auth: true, ..flags() };
            assert!(refused(&open).contains("--insecure-no-auth is refused"), "{listen:?}");
            assert!(refused(&Serve { listen, ..flags() }).contains("--api-tokens"), "{listen:?}");
            let guarded = Settings::gather(&Serve { listen, api_tokens: true, ..flags() }).unwrap();
            assert!(matches!(guarded.access(), Ok(Access::Tokens { api_tokens: true, .. })));
        }
        for listen in ["127.0.0.1:0", "[::1]:0", "127.8.8.8:1"] {
            let listen = Some(listen.parse().unwrap());
            let open = Settings::gather(&Serve { listen, insecure_no_auth: true, ..flags() }).unwrap();
            assert!(matches!(open.access(), Ok(Access::Open)));
        }
    }

    #[test]
    fn going_without_authentication_and_configuring_it_exclude_each_other() {
        let both = Serve { insecure_no_auth: true, api_tokens: true, ..flags() };
        assert!(refused(&both).contains("exclude each other"));
        let (_dir, serve) = with_file("[auth]");
        assert!(refused(&Serve { insecure_no_auth: true, ..serve }).contains("exclude each other"));
    }

    #[test]
    fn a_configuration_that_lets_nobody_in_is_refused() {
        let (_dir, serve) = with_file("[auth]\napi_tokens = false");
        assert!(refused(&serve).contains("nobody could get in"));
    }

    /// An issuer with these further lines.
    fn issuer(lines: &str) -> String {
        format!("[[auth.issuers]]\nissuer = \"i\"\naudience = \"nexus\"\nroles = [\"reader\"]\n{lines}\n")
    }

    #[test]
    fn an_issuer_has_its_keys_at_one_place() {
        let key = "[[auth.issuers.keys]]\nalgorithm = \"HS256\"\nsecret = ";
        for (lines, told) in [
            (String::new(), "say where its keys are"),
            ("jwks_url = \"https://i/k\"\njwks_file = \"k\"".to_owned(), "at one place"),
            ("jwks_url = \"http://issuer.example/keys\"".to_owned(), "https only"),
            ("jwks_file = \"missing.json\"".to_owned(), "jwks_file"),
            ("jwks_file = \"k\"\nrefresh_seconds = 5".to_owned(), "refresh_seconds"),
            (format!("{key}\"a secret that is long enough, by far\""), "not written into the configuration"),
            (format!("{key}\"env:NEXUS_TEST_NO_SUCH_VARIABLE\""), "NEXUS_TEST_NO_SUCH_VARIABLE"),
            ("[[auth.issuers.keys]]\nalgorithm = \"none\"".to_owned(), "is not one of RS256, ES256, EdDSA, HS256"),
            ("[[auth.issuers.keys]]\nalgorithm = \"HS256\"\npublic_key = \"x\"".to_owned(), "needs a `secret`"),
            ("[[auth.issuers.keys]]\nalgorithm = \"RS256\"\nsecret = \"env:X\"".to_owned(), "needs a `public_key`"),
            ("[[auth.issuers.keys]]\nalgorithm = \"ES256\"\npublic_key = \"x\"".to_owned(), "no public key for ES256"),
        ] {
            let (_dir, serve) = with_file(&issuer(&lines));
            let reason = refused(&serve);
            assert!(reason.contains(told), "{lines}: {reason}");
            assert!(!reason.contains("long enough"), "a secret is repeated: {reason}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_comes_from_a_file_beside_the_configuration() {
        use std::os::unix::fs::PermissionsExt as _;
        let lines = "[[auth.issuers.keys]]\nid = \"k\"\nalgorithm = \"HS256\"\nsecret = \"file:key\"";
        let (dir, serve) = with_file(&issuer(lines));
        let path = dir.path().join("key");
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let settings = Settings::gather(&serve).unwrap();
        let Ok(Access::Tokens { issuers, .. }) = settings.access() else { panic!("{settings:?}") };
        assert_eq!((issuers.len(), issuers[0].audiences.as_slice()), (1, &["nexus".to_owned()][..]));
        assert!(!format!("{settings:?}").contains("0123456789abcdef"), "a secret is shown");
        fs::write(&path, "short\n").unwrap();
        assert!(refused(&serve).contains("at least 32 bytes"));
    }

    #[test]
    fn a_policy_server_is_told_whole_and_its_token_is_not_shown() {
        let (dir, serve) = with_file(
            "[policy.server]\nurl = \"https://opa.example/\"\ntoken = \"file:token\"\nwhen_unreachable = \"embedded\"\n",
        );
        assert!(refused(&serve).contains("[policy.server]: `token`: "), "{}", refused(&serve));
        let path = dir.path().join("token");
        fs::write(&path, "0pa-s3cr3t\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let settings = Settings::gather(&serve).unwrap();
        let told: Vec<_> =
            settings.told.iter().filter_map(|row| Some((row[0].strip_prefix("policy.server.")?, &*row[1]))).collect();
        let expected = [
            ("url", "https://opa.example"),
            ("path", "nexus"),
            ("timeout_ms", "100"),
            ("token", "set"),
            ("when_unreachable", "embedded"),
        ];
        assert_eq!(told, expected);
        assert!(!format!("{settings:?}").contains("0pa-s3cr3t"), "a secret is shown");
        for (lines, told) in [
            ("url = \"http://opa.example\"", "`url`: a policy server is asked over https only"),
            ("url = \"https://opa.example\"\npath = \"a/../b\"", "`path`: "),
            ("url = \"https://opa.example\"\ntimeout_ms = 0", "`timeout_ms`: "),
            ("url = \"https://opa.example\"\ntoken = \"0pa-s3cr3t\"", "not written into the configuration"),
            ("url = \"https://opa.example\"\nwhen_unreachable = \"allow\"", "last-known-good, embedded, deny"),
        ] {
            let (_dir, serve) = with_file(&format!("[policy.server]\n{lines}\n"));
            let reason = refused(&serve);
            assert!(reason.contains(told) && !reason.contains("0pa-s3cr3t"), "{lines}: {reason}");
        }
    }

    #[test]
    fn policies_lie_beside_the_file_and_limits_are_those_it_names() {
        let (dir, serve) =
            with_file("[policy]\ndirectory = \"policies\"\n[limits]\nqueries_per_minute = 5\nsearch_per_minute = 0");
        let settings = Settings::gather(&serve).unwrap();
        assert_eq!(settings.policy, Some(dir.path().join("policies")));
        let per_minute = |limit: RateLimit| limit.per_minute.map(NonZeroU32::get);
        let RateLimits { queries, search, temporal } = settings.limits;
        assert_eq!((per_minute(queries), per_minute(search), per_minute(temporal)), (Some(5), None, Some(10)));
    }
}
