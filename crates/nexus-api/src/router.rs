use std::sync::Arc;

use axum::{Router, middleware};
use nexus_runtime::Node;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    config::ApiConfig,
    cursor::Cursors,
    edge, routes,
    state::{Api, Document, WriteHealth},
};

/// Every route of the platform, serving `node`.
pub fn router(node: Arc<Node>, config: ApiConfig) -> Router {
    let (routes, document) = documented();
    metrics::gauge!(
        "nexus_build_info",
        "version" => config.build.version.clone(),
        "revision" => config.build.revision.clone().unwrap_or_default(),
    )
    .set(1.0);
    let api = Api {
        node,
        cursors: Arc::new(Cursors::new(config.cursor_key)),
        config: Arc::new(config),
        writes: Arc::new(WriteHealth::default()),
        document: Arc::new(Document {
            json: serde_json::to_vec(&document).unwrap_or_default().into(),
            routes: document.paths.paths.keys().cloned().collect(),
        }),
    };
    routes
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

fn documented() -> (Router<Api>, OpenApi) {
    let router: OpenApiRouter<Api> = routes::all();
    let (router, mut document) = router.split_for_parts();
    routes::document::complete(&mut document);
    (router, document)
}
