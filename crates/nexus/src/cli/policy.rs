use std::{path::Path, sync::Arc};

use nexus_api::dto::EventDto;
use nexus_core::{
    Position, RecordedEvent, Text, Timestamp,
    ports::{CompiledPolicy as _, EventStore as _, LogRead, PolicyTestReport},
};
use nexus_log::{LogEventStore, LogOptions};
use nexus_runtime::SystemClock;
use serde_json::{Value, json};

use crate::{
    App, Client, Failure,
    app::Domain,
    cli::{
        Output,
        args::{PolicyDecisions, PolicyEval, PolicyTest, PolicyVerb},
        output::{table, text_of},
    },
    client::{Request, segment},
    data_dir::DataDir,
    policies::{self, Candidate, Difference, History},
};

/// How many events are asked for at once.
const PAGE: usize = 1000;

pub(crate) async fn run(
    verb: PolicyVerb,
    app: App,
    client: impl Fn() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        PolicyVerb::List => list(&client()?, output).await,
        PolicyVerb::Test(arguments) => test(&domain(app)?, &arguments, output),
        PolicyVerb::Eval(arguments) if arguments.history => {
            let service = Text::from(app.name.as_str());
            history(&domain(app)?, &arguments, (service, client), output).await
        }
        PolicyVerb::Eval(arguments) => eval(&domain(app)?, &arguments, client, output).await,
        PolicyVerb::Explain { input } => {
            let body = client()?.post("/api/policies/evaluate?explain=true", text_from(&input)?).await?;
            output.value(&body, explained)
        }
        PolicyVerb::Decisions(arguments) => decisions(&arguments, &client()?, output).await,
        PolicyVerb::Push { name, directory } => {
            let body = json!({ "modules": policies::read(&directory)? });
            let answer = client()?.put(&format!("/api/policies/{}", segment(&name)), body.to_string()).await?;
            output.value(&answer, activated)
        }
        PolicyVerb::Rollback { name, revision } => {
            let body = revision.map_or_else(|| json!({}), |revision| json!({ "revision": revision }));
            let path = format!("/api/policies/{}/rollback", segment(&name));
            let answer = client()?.post(&path, body.to_string()).await?;
            output.value(&answer, activated)
        }
    }
}

/// What the application declares; the domain of its first sample where it has none of its own.
fn domain(app: App) -> Result<Domain, Failure> {
    Ok(app.with_sample(None)?.domain)
}

async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    let body = client.get("/api/policies", &[]).await?;
    let bundles = body.get("bundles").and_then(Value::as_array).cloned().unwrap_or_default();
    output.list(&bundles, |bundles| {
        let row = |bundle: &Value| {
            let count = bundle.get("modules").and_then(Value::as_array).map_or(0, Vec::len).to_string();
            let names = ["name", "revision", "origin", "author", "activatedAt"];
            names.iter().map(|name| text_of(bundle, name)).chain([count]).collect()
        };
        let heads = ["NAME", "REVISION", "ORIGIN", "AUTHOR", "ACTIVATED", "MODULES"];
        table(output, &heads, &bundles.iter().map(row).collect::<Vec<_>>())
    })
}

fn activated(body: &Value) -> String {
    let tests = body.get("tests").and_then(Value::as_array).map_or(0, Vec::len);
    format!("{} is in force as revision {}; {tests} test(s) hold", text_of(body, "name"), text_of(body, "revision"))
}

/// Runs the tests of a directory among the policies of the application. Exit 5 when one does not hold.
fn test(domain: &Domain, arguments: &PolicyTest, output: Output) -> Result<(), Failure> {
    let candidate = Candidate::read(domain, &arguments.directory, arguments.name.as_deref())?;
    candidate.engine()?;
    let report = candidate.test()?;
    let results: Vec<Value> = report
        .results
        .iter()
        .map(|result| {
            json!({
                "name": result.name, "module": result.module, "line": result.line,
                "holds": result.failure.is_none(), "failure": result.failure,
                "elapsedMicros": u64::try_from(result.elapsed.as_micros()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    output.list(&results, |_| tested(&report))?;
    let failed = report.failures().count();
    if report.results.is_empty() {
        return Err(Failure::usage(format_args!("there are no tests in {}", arguments.directory.display()))
            .hint("write rules named test_… in a package whose name ends with _test"));
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::with_code(5, format_args!("{failed} of {} test(s) do not hold", report.results.len()))),
    }
}

fn tested(report: &PolicyTestReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for result in &report.results {
        let word = if result.failure.is_none() { "ok    " } else { "FAILED" };
        let micros = result.elapsed.as_micros();
        lines.push(format!("{word}  {}:{}  {}  {micros} µs", result.module, result.line, result.name));
        lines.extend(result.failure.iter().map(|failure| format!("        {failure}")));
    }
    for module in &report.coverage {
        let (covered, all) = (module.covered.len(), module.covered.len() + module.uncovered.len());
        let uncovered: Vec<String> = module.uncovered.iter().map(ToString::to_string).collect();
        let rest = if uncovered.is_empty() { String::new() } else { format!(", not line(s) {}", uncovered.join(", ")) };
        lines.push(format!("lines   {}: {covered} of {all}{rest}", module.module));
    }
    lines.join("\n")
}

/// Judges one input: by a directory, or on the server.
async fn eval(
    domain: &Domain,
    arguments: &PolicyEval,
    client: impl Fn() -> Result<Client, Failure>,
    output: Output,
) -> Result<(), Failure> {
    let Some(input) = &arguments.input else {
        return Err(Failure::usage("say what to judge").hint("`--input FILE`, or `--history` for all that is stored"));
    };
    let text = text_from(input)?;
    let body = match &arguments.bundle {
        None => client()?.post("/api/policies/evaluate", text).await?,
        Some(directory) => {
            let engine = Candidate::read(domain, directory, arguments.name.as_deref())?.engine()?;
            let input = nexus_core::Json::parse(text).map_err(Failure::usage)?;
            let at = |path: &str| {
                let found = engine.value_at(path, Some(&input)).map_err(|error| Failure::with_code(3, error))?;
                found.map_or(Ok(Value::Null), |found| found.to_value().map_err(Failure::usage))
            };
            json!({ "allow": at("nexus/allow")?, "deny": at("nexus/deny")? })
        }
    };
    output.value(&body, |body| format!("{body:#}"))
}

fn explained(body: &Value) -> String {
    let mut lines = vec![format!("{} in {} µs", text_of(body, "outcome"), text_of(body, "elapsedMicros"))];
    for denial in body.get("denials").and_then(Value::as_array).into_iter().flatten() {
        lines.push(format!("  {}: {}", text_of(denial, "id"), text_of(denial, "message")));
        lines.push(format!("    fix: {}", text_of(denial, "remediation")));
    }
    for rule in body.get("rules").and_then(Value::as_array).into_iter().flatten() {
        let fired = rule.get("fired").and_then(Value::as_bool).unwrap_or_default();
        let place = format!("{}:{}", text_of(rule, "module"), text_of(rule, "line"));
        lines.push(format!("{} {} at {place}", if fired { "fired    " } else { "did not  " }, text_of(rule, "rule")));
    }
    lines.join("\n")
}

async fn decisions(arguments: &PolicyDecisions, client: &Client, output: Output) -> Result<(), Failure> {
    let query = [
        ("after", arguments.after.to_string()),
        ("limit", arguments.limit.to_string()),
        ("denied", arguments.denied.to_string()),
    ];
    let body = client.get("/api/policies/decisions", &query).await?;
    let decisions = body.get("decisions").and_then(Value::as_array).cloned().unwrap_or_default();
    output.list(&decisions, |decisions| {
        let row = |recorded: &Value| {
            let decision = recorded.get("decision").unwrap_or(&Value::Null);
            let who = decision.get("actor").map(|actor| text_of(actor, "id")).unwrap_or_default();
            let rules: Vec<&str> = decision
                .get("rules")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let outcome = match text_of(decision, "outcome") {
                none if none.is_empty() => "not kept".to_owned(),
                outcome => outcome,
            };
            let [kind, action, count] = ["kind", "action", "count"].map(|name| text_of(decision, name));
            vec![text_of(recorded, "position"), outcome, who, kind, action, rules.join(","), count]
        };
        let heads = ["POSITION", "OUTCOME", "ACTOR", "KIND", "ACTION", "RULES", "COUNT"];
        table(output, &heads, &decisions.iter().map(row).collect::<Vec<_>>())
    })
}

/// Asks a bundle about everything that is stored. Exit 1 when it would have decided something otherwise.
async fn history(
    domain: &Domain,
    arguments: &PolicyEval,
    (service, client): (Text, impl Fn() -> Result<Client, Failure>),
    output: Output,
) -> Result<(), Failure> {
    let Some(directory) = &arguments.bundle else {
        return Err(Failure::usage("say which bundle to ask").hint("`--bundle DIR`"));
    };
    let engine = Candidate::read(domain, directory, arguments.name.as_deref())?.engine()?;
    let history = History {
        policy: &engine,
        roles: arguments.roles.iter().map(|role| Text::from(&**role)).collect(),
        service,
        environment: Text::from(&*arguments.environment),
    };
    let mut source = match &arguments.data {
        Some(data) => Source::directory(data)?,
        None => Source::server(client()?).await?,
    };
    let (mut after, mut events, mut found) = (0, 0_u64, Vec::new());
    loop {
        let (page, next, head) = source.page(after).await?;
        let wanted = page.iter().filter(|event| arguments.since.is_none_or(|since| event.timestamp >= since));
        for event in wanted {
            events += 1;
            found.extend(history.difference(event));
        }
        if next >= head || next <= after {
            break;
        }
        after = next;
    }
    let documents: Vec<Value> = found.iter().map(Difference::document).collect();
    output.list(&documents, |documents| {
        let names = ["position", "stream", "version", "what", "was", "wouldBe"];
        let row = |one: &Value| {
            let rules = one.get("rules").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let rules = rules.collect::<Vec<_>>().join(",");
            names.iter().map(|name| text_of(one, name)).chain([rules]).collect()
        };
        let heads = ["POSITION", "STREAM", "VERSION", "WHAT", "WAS", "WOULD BE", "RULES"];
        table(output, &heads, &documents.iter().map(row).collect::<Vec<_>>())
    })?;
    output.talk(&format!("{events} event(s) were judged again; {} would be decided otherwise", found.len()));
    if found.is_empty() { Ok(()) } else { Err(Failure::refused(format_args!("{} difference(s)", found.len()))) }
}

/// Where stored events are read from.
enum Source {
    Server(Client),
    Log(Arc<LogEventStore>),
}

impl Source {
    fn directory(data: &Path) -> Result<Self, Failure> {
        let data = DataDir::existing(data)?;
        let log = LogEventStore::open(data.log(), LogOptions::default(), Arc::new(SystemClock));
        Ok(Self::Log(Arc::new(log.map_err(Failure::usage)?)))
    }

    /// A server that lets the caller read what it recorded of decisions. Where it does not, it would leave them out
    /// without a word, and the answer would be about a part.
    async fn server(client: Client) -> Result<Self, Failure> {
        let path = format!("/api/streams/{}/events", segment("$decisions"));
        let query = [("limit", "1".to_owned())];
        let answer = client.send(Request { path: &path, query: &query, headers: &[], body: None }).await?;
        match answer.status {
            // Nothing was recorded so far.
            200 | 404 => Ok(Self::Server(client)),
            _ => Err(answer.failure()),
        }
    }

    /// Events after a position, the position to go on from, and the head.
    async fn page(&mut self, after: u64) -> Result<(Vec<RecordedEvent>, u64, u64), Failure> {
        match self {
            Self::Log(log) => {
                let read = LogRead { from: Position::new(after), limit: PAGE, ..LogRead::default() };
                let page = log.read_log(read).await.map_err(Failure::usage)?;
                Ok((page.events, page.next.get(), page.head.get()))
            }
            Self::Server(client) => {
                let query = [("after", after.to_string()), ("limit", PAGE.to_string())];
                let body = client.get("/api/events", &query).await?;
                let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or_default();
                let events = body.get("events").cloned().unwrap_or_default();
                let events: Vec<EventDto> = serde_json::from_value(events).map_err(Failure::usage)?;
                let events: Result<Vec<_>, _> = events.into_iter().map(RecordedEvent::try_from).collect();
                Ok((events.map_err(Failure::usage)?, number("next"), number("head")))
            }
        }
    }
}

/// JSON text, `@FILE` or a file's name, or `-` for standard input.
fn text_from(place: &str) -> Result<String, Failure> {
    if place.trim_start().starts_with('{') {
        return Ok(place.to_owned());
    }
    let unreadable = |error: std::io::Error| Failure::usage(format_args!("{place} cannot be read: {error}"));
    if place == "-" {
        return std::io::read_to_string(std::io::stdin()).map_err(unreadable);
    }
    std::fs::read_to_string(place.strip_prefix('@').unwrap_or(place)).map_err(unreadable)
}

/// A moment in RFC 3339.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "must be a moment in RFC 3339, such as 2026-01-31T12:00:00Z".to_owned())
}
