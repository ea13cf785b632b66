//! `/contexts/{context}/…`: the same routes with a context before every subject.

use axum::{
    extract::{Request, State},
    http::Uri,
    middleware,
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tower::ServiceExt as _;

use super::{refused::Refused, routes::plain};
use crate::{
    access::{Routes, guard},
    state::Api,
};

/// What comes before the context in a path.
const BEFORE: &str = "/registry/contexts/";

/// Answers as the route without the context would for subjects of that context.
pub(super) async fn within(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    // A new request, because the parts of this path would otherwise count as parts of the next.
    let mut request = Request::new(body);
    *request.uri_mut() = qualified(&parts.uri)?;
    (*request.method_mut(), *request.headers_mut()) = (parts.method, parts.headers);
    // Few clients write contexts into paths, so these routes are put together when one does. The guard stands before
    // them as well: who may do what is asked of the subject that is meant.
    let (router, ..) = plain(Routes::default()).split();
    let guarded = router.route_layer(middleware::from_fn_with_state(api.clone(), guard::guard));
    let Ok(response) = guarded.with_state(api).oneshot(request).await;
    Ok(response.into_response())
}

/// The address with the context moved into the name of the subject.
fn qualified(uri: &Uri) -> Result<Uri, Refused> {
    let inner = uri.path().strip_prefix(BEFORE).unwrap_or_default();
    let (context, rest) = inner.split_once('/').unwrap_or((inner, ""));
    let prefix = utf8_percent_encode(&prefix_of(context), NON_ALPHANUMERIC).to_string();
    let mut parts: Vec<String> = rest.split('/').map(str::to_owned).collect();
    let place = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["subjects" | "config" | "mode", name, ..] if !name.is_empty() => Some(1),
        ["compatibility", "subjects", _, ..] => Some(2),
        ["config" | "mode", ..] if !prefix.is_empty() => {
            return Err(Refused::not_allowed("A context has no configuration of its own; name a subject".to_owned()));
        }
        _ => None,
    };
    if let Some(name) = place.and_then(|place| parts.get_mut(place)).filter(|name| !is_qualified(name)) {
        name.insert_str(0, &prefix);
    }
    let mut query = uri.query().unwrap_or_default().to_owned();
    if matches!(parts.first().map(String::as_str), Some("subjects" | "schemas")) && parts.len() == 1 {
        query = with_prefix(&query, &prefix);
    }
    let separator = if query.is_empty() { "" } else { "?" };
    let text = format!("/registry/{}{separator}{query}", parts.join("/"));
    text.parse().map_err(|_| Refused::not_allowed("The path cannot be read".to_owned()))
}

/// What stands before the names of a context: nothing for the default one.
fn prefix_of(context: &str) -> String {
    let context = percent_decode_str(context).decode_utf8_lossy();
    let name = context.trim_matches(':').trim_start_matches('.');
    if name.is_empty() { String::new() } else { format!(":.{name}:") }
}

fn is_qualified(name: &str) -> bool {
    percent_decode_str(name).decode_utf8_lossy().starts_with(":.")
}

/// The query with the prefix before the one it asks for.
fn with_prefix(query: &str, prefix: &str) -> String {
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    match pairs
        .iter_mut()
        .find_map(|pair| pair.strip_prefix("subjectPrefix=").map(str::to_owned).map(|rest| (pair, rest)))
    {
        Some((pair, rest)) if !is_qualified(&rest) => *pair = format!("subjectPrefix={prefix}{rest}"),
        Some(_) => {}
        None => pairs.push(format!("subjectPrefix={prefix}")),
    }
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::{super::subject::COMMANDS, *};

    #[test]
    fn the_context_goes_before_the_subject_wherever_that_stands() {
        let of = |path: &str| qualified(&path.parse().unwrap()).map(|uri| uri.to_string()).ok();
        let orders = "%3A%2Ectx%3Aorders";
        for context in [".ctx", "ctx", ":.ctx:", "%3A.ctx%3A"] {
            let at = |rest: &str| of(&format!("/registry/contexts/{context}/{rest}")).unwrap();
            assert_eq!(
                at("subjects/orders/versions?deleted=true"),
                format!("/registry/subjects/{orders}/versions?deleted=true")
            );
            assert_eq!(
                at("compatibility/subjects/orders/versions/1"),
                format!("/registry/compatibility/subjects/{orders}/versions/1")
            );
            assert_eq!(at("config/orders"), format!("/registry/config/{orders}"));
            assert_eq!(at("subjects"), "/registry/subjects?subjectPrefix=%3A%2Ectx%3A");
            assert_eq!(at("subjects?subjectPrefix=or"), "/registry/subjects?subjectPrefix=%3A%2Ectx%3Aor");
            assert_eq!(at("schemas/ids/3"), "/registry/schemas/ids/3");
            assert_eq!(at("subjects/:.other:x"), "/registry/subjects/:.other:x");
        }
        assert_eq!(of("/registry/contexts/./subjects/orders").as_deref(), Some("/registry/subjects/orders"));
        assert_eq!(prefix_of(".commands"), COMMANDS);
        for whole in ["config", "mode"] {
            assert_eq!(of(&format!("/registry/contexts/.ctx/{whole}")), None, "it would be that of all contexts");
        }
    }
}
