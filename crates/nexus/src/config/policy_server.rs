use std::time::Duration;

use nexus_opa::OpaOptions;

use super::{
    file::{ConfigFile, PolicyServerSection},
    secret,
};
use crate::Failure;

/// Says a setting: its name, its value, whether the file has it.
pub(super) type Tell<'a> = dyn FnMut(&str, String, bool) + 'a;

/// The policy server that a file names, if it names one.
pub(super) fn policy_server(file: &ConfigFile, tell: &mut Tell<'_>) -> Result<Option<OpaOptions>, Failure> {
    let Some(section) = file.content.policy.as_ref().and_then(|policy| policy.server.as_ref()) else {
        return Ok(None);
    };
    let options = options(file, section).map_err(|reason| {
        let origin = file.path.display();
        Failure::usage(format_args!("{origin}: [policy.server]: {reason}")).hint("see docs/formats/nexus-toml.md")
    })?;
    tell("policy.server.url", options.url().to_owned(), true);
    tell("policy.server.path", options.path().to_owned(), section.path.is_some());
    tell("policy.server.timeout_ms", options.timeout().as_millis().to_string(), section.timeout_ms.is_some());
    let token = if section.token.is_some() { "set" } else { "none" };
    tell("policy.server.token", token.to_owned(), section.token.is_some());
    let way = options.when_unreachable.as_str();
    tell("policy.server.when_unreachable", way.to_owned(), section.when_unreachable.is_some());
    Ok(Some(options))
}

fn options(file: &ConfigFile, section: &PolicyServerSection) -> Result<OpaOptions, String> {
    let mut options = OpaOptions::new(&section.url).map_err(|error| error.to_string())?;
    if let Some(path) = &section.path {
        options = options.with_path(path).map_err(|error| error.to_string())?;
    }
    if let Some(millis) = section.timeout_ms {
        options = options.with_timeout(Duration::from_millis(millis)).map_err(|error| error.to_string())?;
    }
    if let Some(reference) = &section.token {
        let token =
            secret::resolve(reference, |path| file.beside(path)).map_err(|reason| format!("`token`: {reason}"))?;
        options = options.with_token(&token).map_err(|error| error.to_string())?;
    }
    if let Some(way) = &section.when_unreachable {
        options.when_unreachable = way.parse().map_err(|error: nexus_opa::OpaError| error.to_string())?;
    }
    Ok(options)
}
