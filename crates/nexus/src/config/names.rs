//! The members a configuration may have. A member that is not known is refused with the nearest that is: one that was
//! mistyped and passed over would leave a server less guarded than its file says.

use toml::{Table, Value};

/// A member, and the members below it.
struct Member {
    name: &'static str,
    below: &'static [Member],
}

const fn leaf(name: &'static str) -> Member {
    Member { name, below: &[] }
}

const KEYS: &[Member] = &[leaf("id"), leaf("algorithm"), leaf("public_key"), leaf("secret")];

const ISSUERS: &[Member] = &[
    leaf("issuer"),
    leaf("audience"),
    leaf("roles"),
    leaf("role_claims"),
    leaf("actor_prefix"),
    leaf("leeway_seconds"),
    leaf("max_lifetime_seconds"),
    leaf("jwks_url"),
    leaf("refresh_seconds"),
    leaf("jwks_file"),
    Member { name: "keys", below: KEYS },
];

const POLICY_SERVER: &[Member] =
    &[leaf("url"), leaf("path"), leaf("timeout_ms"), leaf("token"), leaf("when_unreachable")];

const ALL: &[Member] = &[
    Member { name: "server", below: &[leaf("listen"), leaf("data"), leaf("role")] },
    Member { name: "auth", below: &[leaf("api_tokens"), Member { name: "issuers", below: ISSUERS }] },
    Member { name: "policy", below: &[leaf("directory"), Member { name: "server", below: POLICY_SERVER }] },
    Member {
        name: "limits",
        below: &[leaf("queries_per_minute"), leaf("search_per_minute"), leaf("temporal_per_minute")],
    },
];

/// Whether every member is known; otherwise a sentence about the first that is not.
pub(super) fn check(table: &Table) -> Result<(), String> {
    check_table(table, ALL, "")
}

fn check_table(table: &Table, known: &[Member], place: &str) -> Result<(), String> {
    for (name, value) in table {
        let path = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        let Some(member) = known.iter().find(|member| member.name == name) else {
            return Err(unknown(&path, name, known));
        };
        match value {
            Value::Table(inner) if !member.below.is_empty() => check_table(inner, member.below, &path)?,
            Value::Array(all) => {
                for (index, one) in all.iter().enumerate() {
                    if let Value::Table(inner) = one {
                        check_table(inner, member.below, &format!("{path}[{index}]"))?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(path: &str, name: &str, known: &[Member]) -> String {
    let nearest = known
        .iter()
        .map(|member| (strsim::jaro_winkler(member.name, name), member.name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match nearest {
        Some((_, nearest)) => format!("`{path}` is not known; did you mean `{nearest}`?"),
        None => {
            let names: Vec<String> = known.iter().map(|member| format!("`{}`", member.name)).collect();
            format!("`{path}` is not known; known here: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        check(&text.parse().unwrap()).unwrap_err()
    }

    #[test]
    fn a_mistyped_member_is_refused_with_the_nearest() {
        assert_eq!(refused("[auth]\napi_token = true"), "`auth.api_token` is not known; did you mean `api_tokens`?");
        assert_eq!(refused("[sever]"), "`sever` is not known; did you mean `server`?");
        let issuer = refused("[[auth.issuers]]\naudience = \"a\"\n[[auth.issuers]]\naudiance = \"a\"");
        assert_eq!(issuer, "`auth.issuers[1].audiance` is not known; did you mean `audience`?");
        let key = refused("[[auth.issuers]]\n[[auth.issuers.keys]]\nsecrets = \"env:A\"");
        assert_eq!(key, "`auth.issuers[0].keys[0].secrets` is not known; did you mean `secret`?");
        let server = refused("[policy.server]\nwhen_unreachble = \"deny\"");
        assert_eq!(server, "`policy.server.when_unreachble` is not known; did you mean `when_unreachable`?");
        assert!(refused("[server]\nzzz = 1").ends_with("known here: `listen`, `data`, `role`"));
    }
}
