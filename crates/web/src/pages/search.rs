//! `GET /search?q=…&mode=spans|traces&cursor=…`, and `from` and `to` in
//! milliseconds since 1970 instead of the window.

use hotspan_store::search::language;
use hotspan_store::{SearchRequest, TimeWindow};

use super::view::search::{Outcome, Search, search};
use super::visit::{Shown, Visit};
use crate::api::search::mode_of;
use crate::api::traces::WAIT_MAX;
use crate::api::window::WindowQuery;

/// Hits on a page.
const HITS: usize = 50;

pub(crate) async fn show(visit: Visit) -> Shown {
    let mode = mode_of(Some(visit.param("mode"))).unwrap_or_default();
    let model = |outcome| Search { q: visit.param("q").to_owned(), mode, outcome };
    let refuse = |outcome| Err(visit.refused(search(&visit.frame, &model(outcome))));
    let filter = match language::parse(visit.param("q")) {
        Ok(filter) => filter,
        Err(error) => return refuse(Outcome::Unclear(error)),
    };
    let window = match window(&visit) {
        Ok(window) => window,
        Err(message) => return refuse(Outcome::Refused(message)),
    };
    let after = match visit.param("cursor") {
        "" => None,
        cursor => match cursor.parse() {
            Ok(cursor) => Some(cursor),
            Err(error) => return refuse(Outcome::Refused(format!("{error}."))),
        },
    };
    let store = &visit.state.store;
    // What was acknowledged before is looked for, unless that takes too long.
    let stale = !store.wait_applied(store.durable(), WAIT_MAX).await;
    let request = SearchRequest { filter, window, mode, limit: HITS, after };
    let page = store.search(&request).await.map_err(|error| visit.failed(&error))?;
    Ok(search(&visit.frame, &model(Outcome::Found { page, stale })))
}

/// The window of the page, unless the address names its ends.
fn window(visit: &Visit) -> Result<TimeWindow, String> {
    let (from, to) = (visit.param("from"), visit.param("to"));
    if from.is_empty() && to.is_empty() {
        return Ok(visit.window());
    }
    let millis = |name: &str, text: &str| match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| format!("`{name}` {text:?} is not a time: give milliseconds since 1970.")),
    };
    let query = WindowQuery {
        window: Some(visit.frame.window.slug().to_owned()),
        from: millis("from", from)?,
        to: millis("to", to)?,
    };
    query.resolve(visit.frame.now).map_err(|error| format!("{}.", error.message()))
}
