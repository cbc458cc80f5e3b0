//! Memory to Parquet under load, on a full disk, by age.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{SPANS, each_once, replay, rows, submit, tiny};
use crate::disk::sim::SimDisk;
use crate::sample;
use crate::{Store, StoreConfig, WalPosition};

/// Queries run while memtables become files: at no moment is a span that was
/// applied missing or there twice.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_sees_a_span_twice_or_not_at_all() {
    const REQUESTS: u32 = 120;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = Store::open(tiny(dir.path())).await.expect("a new store");
    let (begun, applied) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let writing = tokio::spawn({
        let (store, begun, applied) = (opened.store.clone(), begun.clone(), applied.clone());
        async move {
            for number in 1..=REQUESTS {
                begun.store(number, Ordering::SeqCst);
                let position = WalPosition(number.into());
                store.apply_spans(position, &sample::batch(number, SPANS)).await.expect("room");
                applied.store(number, Ordering::SeqCst);
            }
        }
    });
    let mut queries = 0;
    while !writing.is_finished() {
        let before = applied.load(Ordering::SeqCst);
        let seen = rows(&opened.store).await;
        let after = begun.load(Ordering::SeqCst);
        let newest = seen.last().copied().unwrap_or_default();
        assert_eq!(seen, each_once(1..=newest));
        assert!((before..=after).contains(&newest), "{before} {newest} {after}");
        queries += 1;
    }
    writing.await.expect("no panic");
    assert!(queries > 0, "the writer was done before the first query");
    assert_eq!(rows(&opened.store).await, each_once(1..=REQUESTS));
    assert!(opened.store.storage_stats().await.expect("readable").span_files > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_delays_files_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let disk = SimDisk::new();
    let mut opened =
        Store::open_on(tiny(dir.path()), Arc::new(disk.clone())).await.expect("a new store");
    for number in 0..2 {
        submit(&mut opened, number).await.expect("the disk works");
    }
    disk.set_room(Some(0));
    let journal = &opened.journal;
    let place = journal.place(10, std::time::Duration::ZERO).await.expect("the queue is empty");
    journal
        .append(place, sample::frame(9), Arc::new(sample::batch(9, SPANS)))
        .await
        .expect_err("the log has no room either");
    // The third request fills memory; what was durable before stays readable.
    let third = sample::batch(2, SPANS);
    let position = WalPosition(opened.store.durable().0 + 1);
    opened.store.apply_spans(position, &third).await.expect("memory has room");
    assert_eq!(rows(&opened.store).await, each_once(0..3));
    let error = opened.store.shutdown().await.expect_err("no room for the file").to_string();
    assert!(error.contains("the next start reads them from the log"), "{error}");
    assert_eq!(rows(&opened.store).await, each_once(0..3));
    let stats = opened.store.storage_stats().await.expect("readable");
    assert!(stats.flush_error.is_some() && stats.span_files == 0);

    opened.journal.close().await;
    drop(opened);
    disk.set_room(None);
    let opened = Store::open_on(tiny(dir.path()), Arc::new(disk.clone())).await.expect("it opens");
    assert_eq!(replay(&opened.store).await, [0, 1]);
    opened.store.shutdown().await.expect("there is room again");
    assert_eq!(rows(&opened.store).await, each_once(0..2));
}

#[tokio::test(flavor = "multi_thread")]
async fn age_alone_makes_files_and_frees_the_log() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = StoreConfig {
        flush_spans: usize::MAX,
        flush_age: Duration::from_millis(1),
        ..tiny(dir.path())
    };
    let mut opened = Store::open(config).await.expect("a new store");
    for number in 0..10 {
        submit(&mut opened, number).await.expect("the disk works");
    }
    let end = opened.store.durable();
    opened.store.commit_segments(end, Vec::new()).await.expect("writable");
    // Without a bound of its own: a hang here is a failure of the test run.
    while opened.store.commit_points().expect("readable").spans < end {
        tokio::task::yield_now().await;
    }
    while opened.store.storage_stats().await.expect("readable").wal_files > 1 {
        tokio::task::yield_now().await;
    }
    let stats = opened.store.storage_stats().await.expect("readable");
    assert_eq!((stats.memory_spans, stats.span_file_rows), (0, 20));
    assert_eq!(rows(&opened.store).await, each_once(0..10));
}

#[tokio::test]
async fn positions_that_are_in_are_skipped() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = Store::open(tiny(dir.path())).await.expect("a new store");
    for position in [1, 2, 2, 1, 3] {
        let batch = sample::batch(position as u32, SPANS);
        opened.store.apply_spans(WalPosition(position), &batch).await.expect("room");
    }
    assert_eq!(rows(&opened.store).await, each_once(1..=3));
    assert_eq!(*opened.store.applied().borrow(), WalPosition(3));
    let soon = Duration::from_millis(1);
    assert!(opened.store.wait_applied(WalPosition(3), soon).await);
    assert!(!opened.store.wait_applied(WalPosition(4), soon).await);
}
