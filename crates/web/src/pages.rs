//! Every screen: one address, one handler that loads, one pure view.
//!
//! A handler asks the store, puts the answers into a view model and hands it
//! to [`view`]. What must not live here: markup, SQL, detectors.

mod endpoint;
mod endpoints;
mod find;
mod issue;
mod issues;
mod loaded_trace;
mod search;
mod status;
mod trace;
mod traces;
mod view;
mod visit;

use axum::Router;
use axum::routing::get;

use crate::state::AppState;

/// Every page.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(endpoints::show))
        .route("/endpoints/{id}", get(endpoint::show))
        .route("/issues", get(issues::show))
        .route("/issues/{id}", get(issue::show))
        .route("/traces", get(traces::show))
        .route("/traces/{trace_id}", get(trace::show))
        .route("/search", get(search::show))
        .route("/status", get(status::show))
        .route("/find", get(find::show))
        .fallback(visit::no_such_page)
}
