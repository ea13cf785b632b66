use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nexus_core::ports::SchemaKind;

use crate::{
    Client,
    cli::{Format, check::Check, config::ConfigVerb, token::TokenVerb},
};

/// An event-sourcing and CQRS platform that is born governed.
///
/// Start here: `dev` runs everything on this machine; then `command send` places the first order.
#[derive(Debug, Parser)]
#[command(name = "nexus", version, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Builtin,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The server to speak to.
    #[arg(long, global = true, env = "NEXUS_SERVER", default_value = Client::DEFAULT_SERVER, value_name = "URL")]
    pub(crate) server: String,
    /// How to print data: for a person, as one JSON document, or one JSON document a line.
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Format,
    /// The file with the token that says who asks; NEXUS_TOKEN in the environment says the same. A token is never an
    /// argument: other users of the machine see those.
    #[arg(long, global = true, env = "NEXUS_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Whether to colour what is printed; `auto` also obeys `NO_COLOR`.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Builtin {
    /// Run everything on this machine, for development: loopback only, no credentials.
    Dev(Dev),
    /// Run a server.
    Serve(Serve),
    /// Send commands, and see which there are.
    #[command(subcommand)]
    Command(CommandVerb),
    /// Ask read models.
    #[command(subcommand)]
    Query(QueryVerb),
    /// Look at streams.
    #[command(subcommand)]
    Stream(StreamVerb),
    /// Look at events.
    #[command(subcommand)]
    Event(EventVerb),
    /// Look at the schemas of commands and events, change them, and check them in a repository.
    #[command(subcommand)]
    Schema(SchemaVerb),
    /// Look at the policy, test it, try it on what is stored, bring it into force and back.
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// See how far read models are.
    #[command(subcommand)]
    Projection(ProjectionVerb),
    /// Back up a server, check a backup, restore one.
    #[command(subcommand)]
    Backup(BackupVerb),
    /// Prove what the log holds, and check proofs.
    #[command(subcommand)]
    Log(LogVerb),
    /// Hold the rules of the gate against a repository. Exit 0 clean, 1 findings, 2 usage, 3 the gate itself failed.
    Check(Check),
    /// Check a log that is not open, from its first byte to its last. Exit 0 intact, 1 damaged, 2 cannot be checked.
    Verify(Verify),
    /// Issue, list and revoke tokens.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Look at the configuration of a server.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Keep data in this directory; it is made when it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    pub(crate) data: Option<PathBuf>,
    /// Keep data in a temporary directory that is removed on exit. This is the default.
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// The port to listen on.
    #[arg(long, default_value_t = 4747, conflicts_with = "random_ports")]
    pub(crate) port: u16,
    /// Listen on whatever port is free.
    #[arg(long)]
    pub(crate) random_ports: bool,
    /// The sample domain to load: `orders` or `none`. Only where the application offers samples.
    #[arg(long, value_name = "NAME")]
    pub(crate) sample: Option<String>,
    /// Add the policies in this directory, and follow their changes.
    #[arg(long, value_name = "DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// Accepted for scripts; no browser is opened.
    #[arg(long, hide = true)]
    pub(crate) no_open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file. What the command line says wins over it.
    #[arg(long, env = "NEXUS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep data in this directory; it is made when it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The address to listen on; 127.0.0.1:4747 when nothing else is said.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Accept tokens that this server issued (`token create`).
    #[arg(long)]
    pub(crate) api_tokens: bool,
    /// Ask for no credentials. Only on a loopback address.
    #[arg(long)]
    pub(crate) insecure_no_auth: bool,
    /// What this server does; everything when nothing else is said.
    #[arg(long, value_enum)]
    pub(crate) role: Option<Role>,
    /// Add the policies in this directory, and follow their changes.
    #[arg(long, value_name = "DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// The sample domain to load: `orders` or `none`. Only where the application offers samples.
    #[arg(long, value_name = "NAME")]
    pub(crate) sample: Option<String>,
}

impl Serve {
    /// A file, and nothing on the command line beside it.
    pub(crate) fn of_file(config: PathBuf) -> Self {
        let config = Some(config);
        Self {
            config,
            data: None,
            listen: None,
            api_tokens: false,
            insecure_no_auth: false,
            role: None,
            policy: None,
            sample: None,
        }
    }
}

/// Which of its tasks a server takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Everything.
    All,
    /// Commands, appends and events; read models are left as they are, and a later start with `all` catches them up.
    Command,
}

impl Role {
    /// Its name on the command line and in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Command => "command",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum CommandVerb {
    /// Send a command and wait until its events are durable.
    Send(CommandSend),
    /// List the commands there are.
    List,
    /// Show a command's schema.
    Describe {
        /// The command type: `PlaceOrder`.
        command_type: String,
        /// Print an example payload instead, ready for `command send … --data -`.
        #[arg(long)]
        example: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CommandSend {
    /// The command type: `PlaceOrder`.
    pub(crate) command_type: String,
    /// The payload: JSON text, `@FILE`, or `-` for standard input.
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) data: String,
    /// The aggregate. A creating command makes an id when there is none.
    #[arg(long, value_name = "AGGREGATE")]
    pub(crate) id: Option<String>,
    /// The version the aggregate must be at: a number, `none`, `exists` or `any`.
    #[arg(long, value_name = "VERSION")]
    pub(crate) expect: Option<String>,
    /// Sending the same command again with the same key does nothing more.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Decide and judge, but store nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueryVerb {
    /// List the rows of a read model.
    List(QueryList),
    /// Show one row of a read model.
    Get {
        /// The read model: `orders`.
        resource: String,
        /// The row's key.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct QueryList {
    /// The read model: `orders`.
    pub(crate) resource: String,
    /// A condition: `country=France`, `totalMinor[gte]=10000`. May be repeated; all must hold.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) filter: Vec<String>,
    /// Fields to sort by, most significant first; `-` reverses: `-placedAt,id`.
    #[arg(long, value_name = "FIELDS", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// Most rows to print.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Go on where an earlier page ended.
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// Wait until everything up to this position is in the rows.
    #[arg(long, value_name = "POSITION")]
    pub(crate) consistent_with: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamVerb {
    /// List streams.
    List {
        /// Only ids that start with this.
        #[arg(long, default_value = "")]
        prefix: String,
        /// Only aggregates of this type.
        #[arg(long = "type", value_name = "AGGREGATE_TYPE")]
        aggregate_type: Option<String>,
        /// Most streams to print.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show the events of one stream.
    #[command(alias = "show")]
    Events {
        /// The stream, which is the aggregate's id.
        id: String,
        /// First version wanted.
        #[arg(long)]
        from: Option<u64>,
        /// Last version wanted.
        #[arg(long)]
        to: Option<u64>,
        /// Most events to print.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Write events as CloudEvents 1.0, one JSON document a line, oldest first.
    Export(StreamExport),
    /// Store the events of an export in their order, with their ids. What is stored already is passed over.
    Import(StreamImport),
}

#[derive(Debug, Args)]
pub(crate) struct StreamExport {
    /// The stream, which is the aggregate's id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) stream: Option<String>,
    /// The whole log.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only events after this position of the log.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub(crate) after: u64,
    /// Write to this file, which does not exist yet, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StreamImport {
    /// The file; `-` is standard input.
    pub(crate) file: PathBuf,
    /// Read the whole file and say what stands in the way of importing it, but store nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventVerb {
    /// Show one event with its receipt.
    Show {
        /// The event's id.
        id: String,
    },
    /// Print events as they are stored, until interrupted.
    Tail {
        /// Begin after this position; by default only what comes from now on.
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        /// Only these event types, separated by commas.
        #[arg(long, value_name = "TYPES")]
        types: Option<String>,
        /// Stop after this many events.
        #[arg(long)]
        limit: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaVerb {
    /// List the registered schemas.
    List,
    /// Show one schema.
    Show {
        /// The command or event type.
        name: String,
        /// Its version; the newest by default.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Show what changed from one version to another, and what each change means.
    Diff(SchemaDiff),
    /// Register a schema. Exit 4 when it is not compatible, with every reason.
    Register(SchemaRegister),
    /// Check the schema files of a repository, without a server: against the lock, against the versions before, and
    /// against the code of this application. Exit 0 all is well, 1 findings, 4 something stored or sent would not fit.
    Check(SchemaCheck),
    /// Write what the code of this application declares: a file for each new version of a schema, an AsyncAPI 3.0
    /// document, and TypeScript types.
    Generate(SchemaGenerate),
    /// Count the stored events of a type by the version of their schema.
    Usage {
        /// The event type, or the command type, of which nothing is stored.
        name: String,
        /// What it describes, where both have this name: `event` or `command`.
        #[arg(long, value_parser = crate::cli::schema::kind)]
        kind: Option<SchemaKind>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SchemaDiff {
    /// The command or event type, on a server.
    #[arg(required_unless_present = "files", conflicts_with = "files")]
    pub(crate) name: Option<String>,
    /// What it describes, where both have this name: `event` or `command`.
    #[arg(long, conflicts_with = "files", value_parser = crate::cli::schema::kind)]
    pub(crate) kind: Option<SchemaKind>,
    /// The version to begin at; the one before by default.
    #[arg(long, value_name = "VERSION")]
    pub(crate) from: Option<u32>,
    /// The version to end at; the newest by default.
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<u32>,
    /// Two schema files instead, without a server.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaRegister {
    /// The command or event type.
    pub(crate) name: String,
    /// The file with the JSON Schema.
    pub(crate) file: PathBuf,
    /// What it describes: `event` or `command`.
    #[arg(long, default_value = "event", value_parser = crate::cli::schema::kind)]
    pub(crate) kind: SchemaKind,
    /// The version it is expected to become.
    #[arg(long, value_name = "VERSION")]
    pub(crate) schema_version: Option<String>,
    /// The compatibility mode the subject is to have: `BACKWARD_TRANSITIVE`, ….
    #[arg(long, value_name = "MODE")]
    pub(crate) compatibility: Option<String>,
    /// A file with the steps that bring events of the newest version to this one: `[{"op": "rename", …}, …]`. They are
    /// tried on samples and on every stored event first.
    #[arg(long, value_name = "FILE")]
    pub(crate) upcaster: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaCheck {
    /// The directory of schemas.
    #[arg(default_value = "schemas")]
    pub(crate) directory: PathBuf,
    /// Write the lock when all is well: the versions that are there are published, and not to be changed any more.
    #[arg(long)]
    pub(crate) lock: bool,
    /// Leave out the code of this application.
    #[arg(long)]
    pub(crate) files_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaGenerate {
    /// The directory of schemas.
    #[arg(default_value = "schemas")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// List the bundles in force.
    List,
    /// Run the tests of a directory, without a server. Exit 5 when one does not hold.
    Test(PolicyTest),
    /// Judge an input, or everything that is stored, without any effect.
    Eval(PolicyEval),
    /// Tell which rules fire for an input, on the server.
    Explain {
        /// The input: JSON text, a file, or `-` for standard input.
        #[arg(long, value_name = "JSON|FILE|-")]
        input: String,
    },
    /// List what was denied, and who read what only some may read.
    Decisions(PolicyDecisions),
    /// Bring the bundle in a directory into force, once its tests hold.
    Push {
        /// The bundle's name.
        name: String,
        /// The directory with its modules and their tests.
        directory: PathBuf,
    },
    /// Bring an earlier revision of a bundle into force again.
    Rollback {
        /// The bundle's name.
        name: String,
        /// Which one; the one before by default.
        #[arg(long, value_name = "REVISION")]
        revision: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PolicyTest {
    /// The directory with the modules and their tests.
    pub(crate) directory: PathBuf,
    /// The bundle whose place it takes among those of this application; by default the name of the directory.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyEval {
    /// The input: JSON text, a file, or `-` for standard input.
    #[arg(long, value_name = "JSON|FILE|-", conflicts_with = "history")]
    pub(crate) input: Option<String>,
    /// Ask the bundle in this directory, without a server.
    #[arg(long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// The bundle whose place it takes among those of this application; by default the name of the directory.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Judge every stored event and every recorded decision again, and print what would have been decided otherwise.
    /// Exit 1 when there is any.
    #[arg(long, requires = "bundle")]
    pub(crate) history: bool,
    /// Only what was recorded at this moment or later.
    #[arg(long, value_name = "TIME", value_parser = crate::cli::policy::moment)]
    pub(crate) since: Option<nexus_core::Timestamp>,
    /// Read a data directory that no server has open, instead of asking a server.
    #[arg(long, value_name = "DIR", requires = "history")]
    pub(crate) data: Option<PathBuf>,
    /// The roles that whoever stored events is taken to have had; events do not tell.
    #[arg(long, value_name = "ROLES", value_delimiter = ',', default_value = "writer")]
    pub(crate) roles: Vec<String>,
    /// The environment that events are taken to be from.
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub(crate) environment: String,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyDecisions {
    /// Only what was not allowed.
    #[arg(long)]
    pub(crate) denied: bool,
    /// Only decisions after this position of the log.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub(crate) after: u64,
    /// Most decisions to print.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) data: PathBuf,
    /// A signed head that was kept elsewhere, or several: what `log head -o json` printed. Shows whether the log was
    /// edited and everything in it computed and signed again.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogVerb {
    /// Have the head of the log signed. Keep it elsewhere: nobody can change the events under it unnoticed.
    Head {
        /// Over the events up to this position only.
        #[arg(long, value_name = "POSITION")]
        at: Option<u64>,
    },
    /// Prove that an event is in the log.
    Prove(LogProve),
    /// Check a proof, without a server.
    Check(LogCheck),
}

#[derive(Debug, Args)]
pub(crate) struct LogProve {
    /// Position of the event.
    pub(crate) position: u64,
    /// Under the head over the events up to this position; by default under that of now.
    #[arg(long, value_name = "POSITION")]
    pub(crate) at: Option<u64>,
    /// Prove as well that nothing changed under this earlier head: what `log head -o json` printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LogCheck {
    /// What `log prove -o json` printed.
    #[arg(value_name = "FILE")]
    pub(crate) proof: PathBuf,
    /// The id of the key that must have signed it: `keyId` of /api/log/key, learned some other way.
    #[arg(long, value_name = "KEY_ID")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectionVerb {
    /// List the read models with their checkpoint and lag.
    List,
    /// Show one.
    Status {
        /// The read model: `orders`.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    /// Make a backup of a running server (`--server URL`), or of a data directory that no server has open.
    Create {
        /// Where to: a directory that does not exist yet.
        directory: PathBuf,
        /// The data directory; a running server's is reached through the server.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Check a backup: manifest, hashes and every record. Exits with 1 when it is damaged.
    Verify {
        /// The backup.
        directory: PathBuf,
    },
    /// Make a data directory of a backup, after checking it.
    Restore {
        /// The backup.
        directory: PathBuf,
        /// The new data directory, which does not exist yet.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}
