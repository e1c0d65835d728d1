//! Style, script and picture of the console: part of the program, each under a name that changes with its content.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use toolhold_core::id::Digest;

use super::failure::Failure;

/// One file.
struct Asset {
    /// The address.
    path: String,
    kind: &'static str,
    content: &'static str,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("console", "css", "text/css; charset=utf-8", include_str!("assets/console.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("console", "js", "text/javascript; charset=utf-8", include_str!("assets/console.js")));
static ICON: LazyLock<Asset> = LazyLock::new(|| asset("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// A name of 64 bits of the content's hash: two versions of a file never share one.
fn asset(name: &str, ending: &str, kind: &'static str, content: &'static str) -> Asset {
    let mut path = format!("/assets/{name}-");
    for byte in Digest::of(content.as_bytes()).as_bytes().iter().take(8) {
        // Writing to a String cannot fail.
        let _infallible = write!(path, "{byte:02x}");
    }
    path.push('.');
    path.push_str(ending);
    Asset { path, kind, content }
}

/// Where the style is.
pub(super) fn style() -> &'static str {
    &STYLE.path
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &SCRIPT.path
}

/// Where the picture is.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// A file, to be kept by the browser for ever. It holds nothing of this host, so nobody has to be logged in.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, Failure> {
    let path = format!("/assets/{name}");
    let asset = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.path == path);
    let asset = asset.ok_or_else(|| Failure::not_found("there is no such file"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok((StatusCode::OK, headers, asset.content).into_response())
}
