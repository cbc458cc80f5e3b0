//! Small files put together: the same spans in fewer files, once each.

use hotspan_model::UnixNanos;

use super::{SPANS, each_once, replay, rows, submit, tiny};
use crate::sample::{self, HOUR};
use crate::table::CompactLimits;
use crate::{Opened, Store, StoreConfig, WalPosition};

/// Long after every hour of the samples has settled.
pub(super) const LATER: UnixNanos = UnixNanos(HOUR.0 + 1_000 * 3_600 * 1_000_000_000);

/// Merges until nothing is worth it; tells how often.
pub(super) async fn compact_all(store: &Store) -> u32 {
    let mut times = 0;
    let limits = CompactLimits { files_min: 2, spans: 500_000 };
    while store.inner.table.compact_once(&limits, LATER).await.expect("the disk works") {
        times += 1;
    }
    times
}

/// A store whose files stay as they are flushed until a test says so.
pub(super) fn patient(data_dir: &std::path::Path) -> StoreConfig {
    StoreConfig { compact_files: 0, ..tiny(data_dir) }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_hour_become_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut opened = Store::open(patient(dir.path())).await.expect("a new store");
    // Two passes over requests of four hours, each request with its own file
    // or with two others.
    for number in (0..12).chain(12..24) {
        submit(&mut opened, number % 12).await.expect("the disk works");
    }
    let end = opened.store.durable();
    opened.store.commit_segments(end, Vec::new()).await.expect("writable");
    close(opened).await;

    let opened = Store::open(patient(dir.path())).await.expect("it opens");
    let before = opened.store.storage_stats().await.expect("readable");
    assert!(before.span_files > 4, "{before:?}");
    assert_eq!(before.span_file_rows, 24 * u64::from(SPANS));
    assert!(compact_all(&opened.store).await >= 4);
    let after = opened.store.storage_stats().await.expect("readable");
    assert_eq!((after.span_files, after.span_file_rows), (4, 12 * u64::from(SPANS)));
    assert_eq!(after.span_copies_removed, 12 * u64::from(SPANS));
    assert_eq!(rows(&opened.store).await, each_once(0..12));
    for number in 0..12 {
        let trace = opened.store.trace(sample::trace_id(number)).await.expect("readable");
        assert_eq!((trace.spans.len(), trace.complete), (SPANS as usize, true));
    }
    assert_eq!(on_disk(dir.path()), 4, "old files are gone");
    // Nothing more to do, and nothing lost over a restart.
    assert_eq!(compact_all(&opened.store).await, 0);
    close(opened).await;
    let opened = Store::open(patient(dir.path())).await.expect("it opens");
    assert_eq!(replay(&opened.store).await, [0u32; 0]);
    assert_eq!(rows(&opened.store).await, each_once(0..12));
}

/// A query that began before a merge reads the old files to its end.
#[tokio::test(flavor = "multi_thread")]
async fn files_stay_while_a_query_reads_them() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = Store::open(patient(dir.path())).await.expect("a new store");
    for position in 1..=6 {
        let batch = sample::batch(1, SPANS * 3);
        opened.store.apply_spans(WalPosition(position), &batch).await.expect("room");
    }
    close(opened).await;
    let store = Store::open(patient(dir.path())).await.expect("it opens").store;
    let snapshot = store.inner.table.snapshot().expect("readable");
    let files = on_disk(dir.path());
    assert!(files > 1);
    assert_eq!(compact_all(&store).await, 1);
    assert_eq!(on_disk(dir.path()), files + 1);
    drop(snapshot);
    assert_eq!(on_disk(dir.path()), 1);
}

/// Files that follow each other in time are long runs, beside short ones.
#[tokio::test]
async fn long_runs_and_short_ones() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = StoreConfig { flush_spans: 1, ..patient(dir.path()) };
    let opened = Store::open(config.clone()).await.expect("a new store");
    let sizes = [700, 300, 1_500];
    // Each of them twice, so that there is something to compare and leave out.
    for position in 0..6 {
        let number = position as u32 % 3;
        let batch = sample::batch(number, sizes[number as usize]);
        opened.store.apply_spans(WalPosition(position + 1), &batch).await.expect("room");
    }
    close(opened).await;
    let store = Store::open(config).await.expect("it opens").store;
    assert!(compact_all(&store).await >= 1);
    for (number, spans) in sizes.into_iter().enumerate() {
        let trace = store.trace(sample::trace_id(number as u32)).await.expect("readable");
        assert_eq!((trace.spans.len(), trace.complete), (spans as usize, true));
    }
    let rows = store.storage_stats().await.expect("readable").span_file_rows;
    assert_eq!(rows, 700 + 300 + 1_500, "each once");
}

/// Late spans do not make the large file of their hour be written again.
#[tokio::test]
async fn a_few_late_spans_wait_beside_a_large_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = StoreConfig { flush_spans: 200, ..patient(dir.path()) };
    let opened = Store::open(config.clone()).await.expect("a new store");
    opened.store.apply_spans(WalPosition(1), &sample::batch(1, 200)).await.expect("room");
    opened.store.apply_spans(WalPosition(2), &sample::batch(2, 10)).await.expect("room");
    close(opened).await;
    let store = Store::open(config).await.expect("it opens").store;
    assert_eq!(compact_all(&store).await, 0);
    assert_eq!(store.storage_stats().await.expect("readable").span_files, 2);
}

/// Writes everything and lets the directory go.
pub(super) async fn close(opened: Opened) {
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
}

/// Queries run while small files are put together as fast as they come: at no
/// moment is a span missing or there twice.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_meets_a_gap_or_a_double() {
    const REQUESTS: u32 = 90;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(patient(dir.path())).await.expect("a new store").store;
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 1..=REQUESTS {
                let mut batch = sample::batch(number, SPANS);
                for span in &mut batch.spans {
                    // All in one hour.
                    (span.start, span.end) = (HOUR.plus(number.into()), HOUR.plus(1_000));
                }
                store.apply_spans(WalPosition(number.into()), &batch).await.expect("room");
            }
        }
    });
    let merging = tokio::spawn({
        let (store, writing) = (store.clone(), writing.abort_handle());
        async move {
            let mut merges = 0;
            while !writing.is_finished() {
                merges += compact_all(&store).await;
                tokio::task::yield_now().await;
            }
            merges + compact_all(&store).await
        }
    });
    let mut seen = 0;
    while !merging.is_finished() {
        let there = rows(&store).await;
        let newest = there.last().copied().unwrap_or_default();
        assert_eq!(there, each_once(1..=newest));
        assert!(newest >= seen, "{newest} after {seen}");
        seen = newest;
    }
    writing.await.expect("no panic");
    assert!(merging.await.expect("no panic") > 0);
    assert_eq!(rows(&store).await, each_once(1..=REQUESTS));
}

/// Parquet files under `spans/`.
pub(super) fn on_disk(data_dir: &std::path::Path) -> usize {
    let mut files = 0;
    for hour in std::fs::read_dir(data_dir.join("spans")).expect("readable") {
        let hour = hour.expect("readable").path();
        let names = std::fs::read_dir(hour).expect("readable");
        let names = names.map(|entry| entry.expect("readable").file_name());
        files += names.filter(|name| name.to_string_lossy().ends_with(".parquet")).count();
    }
    files
}
