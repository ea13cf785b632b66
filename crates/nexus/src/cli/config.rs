//! `config show` and `config validate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nexus_identity::JwtAuthenticator;
use serde_json::{Value, json};

use crate::{
    Failure,
    cli::{
        Output,
        args::Serve,
        output::{table, text_of},
    },
    config::{Access, Settings},
};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Show what a server started with this file would use. Secrets are not shown.
    Show(ConfigShow),
    /// Check a file: every member, every key, every reference to a secret. Nothing is fetched. Exit 1 when it is wrong.
    Validate {
        /// The file.
        #[arg(long, value_name = "FILE", default_value = "nexus.toml")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// The file.
    #[arg(long, value_name = "FILE", default_value = "nexus.toml")]
    config: PathBuf,
    /// Say where each setting comes from.
    #[arg(long)]
    origin: bool,
}

pub(crate) async fn run(verb: ConfigVerb, output: Output) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Show(ConfigShow { config, origin }) => {
            let settings = Settings::gather(&Serve::of_file(config))?;
            let rows: Vec<Value> = settings.told.iter().map(|one| row(one, origin)).collect();
            let heads: &[&str] = if origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
            output.list(&rows, |rows| {
                let cells = rows.iter().map(|row| heads.iter().map(|head| text_of(row, head)).collect());
                table(output, heads, &cells.collect::<Vec<_>>())
            })
        }
        ConfigVerb::Validate { config } => {
            let shown = config.display().to_string();
            let checked = async {
                let settings = Settings::gather(&Serve::of_file(config))?;
                if let Some(Access::Tokens { issuers, .. }) = &settings.access {
                    JwtAuthenticator::check(issuers).map_err(Failure::usage)?;
                }
                Ok::<_, Failure>(())
            };
            checked.await.map_err(|failure| failure.code(1))?;
            output.value(&json!({ "config": shown, "valid": true }), |_| format!("{shown} is valid"))
        }
    }
}

fn row([name, value, from]: &[String; 3], origin: bool) -> Value {
    if origin {
        json!({ "setting": name, "value": value, "origin": from })
    } else {
        json!({ "setting": name, "value": value })
    }
}
