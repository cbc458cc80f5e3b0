//! Every screen: one address, one handler that loads, one pure view.
//!
//! A handler asks the store, puts the answers into a view model and hands it
//! to [`view`]. What must not live here: markup, SQL, detectors.

mod compare;
mod credentials;
mod endpoint;
mod endpoints;
mod find;
mod issue;
mod issue_state;
mod issues;
mod loaded_trace;
mod search;
mod status;
mod trace;
mod traces;
mod view;
mod visit;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::state::AppState;

/// A form is no larger.
const FORM_BYTES_MAX: usize = 8 * 1024;

/// Every page, and the forms on them.
pub(crate) fn router() -> Router<AppState> {
    let form = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new()
        .route("/", get(endpoints::show))
        .route("/endpoints/{id}", get(endpoint::show))
        .route("/endpoints/{id}/compare", get(compare::show))
        .route("/issues", get(issues::show))
        .route("/issues/{id}", get(issue::show))
        .route("/issues/{id}/state", post(issue_state::change).layer(form))
        .route("/traces", get(traces::show))
        .route("/traces/{trace_id}", get(trace::show))
        .route("/search", get(search::show))
        .route("/credentials", get(credentials::show))
        .route("/status", get(status::show))
        .route("/find", get(find::show))
        .fallback(visit::no_such_page)
}
