//! From the arguments of a process to the verb they name.

use std::{ffi::OsString, future::Future, pin::Pin};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    App, Client, Exit, Failure,
    cli::{
        Output, args,
        args::{Arguments, Builtin},
        backup, check, command, config, dev, event, log, output, policy, projection, query, schema, stream, token,
        verify,
    },
    config::private_text,
};

/// What a verb of the application's own is given.
#[derive(Debug)]
pub struct Invocation {
    /// Its own arguments.
    pub matches: clap::ArgMatches,
    /// A client of the server that `--server` names.
    pub client: Client,
    /// Where and how to print.
    pub output: Output,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// A verb of the application's own.
pub struct Verb {
    command: clap::Command,
    run: fn(Invocation) -> Running,
}

impl Verb {
    /// A verb with its arguments and what it does.
    #[must_use]
    pub fn new(command: clap::Command, run: fn(Invocation) -> Running) -> Self {
        Self { command, run }
    }
}

/// Parses and runs one command line.
pub(crate) async fn run(app: App, arguments: Vec<OsString>) -> Exit {
    let program = arguments.first().map_or_else(|| app.name.clone(), |name| name.to_string_lossy().into_owned());
    let mut command = Arguments::command();
    for verb in &app.verbs {
        command = command.subcommand(verb.command.clone());
    }
    let matches = match command.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let outcome = match matches.subcommand() {
        Some((name, own)) if app.verbs.iter().any(|verb| verb.command.get_name() == name) => {
            run_own(app, name, own, &matches).await
        }
        _ => match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => dispatch(app, arguments, &program).await,
            Err(error) => return usage(&error),
        },
    };
    match outcome {
        Ok(()) => Exit::OK,
        Err(failure) => {
            output::complain(&failure);
            failure.exit()
        }
    }
}

/// Help and version go to standard output and are no failure; the rest is, with exit code 2.
fn usage(error: &clap::Error) -> Exit {
    // Nothing can be said when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { Failure::usage("").exit() } else { Exit::OK }
}

/// A client of the server that the arguments name, with the token that they or the environment name.
fn client_of(global: &args::Global) -> Result<Client, Failure> {
    let client = Client::new(&global.server)?;
    match token_for(global, &client)? {
        Some(token) => client.with_token(&token),
        None => Ok(client),
    }
}

/// The token that the arguments or the environment name, for a server.
fn token_for(global: &args::Global, client: &Client) -> Result<Option<String>, Failure> {
    let token = match (&global.token_file, std::env::var("NEXUS_TOKEN")) {
        (Some(path), _) => private_text(path)?,
        (None, Ok(token)) if !token.is_empty() => token,
        _ => return Ok(None),
    };
    if client.is_exposed() {
        let said = format!("warning: the token is sent to {} without encryption; use https://", client.server());
        Output::new(global.output, global.color).talk(&said);
    }
    Ok(Some(token))
}

async fn run_own(app: App, name: &str, own: &clap::ArgMatches, matches: &clap::ArgMatches) -> Result<(), Failure> {
    let global = args::Global::from_arg_matches(matches).map_err(Failure::usage)?;
    let verb = app.verbs.into_iter().find(|verb| verb.command.get_name() == name);
    let verb = verb.ok_or_else(|| Failure::usage(format_args!("there is no verb `{name}`")))?;
    let client = client_of(&global)?;
    (verb.run)(Invocation { matches: own.clone(), client, output: Output::new(global.output, global.color) }).await
}

async fn dispatch(app: App, arguments: Arguments, program: &str) -> Result<(), Failure> {
    let Arguments { global, verb } = arguments;
    let output = Output::new(global.output, global.color);
    let client = || client_of(&global);
    match verb {
        Builtin::Dev(dev) => dev::dev(app, dev, program, output).await,
        Builtin::Serve(serve) => dev::serve(app, serve, program, output).await,
        Builtin::Command(verb) => command::run(verb, &client()?, output).await,
        Builtin::Query(verb) => query::run(verb, &client()?, output).await,
        Builtin::Stream(verb) => stream::run(verb, &client()?, output).await,
        Builtin::Event(verb) => event::run(verb, &client()?, output).await,
        Builtin::Schema(verb) => schema::run(verb, app, client, output).await,
        Builtin::Policy(verb) => policy::run(verb, app, client, output).await,
        Builtin::Projection(verb) => projection::run(verb, &client()?, output).await,
        Builtin::Backup(verb) => backup::run(verb, client, output).await,
        Builtin::Log(verb) => log::run(verb, client, output).await,
        Builtin::Check(arguments) => {
            check::run(arguments, |server| token_for(&global, &Client::new(server)?), output).await
        }
        Builtin::Token(verb) => token::run(verb, app, client, output).await,
        Builtin::Config(verb) => config::run(verb, output).await,
        Builtin::Verify(arguments) => verify::run(&arguments, output),
        Builtin::Completion { shell } => {
            let mut command = Arguments::command();
            for verb in &app.verbs {
                command = command.subcommand(verb.command.clone());
            }
            output::completion(shell, &mut command);
            Ok(())
        }
        Builtin::Version => {
            let version = serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "application": app.name });
            output.value(&version, |version| {
                format!("{} {}", app.name, version.get("version").and_then(|v| v.as_str()).unwrap_or_default())
            })
        }
    }
}
