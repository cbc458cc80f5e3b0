//! The stylesheet, the scripts and the icon: built into the program, served
//! under names that change with their content.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::state::AppState;

/// A name that no other content ever has may be kept for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Name, media type and content.
const FILES: [(&str, &str, &str); 4] = [
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_str!("assets/app.js")),
    ("theme.js", "text/javascript; charset=utf-8", include_str!("assets/theme.js")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

struct Asset {
    name: &'static str,
    address: String,
    media_type: &'static str,
    content: &'static str,
}

static ASSETS: LazyLock<Vec<Asset>> =
    LazyLock::new(|| {
        let asset = |(name, media_type, content): (&'static str, &'static str, &'static str)| {
            Asset { name, address: address_of(name, content), media_type, content }
        };
        FILES.into_iter().map(asset).collect()
    });

/// `style.css` becomes `/assets/style-1a2b3c4d5e6f.css`.
fn address_of(name: &str, content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("/assets/{stem}-{hash}.{extension}"),
        None => format!("/assets/{name}-{hash}"),
    }
}

/// Where an asset is; empty for a name that is not one.
pub(crate) fn url(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.address)
}

/// Serves every asset.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let wanted = format!("/assets/{name}");
    match ASSETS.iter().find(|asset| asset.address == wanted) {
        Some(asset) => {
            let headers =
                [(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, FOR_EVER)];
            (headers, asset.content).into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such asset: reload the page").into_response(),
    }
}

#[cfg(test)]
mod tests;
