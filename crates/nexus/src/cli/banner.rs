use std::time::Duration;

use nexus_core::framework::{When, example_of};

use crate::{App, cli::Output, config::Access, server::Server};

/// What a person sees once the server accepts requests: addresses, data, access and what to do next.
pub(crate) fn banner(app: &App, server: &Server, program: &str, output: Output, took: Duration) -> String {
    let base = format!("http://{}", server.address());
    let ready = format!("ready in {} ms", took.as_millis());
    let mut lines = vec![
        format!(
            "{} {} {}",
            output.bold("Nexus"),
            env!("CARGO_PKG_VERSION"),
            output.dim(&format!("· {} · {ready}", app.name))
        ),
        String::new(),
    ];
    let mut row = |label: &str, text: &str| lines.push(format!("  {} {text}", output.dim(&format!("{label:<11}"))));
    row("Dashboard", &format!("{base}/"));
    row("API", &format!("{base}/api        OpenAPI {base}/openapi.json"));
    row("Health", &format!("{base}/readyz     Metrics {base}/metrics"));
    row("Data", &server.data().describe());
    for line in access(server) {
        row("Access", &line);
    }
    if let Some(beside) = app.domain.policy_server() {
        let (url, path, way) = (beside.url(), beside.path(), beside.when_unreachable.as_str());
        row("Policy", &format!("its own, and `{path}` of {url}: both must allow; while that is away: {way}"));
    }
    for line in domain(server) {
        row("Serves", &line);
    }
    lines.push(String::new());
    lines.push(format!("Try next{}", output.dim(" (in another terminal)")));
    lines.push(format!("  {}", next_command(server, program)));
    lines.push(output.dim("Stop with Ctrl-C."));
    lines.join("\n")
}

/// Who is let in, and what is still missing for anybody to be.
fn access(server: &Server) -> Vec<String> {
    let Access::Tokens { api_tokens, issuers } = server.access() else {
        return vec![
            "this machine only (loopback), no credentials asked: every request acts as `anonymous`".to_owned(),
        ];
    };
    let mut lines: Vec<String> = issuers.iter().map(|issuer| format!("signed tokens of {}", issuer.issuer)).collect();
    if !server.address().ip().is_loopback() {
        lines.push("other machines, without TLS of its own: let a proxy that speaks https stand before it".to_owned());
    }
    if *api_tokens {
        let usable = server.node().tokens().list().iter().filter(|token| token.revoked.is_none()).count();
        lines.push(match usable {
            0 if issuers.is_empty() => {
                "tokens of this server, of which there are none: stop it, then `token create --data DIR --role admin \
                 --expires-in 90d`"
                    .to_owned()
            }
            usable => format!("tokens of this server ({usable} in use)"),
        });
    }
    lines
}

fn domain(server: &Server) -> Vec<String> {
    let node = server.node();
    let aggregates = node.commands().catalogue().aggregates().map(|aggregate| {
        let commands: Vec<_> = aggregate.commands().iter().map(|command| command.command_type).collect();
        format!("{}: {}", aggregate.name(), commands.join(", "))
    });
    let read_models = node.queries().projections().map(|running| {
        let name = &running.projection().spec().name;
        format!("read model {name}: http://{}/api/queries/{name}", server.address())
    });
    aggregates.chain(read_models).collect()
}

/// A command that works as it is printed: the first creating command with the example of its schema.
fn next_command(server: &Server, program: &str) -> String {
    let address = server.address();
    let at = if address.port() == 4747 { String::new() } else { format!(" --server http://{address}") };
    let mut commands = server.node().commands().catalogue().commands();
    match commands.find(|entry| entry.spec.when == When::Create) {
        Some(entry) => {
            let example = example_of(&entry.spec.schema).to_string().replace('\'', r"'\''");
            format!("{program} command send {} --data '{example}'{at}", entry.spec.command_type)
        }
        None => format!("{program} event tail{at}"),
    }
}
