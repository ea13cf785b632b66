//! One node in one process: the embedded adapters, the platform on top of them and the HTTP server in front.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum_server::Handle;
use hyper_util::rt::TokioTimer;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nexus_api::{ApiConfig, BuildInfo, RateLimits, StorageInfo};
use nexus_core::{
    Text,
    ports::{Authenticator, Clock, PolicyServer},
};
use nexus_identity::JwtAuthenticator;
use nexus_log::{LogEventStore, LogOptions};
use nexus_opa::OpaPolicyServer;
use nexus_policy::{RegoPolicyCompiler, RegoPolicyEngine};
use nexus_read::{SqliteIdempotencyIndex, SqliteReadStore};
use nexus_runtime::{Node, NodeParts, StartError, SystemClock, UuidIds};
use nexus_schema::JsonSchemaRegistry;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{App, Failure, backup::ServerBackups, cli::args::Role, config::Access, data_dir::DataDir, policies};

/// How long requests that are under way may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How often histograms are condensed.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// What a server is started with.
pub(crate) struct ServerOptions {
    /// Where it keeps its data.
    pub(crate) data: DataDir,
    /// The address to listen on; port 0 takes any free one.
    pub(crate) listen: SocketAddr,
    /// `dev`, `production`, …: `input.context.environment` in policies.
    pub(crate) environment: &'static str,
    /// What it does.
    pub(crate) role: Role,
    /// How it learns who asks.
    pub(crate) access: Access,
    /// How often one client may ask.
    pub(crate) limits: RateLimits,
}

/// A server that accepts requests.
pub(crate) struct Server {
    address: SocketAddr,
    data: DataDir,
    node: Arc<Node>,
    log: Arc<LogEventStore>,
    access: Access,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Opens the stores, starts the platform and listens.
    pub(crate) async fn start(app: &App, options: ServerOptions) -> Result<Self, Failure> {
        let ServerOptions { data, listen, environment, role, access, limits } = options;
        let listener = bind(listen).await?;
        let address = listener.local_addr().map_err(Failure::usage)?;
        let log = open_log(&data)?;
        let node = Arc::new(start_node(app, &data, &log, (environment, role)).await?);
        if let Some(directory) = app.domain.policy_directory() {
            policies::watch(&node, directory.to_owned());
        }
        let backups = ServerBackups { data: data.shared(), log: Arc::clone(&log), clock: Arc::new(SystemClock) };
        let config = ApiConfig { rate_limits: limits, ..api_config(&data, node.stopping())? };
        let config = ApiConfig { backups: Some(Arc::new(backups)), ..guarded(config, &access, node.stopping()).await? };
        let router = nexus_api::router(Arc::clone(&node), config);
        let handle = Handle::new();
        let listener = listener.into_std().map_err(Failure::usage)?;
        let mut server = axum_server::from_tcp(listener).map_err(Failure::usage)?.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let serving = tokio::spawn(server.serve(router.into_make_service_with_connect_info::<SocketAddr>()));
        Ok(Self { address, data, node, log, access, handle, serving })
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps its data.
    pub(crate) fn data(&self) -> &DataDir {
        &self.data
    }

    /// How it learns who asks.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The platform.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// Serves until `interrupted` ends, then lets requests finish, stops the platform and closes the log.
    pub(crate) async fn run_until(mut self, interrupted: impl Future<Output = ()>) -> Result<(), Failure> {
        let broken = tokio::select! {
            () = interrupted => None,
            ended = &mut self.serving => Some(ended),
        };
        self.node.stopping().cancel();
        self.handle.graceful_shutdown(Some(DRAIN));
        if broken.is_none()
            && let Err(error) = (&mut self.serving).await
        {
            tracing::error!(%error, "the server did not end in order");
        }
        // The router holds the other reference until its last connection is gone.
        if let Ok(node) = Arc::try_unwrap(self.node) {
            node.shutdown().await;
        }
        self.log.close();
        match broken {
            None => Ok(()),
            Some(ended) => Err(Failure::usage(format_args!("the server stopped by itself: {ended:?}"))),
        }
    }
}

/// Does something on a node whose data directory no server has open. Read models are left as they are.
///
/// # Errors
/// When the directory is in use, the node does not start, or the work fails.
pub(crate) async fn offline<T>(
    app: &App,
    data: DataDir,
    work: impl AsyncFnOnce(&Node) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let log = open_log(&data)?;
    let node = start_node(app, &data, &log, ("production", Role::Command)).await?;
    let outcome = work(&node).await;
    node.shutdown().await;
    log.close();
    outcome
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        let failure = Failure::usage(format_args!("cannot listen on {listen}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.hint("another program listens there: choose --port N, or --random-ports for any free one")
            }
            _ => failure.hint("choose another address"),
        }
    })
}

fn open_log(data: &DataDir) -> Result<Arc<LogEventStore>, Failure> {
    let options = LogOptions::default();
    let log = LogEventStore::open(data.log(), options, Arc::new(SystemClock)).map_err(Failure::usage)?;
    Ok(Arc::new(log))
}

async fn start_node(
    app: &App,
    data: &DataDir,
    log: &Arc<LogEventStore>,
    (environment, role): (&'static str, Role),
) -> Result<Node, Failure> {
    let policy_bundles = app.domain.policy_bundles()?;
    let modules = policy_bundles.iter().flat_map(|bundle| bundle.modules.iter().cloned()).collect();
    let policy = RegoPolicyEngine::new(modules)
        .map_err(|error| Failure::with_code(3, format_args!("the policy cannot be used: {error}")))?;
    if app.domain.policy_directory().is_some() {
        let report = policies::Candidate::local(&policy_bundles).test()?;
        if let Some(failed) = report.failures().next() {
            let place = format!("{}:{}", failed.module, failed.line);
            let failure = Failure::with_code(5, format_args!("the test {} at {place} does not hold", failed.name));
            return Err(failure.hint("`policy test DIR` runs the tests of a directory"));
        }
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let policy_server = policy_server(app, &clock)?;
    let parts = NodeParts {
        service: Text::from(app.name.as_str()),
        environment: Text::from_static(environment),
        catalogue: app.domain.catalogue()?,
        projections: match role {
            Role::All => app.domain.projections().to_vec(),
            Role::Command => Vec::new(),
        },
        store: Arc::<LogEventStore>::clone(log),
        history: Some(Arc::new(log.history_tree().map_err(Failure::usage)?)),
        registry: app.domain.registry(Arc::new(JsonSchemaRegistry::new()))?,
        upcasters: app.domain.upcasters().to_vec(),
        policy: Arc::new(policy),
        policy_compiler: Some(Arc::new(RegoPolicyCompiler)),
        policy_bundles,
        policy_server,
        read_store: Arc::new(SqliteReadStore::open(data.read()).map_err(Failure::usage)?),
        idempotency: Arc::new(SqliteIdempotencyIndex::open(data.read()).map_err(Failure::usage)?),
        clock,
        ids: Arc::new(UuidIds),
    };
    Node::start(parts).await.map_err(|error| {
        let code = if error.does_not_fit() { 4 } else { 2 };
        let failure = Failure::with_code(code, format_args!("the node did not start: {error}"));
        match error {
            StartError::Declared { .. } => failure.hint(
                "mend the type as the fixes say, or bring stored events along with an upcaster: docs/upcasting.md",
            ),
            _ => failure,
        }
    })
}

/// What the application or its configuration has asked beside the policy.
fn policy_server(app: &App, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn PolicyServer>>, Failure> {
    let Some(options) = app.domain.policy_server() else { return Ok(None) };
    let server = OpaPolicyServer::start(options.clone(), Arc::new(RegoPolicyCompiler), Arc::clone(clock));
    Ok(Some(Arc::new(server.map_err(Failure::usage)?)))
}

fn api_config(data: &DataDir, stop: &CancellationToken) -> Result<ApiConfig, Failure> {
    let build = BuildInfo { version: env!("CARGO_PKG_VERSION").to_owned(), revision: None };
    let storage = StorageInfo { summary: data.describe(), kept: !data.is_temporary() };
    Ok(ApiConfig { metrics: record_metrics(stop), ..ApiConfig::new(build, storage, data.cursor_key()?) })
}

/// The configuration with the way this server learns who asks.
async fn guarded(config: ApiConfig, access: &Access, stop: &CancellationToken) -> Result<ApiConfig, Failure> {
    match access {
        Access::Open => Ok(ApiConfig { anonymous_actor: Some(ApiConfig::development_actor()), ..config }),
        Access::Tokens { api_tokens, issuers } => {
            let signed = JwtAuthenticator::start(issuers.clone(), stop).await.map_err(Failure::usage)?;
            let authenticator = (!issuers.is_empty()).then(|| Arc::new(signed) as Arc<dyn Authenticator>);
            Ok(ApiConfig { anonymous_actor: None, authenticator, api_tokens: *api_tokens, ..config })
        }
    }
}

/// Records metrics in this process; `None` when an earlier server of the process does already.
fn record_metrics(stop: &CancellationToken) -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder().ok()?;
    let (upkeep, stop) = (handle.clone(), stop.clone());
    tokio::spawn(async move {
        while tokio::time::timeout(METRICS_UPKEEP, stop.cancelled()).await.is_err() {
            upkeep.run_upkeep();
        }
    });
    Some(handle)
}
