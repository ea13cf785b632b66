//! `token create`, `token list` and `token revoke`.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use nexus_api::dto::{TokenCreatedDto, TokenDto};
use nexus_core::{
    Actor, Text, Timestamp,
    ports::{Clock as _, RequestContext},
};
use nexus_runtime::{NewToken, Node, RequestInfo, SystemClock, TokenExpiry};
use serde_json::{Value, json};

use crate::{
    App, Client, Failure,
    cli::{
        Output,
        output::{table, text_of},
    },
    client::{Request, segment},
    data_dir::DataDir,
    server,
};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Issue a token. Its text is printed once and not kept.
    Create(TokenCreate),
    /// List the tokens that were issued.
    List,
    /// Revoke a token: it is accepted no longer.
    Revoke {
        /// Its public id: the part between the underscores of its text.
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("expiry").required(true).args(["expires_in", "expires_at", "no_expiry"]))]
pub(crate) struct TokenCreate {
    /// What it may act as: `reader`, `writer`, …. May be repeated.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// What it is for, in a few words.
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,
    /// How long it is accepted: a number of days (`90d`), hours (`12h`) or minutes (`30m`).
    #[arg(long, value_name = "DURATION", value_parser = micros)]
    expires_in: Option<i64>,
    /// The moment from which it is refused: `2027-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// It is accepted until it is revoked.
    #[arg(long)]
    no_expiry: bool,
    /// Issue it without a server, in this data directory, which no server has open: how the first token is made.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// With `--data`: the sample domain that the server loads: `orders` or `none`.
    #[arg(long, value_name = "NAME", requires = "data")]
    sample: Option<String>,
}

pub(crate) async fn run(
    verb: TokenVerb,
    app: App,
    client: impl FnOnce() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        TokenVerb::Create(wanted) => {
            let created = match &wanted.data {
                Some(data) => {
                    let app = app.with_sample(wanted.sample.as_deref())?;
                    offline(&app, data, wanted.new_token()).await?
                }
                None => online(&client()?, &wanted.new_token()).await?,
            };
            told(&created, output)
        }
        TokenVerb::List => {
            let answer = client()?.get("/api/tokens", &[]).await?;
            let tokens = answer.get("tokens").and_then(Value::as_array).cloned().unwrap_or_default();
            output.list(&tokens, |tokens| listed(tokens, output))
        }
        TokenVerb::Revoke { id } => {
            let revoked = client()?.delete(&format!("/api/tokens/{}", segment(&id))).await?;
            output.value(&revoked, |token| format!("{} is accepted no longer", text_of(token, "id")))
        }
    }
}

impl TokenCreate {
    fn new_token(&self) -> NewToken {
        let end = self.expires_in.map(|micros| SystemClock.now().saturating_add_micros(micros)).or(self.expires_at);
        NewToken {
            roles: self.roles.iter().map(|role| Text::from(role.as_str())).collect(),
            description: self.description.clone(),
            expiry: end.map_or(TokenExpiry::Never, TokenExpiry::At),
        }
    }
}

async fn online(client: &Client, wanted: &NewToken) -> Result<Value, Failure> {
    let expires = match wanted.expiry {
        TokenExpiry::At(moment) => json!(moment),
        TokenExpiry::Never => Value::Null,
    };
    let roles: Vec<&str> = wanted.roles.iter().map(|role| &**role).collect();
    let body = json!({ "roles": roles, "description": wanted.description, "expiresAt": expires });
    let request = Request { path: "/api/tokens", query: &[], headers: &[], body: Some(body.to_string()) };
    Ok(client.send(request).await?.into_success()?.body)
}

/// Issues a token where no server runs. Whoever may write the data directory may do anything to it, so nobody else is
/// asked; the event is admitted like all others.
async fn offline(app: &App, data: &Path, wanted: NewToken) -> Result<Value, Failure> {
    let issue = async |node: &Node| {
        let info = RequestInfo {
            actor: Actor::new(Text::from_static("$local"), vec![Text::from_static("admin")]),
            context: RequestContext {
                service: node.service().clone(),
                client_id: None,
                environment: node.environment().clone(),
                time: node.clock().now(),
            },
            correlation_id: None,
            causation_id: None,
            traceparent: None,
            extra: None,
        };
        node.tokens().create(wanted, info).await.map_err(Failure::usage)
    };
    let created = server::offline(app, DataDir::kept(data)?, issue).await?;
    let document = TokenCreatedDto { token: created.text.expose().to_owned(), info: TokenDto::from(created.info) };
    serde_json::to_value(document).map_err(Failure::usage)
}

/// The text of the token alone goes to standard output, so that it can be put where it is needed.
fn told(created: &Value, output: Output) -> Result<(), Failure> {
    let roles = created.get("roles").and_then(Value::as_array).into_iter().flatten();
    let roles: Vec<&str> = roles.filter_map(Value::as_str).collect();
    let end = match text_of(created, "expiresAt") {
        never if never.is_empty() => "until it is revoked".to_owned(),
        moment => format!("until {moment}"),
    };
    output.talk(&format!(
        "token {} acts as {} {end}. This is the only time it is shown; pass it on as NEXUS_TOKEN or with --token-file",
        text_of(created, "id"),
        roles.join(", ")
    ));
    output.value(created, |created| text_of(created, "token"))
}

fn listed(tokens: &[Value], output: Output) -> String {
    let row = |token: &Value| {
        let roles = token.get("roles").and_then(Value::as_array).into_iter().flatten();
        let roles: Vec<&str> = roles.filter_map(Value::as_str).collect();
        let end = match (text_of(token, "revokedAt"), text_of(token, "expiresAt")) {
            (revoked, _) if !revoked.is_empty() => format!("revoked {revoked}"),
            (_, never) if never.is_empty() => "until revoked".to_owned(),
            (_, moment) => format!("until {moment}"),
        };
        let (id, by, description) = (text_of(token, "id"), text_of(token, "createdBy"), text_of(token, "description"));
        vec![id, roles.join(" "), end, by, description]
    };
    table(
        output,
        &["id", "roles", "accepted", "created by", "description"],
        &tokens.iter().map(row).collect::<Vec<_>>(),
    )
}

/// A duration such as `90d` in microseconds.
fn micros(text: &str) -> Result<i64, String> {
    let seconds = |unit: char| match unit {
        'd' => Some(86_400),
        'h' => Some(3_600),
        'm' => Some(60),
        _ => None,
    };
    let parsed = text.char_indices().next_back().and_then(|(end, unit)| {
        let count: u32 = text.get(..end)?.parse().ok().filter(|count| *count > 0)?;
        i64::from(count).checked_mul(seconds(unit)?)?.checked_mul(1_000_000)
    });
    parsed.ok_or_else(|| "say a number of days, hours or minutes: 90d, 12h, 30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(micros("90d"), Ok(90 * 86_400 * 1_000_000));
        assert_eq!((micros("12h"), micros("1m")), (Ok(43_200_000_000), Ok(60_000_000)));
        for bad in ["", "d", "0d", "-1d", "1.5h", "90", "90s", "1w", "99999999999d", "é"] {
            assert!(micros(bad).is_err(), "{bad}");
        }
    }
}
