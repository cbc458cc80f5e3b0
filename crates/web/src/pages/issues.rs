//! `GET /issues?endpoint=…&class=…&all=1`.

use hotspan_model::Class;
use hotspan_store::IssueFilter;

use super::endpoints::ALIVE;
use super::view::issues::{Issues, issues};
use super::visit::{Shown, Visit};

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let all = visit.param("all") == "1";
    let endpoint_id = visit.param("endpoint").parse().ok();
    let filter = IssueFilter {
        endpoint_id,
        class: Class::from_slug(visit.param("class")),
        statuses: if all { Vec::new() } else { ALIVE.to_vec() },
        ..IssueFilter::default()
    };
    let rows = store.issues(visit.window(), &filter).await.map_err(fail)?;
    let endpoint = match endpoint_id {
        Some(id) => {
            store.endpoint(id).await.map_err(fail)?.map(|endpoint| endpoint.name.to_string())
        }
        None => None,
    };
    Ok(issues(&visit.frame, &Issues { rows, endpoint, all }))
}
