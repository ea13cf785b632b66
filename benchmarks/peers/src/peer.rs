use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use bench_report::Fallible;

use crate::{
    client::Client, load::Load, nexus_lines::NexusLines, nexus_once::NexusOnce, postgres, postgres::Postgres,
    server::Server,
};

/// Who is compared. A further way to speak to a server is a further kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NexusOnce,
    NexusLines,
    Postgres,
    #[cfg(feature = "umadb")]
    UmaDb,
    #[cfg(feature = "tephra")]
    Tephra,
}

const KINDS: &[Kind] = &[
    Kind::NexusOnce,
    Kind::NexusLines,
    Kind::Postgres,
    #[cfg(feature = "umadb")]
    Kind::UmaDb,
    #[cfg(feature = "tephra")]
    Kind::Tephra,
];

/// A server that can be started, and a way to speak to it.
#[derive(Debug)]
pub(crate) struct Peer {
    kind: Kind,
    /// Its program, or the folder of its programs.
    program: PathBuf,
}

impl Peer {
    /// Those that can be started here, and why the others cannot.
    pub(crate) fn available(data: &Path) -> Fallible<(Vec<Self>, Vec<String>)> {
        let mut left_out: Vec<String> =
            env::var("BENCH_LEFT_OUT").unwrap_or_default().lines().map(str::to_owned).collect();
        let mut peers = Vec::new();
        for kind in KINDS {
            let Some(program) = env::var_os(kind.variable()) else {
                if left_out.is_empty() {
                    left_out.push(format!("{}: {} is not set", kind.name(), kind.variable()));
                }
                continue;
            };
            let peer = Self { kind: *kind, program: program.into() };
            match peer.start(data) {
                Ok(_) => peers.push(peer),
                Err(error) if kind.is_own() => return Err(error),
                Err(error) => left_out.push(format!("{}: it did not start: {error}", kind.name())),
            }
        }
        for reason in &left_out {
            println!("left out: {reason}");
        }
        Ok((peers, left_out))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What the program says about its version.
    pub(crate) fn version(&self) -> String {
        let (program, argument) = match self.kind {
            Kind::Postgres => (self.program.join("postgres"), "--version"),
            Kind::NexusOnce | Kind::NexusLines => (self.program.clone(), "version"),
            #[cfg(feature = "umadb")]
            Kind::UmaDb => (self.program.clone(), "--version"),
            #[cfg(feature = "tephra")]
            Kind::Tephra => return "0.4.4, client 0.5".to_owned(),
        };
        let output = Command::new(program).arg(argument).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        said.lines().next().unwrap_or("unknown").to_owned()
    }

    /// Whether its protocol carries this load.
    pub(crate) fn takes(&self, load: Load) -> bool {
        load.in_flight == 1 || self.kind != Kind::NexusOnce
    }

    /// Starts it on fresh data.
    pub(crate) fn start(&self, data: &Path) -> Fallible<Server> {
        let dir = data.join("data");
        let program = &self.program;
        match self.kind {
            Kind::NexusOnce | Kind::NexusLines => Server::child(&dir, |address, dir| {
                let mut command = Command::new(program);
                // The others keep no read models either.
                command.args(["serve", "--role", "command", "--insecure-no-auth"]);
                command.args(["--listen", address, "--data"]).arg(dir);
                command.env("NEXUS_LOG", "warn");
                command
            }),
            Kind::Postgres => Server::postgres(program, &dir),
            #[cfg(feature = "umadb")]
            Kind::UmaDb => Server::child(&dir, |address, dir| {
                let mut command = Command::new(program);
                command.args(["--listen", address, "--db-path"]).arg(dir.join("uma.db"));
                command
            }),
            #[cfg(feature = "tephra")]
            Kind::Tephra => Server::child(&dir, |address, dir| {
                let mut command = Command::new(program);
                command.args(["--bind", address, "--data-dir"]).arg(dir);
                command
            }),
        }
    }

    /// Makes what must be there before anything is stored.
    pub(crate) async fn prepare(&self, address: &str) -> Fallible<()> {
        if self.kind == Kind::Postgres {
            postgres::prepare(address).await?;
        }
        Ok(())
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self, address: &str) -> Fallible<Arc<dyn Client>> {
        Ok(match self.kind {
            Kind::NexusOnce => Arc::new(NexusOnce::connect(address).await?),
            Kind::NexusLines => Arc::new(NexusLines::connect(address).await?),
            Kind::Postgres => Arc::new(Postgres::connect(address).await?),
            #[cfg(feature = "umadb")]
            Kind::UmaDb => Arc::new(crate::umadb::UmaDb::connect(address).await?),
            #[cfg(feature = "tephra")]
            Kind::Tephra => Arc::new(crate::tephra::Tephra::connect(address).await?),
        })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::NexusOnce => "Nexus, a request each",
            Self::NexusLines => "Nexus, stream of appends",
            Self::Postgres => "PostgreSQL",
            #[cfg(feature = "umadb")]
            Self::UmaDb => "UmaDB",
            #[cfg(feature = "tephra")]
            Self::Tephra => "tephra",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::NexusOnce | Self::NexusLines => "BENCH_NEXUS",
            Self::Postgres => "BENCH_POSTGRES",
            #[cfg(feature = "umadb")]
            Self::UmaDb => "BENCH_UMADB",
            #[cfg(feature = "tephra")]
            Self::Tephra => "BENCH_TEPHRA",
        }
    }

    fn is_own(self) -> bool {
        matches!(self, Self::NexusOnce | Self::NexusLines)
    }
}
