//! Old span files go, for age and for room; evidence stays.

use hotspan_model::UnixNanos;

use super::compact::{close, on_disk, patient};
use super::{SPANS, each_once, rows};
use crate::book::sample::{plain, with_lookups};
use crate::sample::{self, HOUR, HOUR_NS};
use crate::table::Keeping;
use crate::{Opened, Store, WalPosition};

/// Requests 0 to 11 of four hours, a file each hour or more.
async fn four_hours(dir: &std::path::Path) -> Opened {
    let opened = Store::open(patient(dir)).await.expect("a new store");
    for number in 0..12 {
        let batch = sample::batch(number, SPANS);
        let position = WalPosition(u64::from(number) + 1);
        opened.store.apply_spans(position, &batch).await.expect("room");
    }
    close(opened).await;
    Store::open(patient(dir)).await.expect("it opens")
}

async fn retain(store: &Store, from: UnixNanos, bytes: u64) {
    let keeping = Keeping { from, bytes };
    while store.inner.table.retain_once(&keeping).await.expect("the disk works") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn files_older_than_they_are_kept_go() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = four_hours(dir.path()).await;
    let store = &opened.store;
    // A file goes when the last of its spans is too old.
    retain(store, HOUR.plus(HOUR_NS + 1), 0).await;
    assert_eq!(rows(store).await, each_once(3..12));
    retain(store, HOUR.plus(2 * HOUR_NS), 0).await;
    assert_eq!(rows(store).await, each_once(6..12));
    let stats = store.storage_stats().await.expect("readable");
    assert_eq!(stats.spans_expired, 6 * u64::from(SPANS));
    assert_eq!(stats.span_files, on_disk(dir.path()) as u64);
    let trace = store.trace(sample::trace_id(0)).await.expect("readable");
    assert!(trace.spans.is_empty() && trace.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_files_make_room() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = four_hours(dir.path()).await;
    let store = &opened.store;
    let before = store.storage_stats().await.expect("readable");
    retain(store, UnixNanos(0), before.span_file_bytes).await;
    assert_eq!(rows(store).await, each_once(0..12), "there is room for all");
    retain(store, UnixNanos(0), before.span_file_bytes - 1).await;
    let after = store.storage_stats().await.expect("readable");
    assert!(after.spans_removed_for_room > 0 && after.spans_expired == 0, "{after:?}");
    let left = rows(store).await;
    assert!(!left.contains(&0) && left.contains(&11), "{left:?}");
    retain(store, UnixNanos(0), 1).await;
    assert_eq!(rows(store).await, [0u32; 0]);
}

/// The traces that issues name stay in a file of their own, over and over,
/// until no issue names them.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_outlives_its_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = four_hours(dir.path()).await;
    let store = &opened.store;
    let records = [1, 4].map(|number| {
        let mut record = with_lookups(plain(number, "GET /a", 0, 1_000), 5, 400);
        record.trace_id = sample::trace_id(number as u32);
        record.findings.iter_mut().for_each(|finding| finding.trace_id = record.trace_id);
        record
    });
    store.commit_segments(WalPosition(0), records.to_vec()).await.expect("writable");
    for (hours, left) in [(1, vec![1, 3, 4, 5, 6]), (2, vec![1, 4, 6]), (3, vec![1, 4])] {
        retain(store, HOUR.plus(hours * HOUR_NS), 0).await;
        let there = rows(store).await;
        for number in left {
            assert!(there.contains(&number), "{number} after {hours} h: {there:?}");
        }
    }
    assert_eq!(rows(store).await, each_once([1, 4].into_iter().chain(9..12)));
    retain(store, HOUR.plus(9 * HOUR_NS), 0).await;
    assert_eq!(rows(store).await, each_once([1, 4]));
    let trace = store.trace(sample::trace_id(4)).await.expect("readable");
    assert_eq!((trace.spans.len(), trace.complete), (SPANS as usize, true));
    let stats = store.storage_stats().await.expect("readable");
    assert_eq!((stats.span_files, stats.spans_expired), (1, 10 * u64::from(SPANS)));
    close(opened).await;
    let opened = Store::open(patient(dir.path())).await.expect("it opens");
    assert_eq!(rows(&opened.store).await, each_once([1, 4]));
}

/// A file that cannot be read goes when its time has come, and is not named
/// any more.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_go_too() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    close(four_hours(dir.path()).await).await;
    std::fs::remove_dir_all(dir.path().join("spans/2026-11-23T14")).expect("it is there");
    let opened = Store::open(patient(dir.path())).await.expect("it opens");
    let missing = async || opened.store.storage_stats().await.expect("readable").span_files_missing;
    retain(&opened.store, HOUR, 0).await;
    assert_eq!(missing().await, 1);
    retain(&opened.store, HOUR.plus(HOUR_NS), 0).await;
    assert_eq!(missing().await, 0);
    close(opened).await;
    // The empty hours of what went are gone after the next start.
    let opened = Store::open(patient(dir.path())).await.expect("it opens");
    assert_eq!(rows(&opened.store).await, each_once(3..12));
    assert_eq!(std::fs::read_dir(dir.path().join("spans")).expect("readable").count(), 3);
}
