//! `GET /endpoints/{id}`.

use axum::extract::Path;
use hotspan_store::IssueFilter;

use super::view::endpoint::{EndpointPage, endpoint};
use super::visit::{Shown, Visit};

/// Slowest requests on the page.
const SLOWEST: usize = 12;

pub(crate) async fn show(Path(id): Path<String>, visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let missing = || {
        visit.missing(
            "No such endpoint",
            "No endpoint of this server has this number. It may belong to another server.",
        )
    };
    let id: i64 = id.parse().map_err(|_| missing())?;
    let window = visit.window();
    let detail = store.endpoint_detail(id, window).await.map_err(fail)?.ok_or_else(missing)?;
    let of_endpoint = IssueFilter { endpoint_id: Some(id), ..IssueFilter::default() };
    let issues = store.issues(window, &of_endpoint).await.map_err(fail)?;
    let slowest = store.slowest_traces(id, window, SLOWEST).await.map_err(fail)?;
    Ok(endpoint(&visit.frame, &EndpointPage { detail, issues, slowest }))
}
