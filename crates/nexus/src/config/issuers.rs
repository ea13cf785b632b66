use std::time::Duration;

use nexus_identity::{Algorithm, IssuerOptions, JwksAddress, Key, KeySet, KeySource};

use super::{
    file::{ConfigFile, IssuerSection, KeySection, OneOrMore},
    secret,
};

/// The issuer that a section describes, or why it does not.
pub(super) fn issuer(file: &ConfigFile, section: &IssuerSection) -> Result<IssuerOptions, String> {
    let keys = keys(file, section).map_err(|reason| format!("the issuer `{}`: {reason}", section.issuer))?;
    let audiences = match section.audience.clone() {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(all) => all,
    };
    let defaults = IssuerOptions::new(section.issuer.clone(), "", keys);
    Ok(IssuerOptions {
        audiences,
        roles: section.roles.iter().cloned().collect(),
        role_claims: section.role_claims.clone().unwrap_or_else(|| defaults.role_claims.clone()),
        actor_prefix: section.actor_prefix.clone(),
        leeway: section.leeway_seconds.map_or(IssuerOptions::DEFAULT_LEEWAY, Duration::from_secs),
        max_lifetime: section.max_lifetime_seconds.map(Duration::from_secs),
        ..defaults
    })
}

fn keys(file: &ConfigFile, section: &IssuerSection) -> Result<KeySource, String> {
    let refresh = section.refresh_seconds.map(Duration::from_secs);
    match (&section.jwks_url, &section.jwks_file, section.keys.as_slice()) {
        (Some(url), None, []) => {
            let mut address = JwksAddress::new(url).map_err(|error| format!("`jwks_url`: {error}"))?;
            address.refresh = refresh.unwrap_or(address.refresh).max(address.min_interval);
            Ok(KeySource::Address(address))
        }
        _ if refresh.is_some() => Err("`refresh_seconds` is for keys at a `jwks_url`".to_owned()),
        (None, Some(path), []) => {
            let document = secret::text(&file.beside(path)).map_err(|error| format!("`jwks_file`: {error}"))?;
            let set = KeySet::from_jwks(document.as_bytes()).map_err(|error| format!("`jwks_file`: {error}"))?;
            Ok(KeySource::Configured(set))
        }
        (None, None, [_, ..]) => {
            let keys = section.keys.iter().map(|key| configured(file, key)).collect::<Result<Vec<_>, _>>()?;
            KeySet::new(keys).map(KeySource::Configured).map_err(|error| format!("`keys`: {error}"))
        }
        (None, None, []) => Err("say where its keys are: `jwks_url`, `jwks_file` or `keys`".to_owned()),
        _ => Err("its keys are at one place: `jwks_url`, `jwks_file` or `keys`".to_owned()),
    }
}

fn configured(file: &ConfigFile, section: &KeySection) -> Result<Key, String> {
    let name = section.id.as_deref().unwrap_or("without id");
    let told = |reason: &dyn std::fmt::Display| format!("the key `{name}`: {reason}");
    let known = Algorithm::ALL.map(Algorithm::name).join(", ");
    let algorithm = Algorithm::of_name(&section.algorithm)
        .ok_or_else(|| told(&format_args!("`{}` is not one of {known}", section.algorithm)))?;
    let id = section.id.clone();
    let key = match (algorithm, &section.secret, &section.public_key) {
        (Algorithm::Hs256, Some(reference), None) => {
            let secret = secret::resolve(reference, |path| file.beside(path)).map_err(|reason| told(&reason))?;
            Key::from_secret(id, secret.as_bytes())
        }
        (Algorithm::Hs256, ..) => return Err(told(&"HS256 needs a `secret`, and nothing else")),
        (_, None, Some(reference)) => {
            let pem = match reference.strip_prefix("file:") {
                Some(path) => secret::text(&file.beside(path.as_ref())).map_err(|error| told(&error))?,
                None => reference.clone(),
            };
            Key::from_pem(id, algorithm, &pem)
        }
        _ => return Err(told(&format_args!("{} needs a `public_key`, and nothing else", algorithm.name()))),
    };
    key.map_err(|error| told(&error))
}
