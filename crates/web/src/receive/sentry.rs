//! The Sentry doors: envelopes, and the store requests of older SDKs.
//!
//! Any content type is read, since browsers send `text/plain` to be spared a
//! preflight. Sentry SDKs never send again, so these doors wait for room
//! longer than the others before they refuse.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use hotspan_ingest::Received;
use hotspan_store::FrameDoor;
use hotspan_wire::sentry;
use tokio::time::Instant;

use super::body;
use super::denial::Denial;
use super::project::{Claim, Place};
use crate::state::AppState;

mod answer;
mod cors;

/// Where a Sentry key may be sent.
const KEY_HINT: &str = "send X-Sentry-Auth with sentry_key, the query parameter sentry_key, or \
     a DSN in the envelope's header; SDKs do when they are given a DSN with a key";

/// Envelope and store, with and without the slash at the end.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/{project}/envelope/", envelope_door())
        .route("/api/{project}/envelope", envelope_door())
        .route("/api/{project}/store/", store_door())
        .route("/api/{project}/store", store_door())
        .layer(from_fn(cors::add))
}

fn envelope_door() -> MethodRouter<AppState> {
    post(
        |State(state): State<AppState>,
         Path(project): Path<String>,
         query: Query<Vec<(String, String)>>,
         request: Request| async move {
            receive(&state, FrameDoor::SentryEnvelope, &project, &query, request).await
        },
    )
    .options(cors::preflight)
}

fn store_door() -> MethodRouter<AppState> {
    post(
        |State(state): State<AppState>,
         Path(project): Path<String>,
         query: Query<Vec<(String, String)>>,
         request: Request| async move {
            receive(&state, FrameDoor::SentryStore, &project, &query, request).await
        },
    )
    .options(cors::preflight)
}

async fn receive(
    state: &AppState,
    door: FrameDoor,
    project: &str,
    query: &[(String, String)],
    request: Request,
) -> Response {
    match attempt(state, door, project, query, request).await {
        Ok(response) => response,
        Err(denial) => {
            denial.count(&state.ingest);
            answer::refused(&denial)
        }
    }
}

async fn attempt(
    state: &AppState,
    door: FrameDoor,
    project: &str,
    query: &[(String, String)],
    request: Request,
) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let mut keys = keys_of(&parts.headers, query);
    if state.config.keys_required
        && !keys.is_empty()
        && let Err(denial) = admit(state, project, &keys).await
    {
        // A wrong key is refused before its body takes any room.
        body::decline(state, &parts.headers, body).await;
        return Err(denial);
    }
    let until = Instant::now() + state.config.sentry_patience;
    let held = body::read(state, &parts.headers, body, until).await?;
    if door == FrameDoor::SentryEnvelope {
        keys.extend(sentry::envelope_key(&held.bytes));
    }
    let received = Received {
        door,
        project: admit(state, project, &keys).await?,
        content_type: content_type(&parts.headers),
        body: held.bytes.clone(),
    };
    let receipt = state.ingest.submit(received).await?;
    if receipt.accepted == 0 && !receipt.rejections.is_empty() {
        return Ok(answer::all_rejected(&receipt));
    }
    Ok(answer::taken(&receipt))
}

/// Every key the request carries outside its body.
fn keys_of(headers: &HeaderMap, query: &[(String, String)]) -> Vec<String> {
    let lines = |name: &str| headers.get_all(name).into_iter();
    let of_headers = lines("x-sentry-auth")
        .chain(lines(header::AUTHORIZATION.as_str()))
        .filter_map(|value| sentry::parse_auth_header(value.to_str().ok()?))
        .map(|auth| auth.key);
    let of_query = query
        .iter()
        .filter(|(name, key)| name == "sentry_key" && !key.is_empty())
        .map(|(_, key)| key.clone());
    of_headers.chain(of_query).collect()
}

/// The project that the path and all keys agree on.
async fn admit(state: &AppState, project: &str, keys: &[String]) -> Result<Arc<str>, Denial> {
    let key = keys.first();
    if keys.iter().any(|other| Some(other) != key) {
        return Err(Denial::KeysDisagree);
    }
    let claim = Claim {
        place: Place::SentryId(project),
        key: key.map(String::as_str),
        key_may_be_foreign: true,
        key_hint: KEY_HINT,
    };
    let keys_required = state.config.keys_required;
    state.doors.projects.admit(&claim, keys_required).await
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}
