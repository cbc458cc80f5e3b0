//! `GET /status`.

use hotspan_model::time::NANOS_PER_SECOND;
use hotspan_store::BookStats;

use super::view::status::{Queue, RECENT_NS, Status, status};
use super::visit::{Shown, Visit};
use crate::history::Sample;
use crate::metrics::reading::Reading;

/// Rates of the present are over at least this long, so that they do not jump.
const NOW_NS: i64 = 15 * NANOS_PER_SECOND;

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let reading = Reading::take(&visit.state).await;
    let Some(storage) = reading.storage.clone() else { return Err(visit.broken()) };
    let book = store.book_stats().await.map_err(fail)?;
    let caps = store.cap_tallies().await.map_err(fail)?;
    Ok(status(&visit.frame, &model(&visit, reading, storage, book, caps)))
}

fn model(
    visit: &Visit,
    reading: Reading,
    storage: hotspan_store::StorageStats,
    book: BookStats,
    caps: Vec<(String, u64)>,
) -> Status {
    let state = &visit.state;
    let meters = state.store.meters();
    let history = state.history.samples();
    let now = Sample::take(state, &reading.process);
    let lately = at_least_ago(&history, &now, NOW_NS);
    let recent = at_least_ago(&history, &now, RECENT_NS);
    Status {
        started_at: reading.stats.started_at,
        spans_per_second: lately.and_then(|earlier| now.spans_per_second(earlier)),
        processors: lately.and_then(|earlier| now.processors(earlier)),
        refused_lately: recent.map_or(0, |earlier| now.refused.saturating_sub(earlier.refused)),
        syncs: recent.map_or_else(|| now.syncs.clone(), |earlier| now.syncs.since(&earlier.syncs)),
        incoming: rates(&history),
        queues: queues(visit, &reading),
        group: meters.wal.group.read(),
        flush: meters.flush.time.read(),
        compaction: meters.compaction.time.read(),
        compaction_copies: meters.compaction.copies.get(),
        days: state.store.storage_days(),
        disk: reading.disk,
        process: reading.process,
        stats: reading.stats,
        storage,
        book,
        caps,
    }
}

/// The newest sample that is at least so old; else the oldest there is.
fn at_least_ago<'a>(history: &'a [Sample], now: &Sample, nanos: i64) -> Option<&'a Sample> {
    history.iter().rev().find(|sample| now.at.since(sample.at) >= nanos).or(history.first())
}

/// Spans a second between neighbouring samples.
fn rates(history: &[Sample]) -> Vec<Option<f64>> {
    history.windows(2).map(|pair| pair[1].spans_per_second(&pair[0])).collect()
}

fn queues(visit: &Visit, reading: &Reading) -> Vec<Queue> {
    let state = &visit.state;
    let pages_max = state.config.page_requests_max as u64;
    // This very page has one of the turns.
    let turns = pages_max.saturating_sub(state.doors.pages.available_permits() as u64);
    let stats = &reading.stats;
    vec![
        Queue::bytes("Bodies being read", reading.receiving.taken, reading.receiving.max),
        Queue::bytes("Requests in flight", stats.in_flight_bytes, stats.in_flight_bytes_max),
        Queue::bytes(
            "Waiting for disk or applier",
            stats.log_queue_bytes,
            stats.log_queue_bytes_max,
        ),
        Queue::count("Spans in open traces", stats.open_spans, stats.open_spans_max),
        Queue::count("Pages being answered", turns.saturating_sub(1), pages_max),
    ]
}

#[cfg(test)]
mod tests {
    use hotspan_model::UnixNanos;

    use super::*;

    #[test]
    fn rates_are_over_a_while() {
        let sample = |seconds: i64, spans: u64| Sample {
            at: UnixNanos(seconds * NANOS_PER_SECOND),
            spans,
            ..Sample::default()
        };
        let history = [sample(0, 0), sample(10, 50), sample(20, 250)];
        let at = |now: i64, nanos: i64| {
            at_least_ago(&history, &sample(now, 0), nanos).map(|found| found.spans)
        };
        assert_eq!(at(26, NOW_NS), Some(50));
        assert_eq!(at(40, NOW_NS), Some(250));
        assert_eq!(at(26, 3_600 * NANOS_PER_SECOND), Some(0));
        assert_eq!(at_least_ago(&[], &sample(1, 0), 1), None);
        assert_eq!(rates(&history), [Some(5.0), Some(20.0)]);
        assert_eq!(rates(&history[..1]), []);
    }
}
