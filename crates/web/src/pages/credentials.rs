//! `GET /credentials?sort=…`.

use hotspan_store::Filter;

use super::view::credentials::{Credentials, credentials};
use super::visit::{Shown, Visit};
use crate::parts::table::Sorting;

pub(crate) async fn show(visit: Visit) -> Shown {
    use super::view::credentials::callers::Column;
    let asked = visit.state.store.agents(visit.window(), &Filter::default()).await;
    let asked = asked.map_err(|error| visit.failed(&error))?;
    let sorting = Sorting::of(&visit.frame.here, Column::Lookups);
    Ok(credentials(&visit.frame, Credentials { asked, sorting, host: visit.host.clone() }))
}
