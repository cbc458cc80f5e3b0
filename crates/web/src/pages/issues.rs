//! `GET /issues?endpoint=…&class=…&state=…&all=1`.

use hotspan_model::{Class, IssueStatus};
use hotspan_store::IssueFilter;

use super::endpoints::ALIVE;
use super::view::issues::{Issues, Which, issues};
use super::visit::{Shown, Visit};

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let shown = match (IssueStatus::from_slug(visit.param("state")), visit.param("all")) {
        (Some(status), _) => Which::In(status),
        (None, "1") => Which::All,
        (None, _) => Which::Alive,
    };
    let endpoint_id = visit.param("endpoint").parse().ok();
    let filter = IssueFilter {
        endpoint_id,
        class: Class::from_slug(visit.param("class")),
        statuses: match shown {
            Which::All => Vec::new(),
            Which::Alive => ALIVE.to_vec(),
            Which::In(status) => vec![status],
        },
        ..IssueFilter::default()
    };
    let rows = store.issues(visit.window(), &filter).await.map_err(fail)?;
    let endpoint = match endpoint_id {
        Some(id) => {
            store.endpoint(id).await.map_err(fail)?.map(|endpoint| endpoint.name.to_string())
        }
        None => None,
    };
    Ok(issues(&visit.frame, &Issues { rows, endpoint, shown }))
}
