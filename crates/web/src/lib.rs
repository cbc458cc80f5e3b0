//! Everything that speaks HTTP: receiving spans, the pages, the JSON API.
//!
//! Three routers, one for each listener: [`ui_router`] (pages, JSON API,
//! Sentry ingest), [`otlp_http_router`] and [`otlp_grpc_router`]; [`serve()`]
//! runs any of them on a socket with the limits of [`WebConfig`]. All share
//! one [`AppState`].
//!
//! What must not live here: SQL, wire formats, detectors, the environment.

mod action;
mod api;
mod assets;
mod config;
mod history;
mod metrics;
mod pages;
mod parts;
mod receive;
pub mod security;
mod serve;
mod state;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

pub use config::{PublicUrls, WebConfig};
pub use history::keep_history;
pub use serve::serve;
pub use state::AppState;

/// Pages, JSON API, metrics, health checks and the Sentry doors.
///
/// The Sentry doors stand outside the Host check and the login: browsers and
/// SDKs reach them under any name, and project keys guard them.
pub fn ui_router(state: AppState) -> Router {
    let with_state = || state.clone();
    let private = Router::new()
        .merge(pages::router())
        .nest("/api/v1", api::router())
        .layer(from_fn_with_state(with_state(), metrics::doors::time_pages))
        .layer(from_fn_with_state(with_state(), security::pace::limit))
        .layer(from_fn_with_state(with_state(), security::login::require_session));
    let own = private
        .merge(security::login::router())
        .merge(metrics::router(with_state()))
        .merge(assets::router())
        .layer(from_fn_with_state(with_state(), security::host::check))
        .merge(api::health::router())
        .layer(from_fn(security::headers::add));
    let doors = receive::sentry::router()
        .layer(from_fn_with_state(with_state(), metrics::doors::time_sentry));
    finish(own.merge(doors), state)
}

/// OTLP over HTTP: `/v1/traces`, `/v1/metrics`, `/v1/logs`.
///
/// gRPC is understood here too, and HTTP on the gRPC listener: the protocol
/// allows one port for both, and swapping the ports is a common slip.
pub fn otlp_http_router(state: AppState) -> Router {
    otlp_router(state)
}

/// OTLP over gRPC: the `Export` methods of the three collector services.
pub fn otlp_grpc_router(state: AppState) -> Router {
    otlp_router(state)
}

fn otlp_router(state: AppState) -> Router {
    let timed = from_fn_with_state(state.clone(), metrics::doors::time_otlp);
    finish(receive::otlp_router().layer(timed), state)
}

/// A panic is answered and counted on every listener, and tears down nothing.
fn finish(router: Router<AppState>, state: AppState) -> Router {
    router.layer(from_fn_with_state(state.clone(), security::panic::catch)).with_state(state)
}
