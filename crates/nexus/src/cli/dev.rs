use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use nexus_api::RateLimits;

use crate::{
    App, Failure,
    cli::{
        Output,
        args::{Dev, Role, Serve},
        banner,
    },
    config::{Access, Settings},
    data_dir::DataDir,
    server::{Server, ServerOptions},
};

pub(crate) async fn dev(app: App, dev: Dev, program: &str, output: Output) -> Result<(), Failure> {
    let data = match &dev.data {
        Some(path) => DataDir::kept(path)?,
        None => DataDir::temporary()?,
    };
    let port = if dev.random_ports { 0 } else { dev.port };
    let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let app = app.with_sample(dev.sample.as_deref())?.with_policy_directory(dev.policy);
    let (role, access, limits) = (Role::All, Access::Open, RateLimits::default());
    run(app, ServerOptions { data, listen, environment: "dev", role, access, limits }, program, output).await
}

pub(crate) async fn serve(app: App, serve: Serve, program: &str, output: Output) -> Result<(), Failure> {
    let settings = Settings::gather(&serve)?;
    let access = settings.access()?;
    let data = DataDir::kept(settings.data()?)?;
    let mut app = app.with_sample(serve.sample.as_deref())?.with_policy_directory(settings.policy.clone());
    if let Some(options) = settings.policy_server.clone() {
        app = app.policy_server(options);
    }
    let Settings { listen, role, limits, .. } = settings;
    run(app, ServerOptions { data, listen, environment: "production", role, access, limits }, program, output).await
}

async fn run(app: App, options: ServerOptions, program: &str, output: Output) -> Result<(), Failure> {
    let started = Instant::now();
    init_tracing(options.environment);
    let interrupted = interrupted()?;
    let server = Server::start(&app, options).await?;
    output.line(&banner::banner(&app, &server, program, output, started.elapsed()))?;
    server
        .run_until(async move {
            interrupted.await;
            output.talk("\nstopping: no new requests, what is under way is finished");
        })
        .await?;
    output.talk(&format!("stopped after {}", human(started.elapsed())));
    Ok(())
}

fn human(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..=119 => format!("{:.1} s", elapsed.as_secs_f64()),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Ends at the first SIGINT or SIGTERM; a second one ends the process at once. Handlers are in place on return.
fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    let unusable = |error: std::io::Error| Failure::usage(format_args!("signals cannot be handled: {error}"));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                std::process::exit(2);
            });
        })
    }
    #[cfg(not(unix))]
    {
        let _ = unusable;
        Ok(async {
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}

/// Logs go to standard error; `NEXUS_LOG` chooses what, in the syntax of `tracing`'s `EnvFilter`.
fn init_tracing(environment: &str) {
    let default = if environment == "dev" { "warn" } else { "info" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("NEXUS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    // A second server in one process keeps the first one's subscriber.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
