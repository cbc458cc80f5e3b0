//! Damaged files: what is wrong is said, and everything else is shown.

use std::fs;
use std::path::{Path, PathBuf};

use super::{SPANS, each_once, rows, submit, tiny};
use crate::book::Book;
use crate::sample;
use crate::{EntryOrder, Filter, Opened, Store, StoreConfig, TimeWindow};

/// A closed store with requests 0 and 3, a file each; the files by request.
async fn two_files(dir: &Path) -> [PathBuf; 2] {
    let mut opened = Store::open(tiny(dir)).await.expect("a new store");
    for number in [0, 3] {
        // An hour apart, so each has a file of its own.
        submit(&mut opened, number).await.expect("the disk works");
    }
    let end = opened.store.durable();
    opened.store.commit_segments(end, Vec::new()).await.expect("writable");
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    ["2026-11-23T14", "2026-11-23T15"].map(|hour| {
        let files = fs::read_dir(dir.join("spans").join(hour)).expect("readable");
        let mut files = files.map(|entry| entry.expect("readable").path());
        files.find(|path| path.extension().is_some_and(|end| end == "parquet")).expect("a file")
    })
}

async fn reopened(dir: &Path) -> Opened {
    let config = StoreConfig { compact_files: 0, ..tiny(dir) };
    Store::open(config).await.expect("it opens")
}

/// Flips a bit of a file; `at` counts from the end when negative.
fn flip(path: &Path, at: i64) {
    let mut content = fs::read(path).expect("readable");
    let at = if at < 0 { content.len() as i64 + at } else { at } as usize;
    content[at] ^= 0x10;
    fs::write(path, content).expect("writable");
}

/// What each kind of damage is called, by whoever meets it first.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_named_and_the_rest_shown() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("last word of the footer", |path| flip(path, -1)),
        ("middle of the footer", |path| flip(path, -700)),
        ("a data page", |path| flip(path, 40)),
        ("cut short", |path| {
            let content = fs::read(path).expect("readable");
            fs::write(path, &content[..content.len() / 2]).expect("writable");
        }),
        ("gone", |path| fs::remove_file(path).expect("it is there")),
    ];
    for (name, damage) in damages {
        for by_trace in [true, false] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let [first, _] = two_files(dir.path()).await;
            damage(&first);
            let opened = reopened(dir.path()).await;
            let store = &opened.store;
            if by_trace {
                let trace = store.trace(sample::trace_id(0)).await.expect("readable");
                assert!(trace.spans.is_empty() && !trace.complete, "{name}: {trace:?}");
            }
            // A scan of everything meets what is left.
            assert_eq!(rows(store).await, each_once([3]), "{name}");
            let stats = store.storage_stats().await.expect("readable");
            assert_eq!(stats.span_files_missing, 1, "{name}");
            let damaged = &stats.span_files_damaged[0];
            assert!(first.ends_with(&damaged.path) && !damaged.reason.is_empty(), "{damaged:?}");
            assert_eq!(damaged.spans, u64::from(SPANS));
            let other = store.trace(sample::trace_id(3)).await.expect("readable");
            assert_eq!((other.spans.len(), other.complete), (SPANS as usize, false), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_entry_spans_leave_a_damaged_file_out() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [first, _] = two_files(dir.path()).await;
    flip(&first, -1);
    let store = reopened(dir.path()).await.store;
    let everyone = Filter::default();
    let spans = store
        .entry_spans(TimeWindow::ALL, &everyone, EntryOrder::Newest, 10)
        .await
        .expect("the rest is readable");
    assert_eq!(spans.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_index_is_made_again() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("gone", |path| fs::remove_file(path).expect("it is there")),
        ("empty", |path| fs::write(path, "").expect("writable")),
        ("its head", |path| flip(path, 9)),
        ("its entries", |path| flip(path, -3)),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [first, _] = two_files(dir.path()).await;
        let index = first.with_extension("traces");
        damage(&index);
        for _ in 0..2 {
            let opened = reopened(dir.path()).await;
            let store = &opened.store;
            let trace = store.trace(sample::trace_id(0)).await.expect("readable");
            assert_eq!((trace.spans.len(), trace.complete), (SPANS as usize, true), "{name}");
            let stats = store.storage_stats().await.expect("readable");
            assert_eq!(stats.span_files_missing, 0, "{name}");
            assert!(fs::metadata(&index).expect("it is made again").len() > 40, "{name}");
            opened.journal.close().await;
            opened.store.shutdown().await.expect("nothing to write");
        }
    }
}

/// Compaction leaves the damaged file where it is and merges the others.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_goes_on_without_a_damaged_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = reopened(dir.path()).await;
    for position in 1..=3 {
        let batch = sample::batch(1, 6 + position as u32);
        opened.store.apply_spans(crate::WalPosition(position), &batch).await.expect("room");
    }
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    drop(opened);
    let hour = dir.path().join("spans/2026-11-23T14");
    let mut files: Vec<_> = fs::read_dir(hour).expect("readable").flatten().collect();
    files.retain(|entry| entry.file_name().to_string_lossy().ends_with(".parquet"));
    files.sort_by_key(fs::DirEntry::file_name);
    assert_eq!(files.len(), 3);
    flip(&files[1].path(), -1);
    let opened = reopened(dir.path()).await;
    super::compact::compact_all(&opened.store).await;
    let stats = opened.store.storage_stats().await.expect("readable");
    assert_eq!((stats.span_files, stats.span_files_missing), (1, 1));
    // Requests 1 and 3 share their first seven spans.
    assert_eq!((stats.span_file_rows, stats.span_copies_removed), (9, 7));
}

/// A damaged database says what to do; done so, the spans are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_says_the_remedy_and_the_remedy_works() {
    for is_cut_short in [false, true] {
        a_moved_database(is_cut_short).await;
    }
}

/// With `is_cut_short` the first start on a new database ends before it has
/// found the span files.
async fn a_moved_database(is_cut_short: bool) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    two_files(dir.path()).await;
    let companions = ["hotspan.db-wal", "hotspan.db-shm"].map(|name| dir.path().join(name));
    // SQLite may still have pages of the file there.
    companions.iter().for_each(|path| drop(fs::remove_file(path)));
    let database = dir.path().join("hotspan.db");
    fs::write(&database, [0x55; 9_000]).expect("writable");
    let error = Store::open(tiny(dir.path())).await.err().map(|error| error.to_string());
    let error = error.unwrap_or_default();
    assert!(error.contains("hotspan.db is damaged") && error.contains("backup"), "{error}");
    companions.iter().chain([&database]).for_each(|path| drop(fs::remove_file(path)));
    if is_cut_short {
        drop(Book::open(&database, crate::clock::now()).expect("a new database"));
    }
    for _ in 0..2 {
        let opened = reopened(dir.path()).await;
        super::replay(&opened.store).await;
        for number in [0, 3] {
            let trace = opened.store.trace(sample::trace_id(number)).await.expect("readable");
            assert_eq!((trace.spans.len(), trace.complete), (SPANS as usize, true), "{number}");
        }
        opened.journal.close().await;
        opened.store.shutdown().await.expect("written");
    }
}
