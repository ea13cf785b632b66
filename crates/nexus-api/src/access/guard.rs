use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, FromRequestParts as _, MatchedPath, RawPathParams, Request, State},
    http::{HeaderName, HeaderValue, Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use nexus_core::ports::{PolicyInput, PolicyKind, PolicyResource};
use nexus_runtime::Decision;

use super::{Access, Client, Door};
use crate::{
    edge,
    problem::{Code, Problem, policy_problem},
    request::{Caller, Conversation},
    state::Api,
};

const DECISION_ID: HeaderName = HeaderName::from_static("nexus-decision-id");

/// Stands before every handler: no request reaches one unless the access of its route lets it.
pub(crate) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map(|path| path.as_str().to_owned()).unwrap_or_default();
    match api.access.of(&path, &method).copied() {
        Some(Access::Public) => next.run(request).await,
        Some(Access::Inside(_)) => match known_caller(&api, request).await {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        },
        Some(Access::Door(door)) => through(&api, &door, request, next).await,
        None if api.access.has_path(&path) => edge::no_method(method).await.into_response(),
        None => {
            let problem = Problem::new(Code::InternalError, "the route cannot be used");
            problem.caused_by(&format_args!("`{method} {path}` has no access rule")).into_response()
        }
    }
}

/// Establishes who asks, for the handler.
async fn known_caller(api: &Api, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::authenticate(&parts, api)?;
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, body))
}

/// Lets a request through a door, if its client may still ask and the policy allows it.
async fn through(api: &Api, door: &Door, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = match Caller::authenticate(&parts, api) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let standing = door.limit.and_then(|class| api.limiter.count(class, client(&caller, &parts)));
    let refused = standing.as_ref().filter(|standing| !standing.goes_on()).map(|standing| standing.problem());
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => match decide(api, door, &caller, &mut parts).await {
            Ok(decision) => {
                parts.extensions.insert(caller);
                let mut response = next.run(Request::from_parts(parts, body)).await;
                if let Ok(id) = HeaderValue::try_from(decision.id.to_string()) {
                    response.headers_mut().insert(DECISION_ID, id);
                }
                response
            }
            Err(problem) => problem.into_response(),
        },
    };
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    response
}

/// Who is counted: the actor of the credentials; without credentials, whoever is at the other end of the connection.
fn client(caller: &Caller, parts: &Parts) -> Client {
    if caller.is_authenticated() {
        return Client::Actor(caller.actor.id.clone());
    }
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or(Client::Unknown, |ConnectInfo(address)| Client::at(address.ip()))
}

/// Asks the policy.
async fn decide(api: &Api, door: &Door, caller: &Caller, parts: &mut Parts) -> Result<Decision, Problem> {
    let params = RawPathParams::from_request_parts(parts, api).await.map_err(|rejection| {
        Problem::new(Code::InvalidPath, "the path is not UTF-8 once decoded").caused_by(&rejection)
    })?;
    let param = |name: &str| params.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let named = door.resource_type.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    let resource_type = named.map_or(Some(door.resource_type), param).unwrap_or_default();
    let id = door.id.and_then(param).unwrap_or_default();
    let info = caller.clone().info(api, Conversation::default());
    let input = PolicyInput {
        kind: door.kind,
        action: door.action,
        resource: PolicyResource { resource_type, id },
        actor: &info.actor,
        payload: None,
        event: None,
        schema: None,
        request: &info.context,
    };
    let (policy, trace) = (api.node.policy(), info.traceparent.as_deref());
    let decision = policy.decide_traced(&input, trace).await;
    if !decision.verdict.allows() {
        return Err(policy_problem(door.action, &decision.verdict, Some(decision.id)));
    }
    if is_privileged_read(door, &parts.method) {
        policy.record_read(&input, &decision, trace).await.map_err(|error| {
            let detail = "that this is read could not be recorded, so it is not answered";
            Problem::new(Code::Unavailable, detail).with_retry_after(1).caused_by(&error)
        })?;
    }
    Ok(decision)
}

/// Whether auditors want to know that somebody reads here. Writes are on record themselves.
fn is_privileged_read(door: &Door, method: &Method) -> bool {
    match door.kind {
        PolicyKind::Temporal => true,
        PolicyKind::Admin => method == Method::GET || method == Method::HEAD,
        _ => false,
    }
}
