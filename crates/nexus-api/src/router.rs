use std::sync::Arc;

use axum::{Router, middleware};
use nexus_runtime::Node;
use utoipa::openapi::OpenApi;

use crate::{
    access::{AccessRule, AccessTable, Limiter, guard},
    config::ApiConfig,
    cursor::Cursors,
    edge,
    request::RefusalLog,
    routes,
    state::{Api, Document, WriteHealth},
};

/// Every route of the platform, serving `node`.
pub fn router(node: Arc<Node>, config: ApiConfig) -> Router {
    let (routes, document, access) = documented();
    metrics::gauge!(
        "nexus_build_info",
        "version" => config.build.version.clone(),
        "revision" => config.build.revision.clone().unwrap_or_default(),
    )
    .set(1.0);
    let api = Api {
        node,
        cursors: Arc::new(Cursors::new(config.cursor_key)),
        access: Arc::new(access),
        limiter: Arc::new(Limiter::new(&config.rate_limits)),
        refusals: RefusalLog::default(),
        config: Arc::new(config),
        writes: Arc::new(WriteHealth::default()),
        document: Arc::new(Document {
            json: serde_json::to_vec(&document).unwrap_or_default().into(),
            routes: document.paths.paths.keys().cloned().collect(),
        }),
    };
    routes
        .route_layer(middleware::from_fn_with_state(api.clone(), guard::guard))
        .layer(middleware::from_fn(edge::measure))
        .fallback(edge::no_route)
        .method_not_allowed_fallback(edge::no_method)
        .layer(middleware::from_fn_with_state(api.clone(), edge::surround))
        .with_state(api)
}

/// The OpenAPI 3.1 document of all routes, as served at `/openapi.json`.
#[must_use]
pub fn openapi() -> OpenApi {
    documented().1
}

/// What every route asks before its handler runs, those included that the OpenAPI document leaves out.
#[must_use]
pub fn access_rules() -> Vec<AccessRule> {
    documented().2.rules()
}

fn documented() -> (Router<Api>, OpenApi, AccessTable) {
    let (router, mut document, access) = routes::all().split();
    routes::document::complete(&mut document, &access);
    (router, document, access)
}
