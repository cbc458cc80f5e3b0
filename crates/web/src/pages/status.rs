//! `GET /status`.

use super::view::status::{Status, status};
use super::visit::{Shown, Visit};

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let storage = store.storage_stats().await.map_err(fail)?;
    let book = store.book_stats().await.map_err(fail)?;
    let caps = store.cap_tallies().await.map_err(fail)?;
    let stats = visit.state.ingest.stats();
    Ok(status(&visit.frame, &Status { stats, storage, book, caps }))
}
