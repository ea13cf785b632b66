//! Who gets through which door: every route the server documents, with every kind of credentials.

use std::{collections::BTreeMap, fs, path::Path};

use jsonwebtoken::{EncodingKey, Header, encode};
use nexus_e2e::{Http, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "a secret of the tests, long enough for a key";

/// Every documented route with the kind of question that stands before it. A route that is missing here fails the test,
/// and so does one that is gone.
const ROUTES: &[(&str, &str, Kind)] = &[
    ("GET", "/", Kind::Public),
    ("GET", "/assets/{file}", Kind::Public),
    ("GET", "/docs/errors/{code}", Kind::Public),
    ("GET", "/livez", Kind::Public),
    ("GET", "/readyz", Kind::Public),
    ("GET", "/version", Kind::Query),
    ("GET", "/openapi.json", Kind::Public),
    ("GET", "/metrics", Kind::Query),
    ("GET", "/api/backup", Kind::Admin),
    ("GET", "/api/commands", Kind::Query),
    ("GET", "/api/commands/{commandType}", Kind::Query),
    ("POST", "/api/commands/{commandType}", Kind::Write),
    ("POST", "/api/streams/{aggregateId}/events", Kind::Write),
    ("POST", "/api/append", Kind::Write),
    ("POST", "/api/append/stream", Kind::Write),
    ("GET", "/api/streams", Kind::Query),
    ("GET", "/api/streams/{aggregateId}/events", Kind::Query),
    ("GET", "/api/events", Kind::Query),
    ("GET", "/api/events/stream", Kind::Query),
    ("GET", "/api/events/{eventId}", Kind::Query),
    ("GET", "/api/events/{eventId}/causation", Kind::Query),
    ("GET", "/api/queries/{resourceType}", Kind::Query),
    ("GET", "/api/queries/{resourceType}/{id}", Kind::Query),
    ("GET", "/api/schemas", Kind::Query),
    ("POST", "/api/schemas", Kind::Admin),
    ("GET", "/api/schemas/{name}", Kind::Query),
    ("DELETE", "/api/schemas/{name}", Kind::Admin),
    ("PUT", "/api/schemas/{name}/rules", Kind::Admin),
    ("GET", "/api/schemas/{name}/versions", Kind::Query),
    ("GET", "/api/schemas/{name}/versions/{version}", Kind::Query),
    ("DELETE", "/api/schemas/{name}/versions/{version}", Kind::Admin),
    ("POST", "/api/schemas/{name}/compatibility", Kind::Query),
    ("POST", "/api/schemas/{name}/dry-run", Kind::Query),
    ("GET", "/api/schemas/{name}/diff", Kind::Query),
    ("POST", "/api/schemas/{name}/validate", Kind::Query),
    ("GET", "/api/schemas/{name}/usage", Kind::Query),
    ("GET", "/api/log/head", Kind::Query),
    ("GET", "/api/log/heads", Kind::Query),
    ("GET", "/api/log/proofs/inclusion", Kind::Query),
    ("GET", "/api/log/proofs/consistency", Kind::Query),
    ("GET", "/api/log/key", Kind::Query),
    ("GET", "/api/policies", Kind::Query),
    ("GET", "/api/policies/{bundle}", Kind::Query),
    ("PUT", "/api/policies/{bundle}", Kind::Admin),
    ("POST", "/api/policies/{bundle}/rollback", Kind::Admin),
    ("POST", "/api/policies/evaluate", Kind::Admin),
    ("GET", "/api/policies/decisions", Kind::Past),
    ("GET", "/api/projections", Kind::Query),
    ("GET", "/api/projections/{name}", Kind::Query),
    ("GET", "/api/projections/{name}/health", Kind::Query),
    ("GET", "/api/tokens", Kind::Admin),
    ("POST", "/api/tokens", Kind::Admin),
    ("DELETE", "/api/tokens/{id}", Kind::Admin),
];

/// Routes whose description is somebody else's, so that the document leaves them out.
const UNDOCUMENTED: &[(&str, &str, Kind)] = &[
    ("GET", "/opa/v1/data", Kind::Admin),
    ("POST", "/opa/v1/data/nexus/allow", Kind::Admin),
    ("GET", "/registry/subjects", Kind::Query),
    ("GET", "/registry/contexts/.elsewhere/subjects", Kind::Query),
    ("DELETE", "/registry/subjects/x", Kind::Admin),
    ("DELETE", "/registry/contexts/.elsewhere/subjects/x", Kind::Admin),
    ("DELETE", "/registry/config", Kind::Admin),
    ("DELETE", "/registry/mode", Kind::Admin),
];

/// The platform's own streams, which not everybody reads who may read others.
const OWN_STREAMS: &[(&str, &str, Kind)] = &[
    ("GET", "/api/streams/$schemas/events", Kind::Past),
    ("GET", "/api/streams/%24schemas/events", Kind::Past),
    ("GET", "/api/streams/$policies/events", Kind::Past),
    ("GET", "/api/streams/$decisions/events", Kind::Past),
    ("GET", "/api/streams/$tokens/events", Kind::Past),
];

/// What stands before a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Public,
    /// Reading and following.
    Query,
    /// What was, and who was told.
    Past,
    /// Commands and appends.
    Write,
    /// Operating the platform.
    Admin,
}

impl Kind {
    /// The roles that get through.
    fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Public => &["reader", "writer", "operator", "auditor", "admin", "nobody"],
            Self::Query => &["reader", "writer", "operator", "auditor", "admin"],
            Self::Past => &["auditor", "admin"],
            Self::Write => &["writer", "admin"],
            Self::Admin => &["operator", "admin"],
        }
    }
}

/// What a request proves about who sends it.
enum Credentials {
    /// Nothing, or nothing that counts.
    Worthless(Option<String>),
    /// A role.
    Role(&'static str, String),
}

impl Credentials {
    /// The status that must come out; `None` for anything but 401 and 403.
    fn expected(&self, kind: Kind) -> Option<u16> {
        match self {
            _ if kind == Kind::Public => None,
            Self::Worthless(_) => Some(401),
            Self::Role(role, _) => (!kind.roles().contains(role)).then_some(403),
        }
    }
}

fn token(changes: Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({ "iss": "tests", "aud": "nexus", "sub": "somebody", "iat": now, "exp": now + 600 });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let header = Header { kid: Some("k".to_owned()), ..Header::default() };
    encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn all_credentials() -> Vec<(&'static str, Credentials)> {
    let worthless = |changes| Credentials::Worthless(Some(token(changes)));
    let mut all = vec![
        ("none", Credentials::Worthless(None)),
        ("garbage", Credentials::Worthless(Some("garbage".to_owned()))),
        ("expired", worthless(json!({ "roles": ["admin"], "iat": 1_700_000_000, "exp": 1_700_000_600 }))),
        ("wrong audience", worthless(json!({ "roles": ["admin"], "aud": "elsewhere" }))),
        ("wrong issuer", worthless(json!({ "roles": ["admin"], "iss": "somebody else" }))),
    ];
    for role in ["reader", "writer", "operator", "auditor", "admin", "nobody"] {
        all.push((role, Credentials::Role(role, token(json!({ "roles": [role] })))));
    }
    all
}

fn serve(dir: &Path) -> Server {
    let secret = dir.join("secret");
    fs::write(&secret, SECRET).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&secret, private).unwrap();
    let config = dir.join("nexus.toml");
    let text = r#"
        [server]
        listen = "127.0.0.1:0"
        data = "data"
        [[auth.issuers]]
        issuer = "tests"
        audience = "nexus"
        roles = ["reader", "writer", "operator", "auditor", "admin", "nobody"]
        [[auth.issuers.keys]]
        id = "k"
        algorithm = "HS256"
        secret = "file:secret"
        "#;
    fs::write(&config, text).unwrap();
    Server::start(&["serve", "--config", config.to_str().unwrap()])
}

/// A request that only who asks can stand in the way of.
struct Sample {
    order: Value,
    event: Value,
}

impl Sample {
    fn learn(http: &Http) -> Self {
        let admin = format!("Bearer {}", token(json!({ "roles": ["admin"] })));
        let as_admin = [("authorization", admin.as_str())];
        let order = http.request("GET", "/api/commands/PlaceOrder", &as_admin, None).body["example"].clone();
        let body = order.to_string();
        let dry = http.request("POST", "/api/commands/PlaceOrder?dryRun=true", &as_admin, Some(body.as_bytes()));
        assert_eq!(dry.status, 200, "{}", dry.body);
        Self { order, event: dry.body["events"][0].clone() }
    }

    fn part(&self, id: &str) -> Value {
        json!({
            "aggregateId": id, "aggregateType": "Order", "expectedVersion": "any",
            "events": [{ "eventType": self.event["eventType"], "payload": self.event["payload"] }],
        })
    }

    fn body(&self, method: &str, path: &str, id: &str) -> Option<String> {
        let mut part = self.part(id);
        match (method, path) {
            ("POST", "/api/commands/{commandType}") => Some(self.order.to_string()),
            ("POST", "/api/streams/{aggregateId}/events") => {
                part.as_object_mut().unwrap().remove("aggregateId");
                Some(part.to_string())
            }
            ("POST", "/api/append") => Some(json!({ "streams": [part] }).to_string()),
            ("POST", "/api/append/stream") => Some(format!("{part}\n")),
            ("GET" | "DELETE", _) => None,
            _ => Some("{}".to_owned()),
        }
    }
}

fn concrete(path: &str, id: &str) -> String {
    path.replace("{commandType}", "PlaceOrder")
        .replace("{aggregateId}", id)
        .replace("{resourceType}", "orders")
        .replace("{version}", "1")
        .split('/')
        .map(|segment| if segment.starts_with('{') { "x" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

/// The status of a request; for a stream of appends, that of its first line.
fn ask(http: &Http, (method, path): (&str, &str), body: Option<&str>, token: Option<&str>, id: &str) -> u16 {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let body = body.map(str::as_bytes);
    if path != "/api/append/stream" {
        return http.status(method, &concrete(path, id), &headers, body);
    }
    headers.push(("content-type", "application/x-ndjson"));
    let answer = http.request(method, path, &headers, body);
    let line = answer.body.get("problem").and_then(|problem| problem["status"].as_u64());
    line.map_or(answer.status, |status| u16::try_from(status).unwrap())
}

#[test]
fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let dir = TempDir::new().unwrap();
    let server = serve(dir.path());
    let http = server.http();
    let document = http.get("/openapi.json").body;
    let known: BTreeMap<(&str, &str), Kind> =
        ROUTES.iter().map(|(method, path, kind)| ((*method, *path), *kind)).collect();
    let mut served = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| ["get", "put", "post", "delete"].contains(&&***key))
        {
            let route = (method.to_uppercase(), path.as_str());
            assert!(known.contains_key(&(route.0.as_str(), route.1)), "nobody says who may use {route:?}");
            served += 1;
        }
    }
    assert_eq!(served, known.len(), "a route is gone");

    let sample = Sample::learn(&http);
    let (mut cells, mut wrong) = (0, Vec::new());
    for (name, credentials) in all_credentials() {
        let token = match &credentials {
            Credentials::Worthless(token) => token.as_deref(),
            Credentials::Role(_, token) => Some(token.as_str()),
        };
        let elsewhere = UNDOCUMENTED.iter().chain(OWN_STREAMS).map(|(method, path, kind)| ((*method, *path), *kind));
        for ((method, path), kind) in known.clone().into_iter().chain(elsewhere) {
            let id = format!("order-{cells}");
            let body = sample.body(method, path, &id);
            let status = ask(&http, (method, path), body.as_deref(), token, &id);
            let refused = matches!(status, 401 | 403).then_some(status);
            if refused != credentials.expected(kind) || status >= 500 {
                wrong.push(format!("{name}: {status} at {method} {path}"));
            }
            cells += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 400, "only {cells} cells");
}

#[test]
fn only_those_who_inspect_find_the_streams_of_the_platform_among_all_others() {
    let dir = TempDir::new().unwrap();
    let server = serve(dir.path());
    let http = server.http();
    let sample = Sample::learn(&http);
    let bearer = |role: &str| format!("Bearer {}", token(json!({ "roles": [role] })));
    let get = |role: &str, path: &str| {
        let answer = http.request("GET", path, &[("authorization", &bearer(role))], None);
        (answer.status, answer.body)
    };
    let placed = sample.body("POST", "/api/append", "order-1").unwrap();
    let headers = [("authorization", &*bearer("writer"))];
    assert_eq!(http.status("POST", "/api/append", &headers, Some(placed.as_bytes())), 201);
    let (_, own) = get("auditor", "/api/streams/$schemas/events?limit=1");
    let own = own["events"][0]["eventId"].as_str().unwrap().to_owned();
    for role in ["reader", "writer", "operator", "auditor", "admin"] {
        let may = matches!(role, "auditor" | "admin");
        for path in ["/api/streams", "/api/events?limit=1000", "/api/events?before=0&limit=1000"] {
            let (status, body) = get(role, path);
            assert_eq!((status, body.to_string().contains("\"$schemas\"")), (200, may), "{role} at {path}");
            assert!(body.to_string().contains("\"order-1\""), "{role} at {path}: {body}");
        }
        for path in [format!("/api/events/{own}"), format!("/api/events/{own}/causation")] {
            assert_eq!(get(role, &path).0, if may { 200 } else { 404 }, "{role} at {path}");
        }
    }
}
