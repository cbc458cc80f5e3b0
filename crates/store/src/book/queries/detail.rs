//! The page of one endpoint.

use hotspan_model::CallTree;
use rusqlite::Transaction;

use super::super::codec::shapes;
use super::super::connection::Book;
use super::super::grain::{Steps, Stretch, TREE, cover};
use super::super::profiles::PATHS_MAX;
use super::super::rows::{EndpointDetail, TimeWindow};
use super::super::{BookError, DamagedIn, During};
use super::endpoints::row;
use super::figures::{history, releases};
use super::{as_of, endpoint_of};

/// Points of a chart at most.
const SERIES_POINTS_MAX: usize = 120;

impl Book {
    /// Everything the page of an endpoint draws; `None` when there is no such
    /// endpoint. Without requests in the window its figures are zero.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn endpoint_detail(
        &self,
        id: i64,
        window: TimeWindow,
    ) -> Result<Option<EndpointDetail>, BookError> {
        let steps = Steps::of(window, SERIES_POINTS_MAX, self.minutes_from());
        self.read("read an endpoint", |transaction| {
            let Some(endpoint) = endpoint_of(transaction, id)? else {
                return Ok(None);
            };
            let history = history(transaction, id, &steps)?;
            Ok(Some(EndpointDetail {
                row: row(transaction, id, endpoint, &history, &steps)?,
                step_ns: steps.width_ns(),
                series: history.series(&steps),
                histogram: history.total.sketch.clone(),
                tree: tree(transaction, id, &cover(window, TREE, self.minutes_from()))?,
                releases: releases(transaction, id, &steps.stretches)?,
                as_of: as_of(transaction)?,
            }))
        })
    }
}

fn tree(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<CallTree, BookError> {
    let mut merged = CallTree::default();
    let mut statement = transaction
        .prepare_cached(
            "SELECT tree FROM profile \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4",
        )
        .during("read profiles")?;
    for stretch in stretches {
        let trees: Vec<Vec<u8>> = statement
            .query_map([stretch.grain, endpoint_id, stretch.from, stretch.to], |row| row.get(0))
            .and_then(Iterator::collect)
            .during("read profiles")?;
        for tree in trees {
            merged.merge(&shapes::decode_tree(&tree).damaged_in("call tree")?);
        }
    }
    merged.fold_beyond(PATHS_MAX);
    Ok(merged)
}
