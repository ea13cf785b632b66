//! The dashboard's files, embedded in the program and served under a strict content security policy.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    problem::{Code, Problem},
    request::PathArgs,
    routes::answer::{header_value, is_known},
};

#[derive(RustEmbed)]
#[folder = "dashboard"]
struct Files;

/// Nothing but the program's own files, no inline code, no embedding in other pages.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The dashboard.
#[utoipa::path(
    get,
    path = "/",
    tag = "operations",
    responses((status = 200, description = "The page.", content((String = "text/html"))))
)]
pub(crate) async fn dashboard(headers: HeaderMap) -> Result<Response, Problem> {
    serve("index.html", &headers)
}

/// A file of the dashboard.
#[utoipa::path(
    get,
    path = "/assets/{file}",
    tag = "operations",
    params(("file" = String, Path, description = "Name of the file.")),
    responses((status = 200, description = "The file."))
)]
pub(crate) async fn dashboard_asset(PathArgs(file): PathArgs<String>, headers: HeaderMap) -> Result<Response, Problem> {
    serve(&file, &headers)
}

fn serve(name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    // Only names of files in the folder itself: the embedding would follow others to the disk in a debug build.
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let file = Some(name).filter(|name| plain && !name.starts_with('.')).and_then(Files::get);
    let file = file.ok_or_else(|| Problem::new(Code::NotFound, "the dashboard has no such file"))?;
    let tag = strong_tag(&file);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = header_value(media_type(name));
        ([(header::CONTENT_TYPE, media_type)], file.data).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::ETAG, header_value(&tag));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    out.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    Ok(response)
}

/// A strong tag: the digest of the bytes.
fn strong_tag(file: &EmbeddedFile) -> String {
    let digest: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digest}\"")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
