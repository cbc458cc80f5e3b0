//! Backups of a store that goes on taking requests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{each_once, replay, rows, submit, tiny};
use crate::{BackupFiles, BackupSummary, Store, StoreError};

async fn back_up(from: &Path, to: &Path, files: BackupFiles) -> Result<BackupSummary, StoreError> {
    Store::backup(from.to_owned(), to.to_owned(), files, |_| {}).await
}

/// The requests that a server started on a copy has, each once.
async fn restored(copy: &Path) -> BTreeSet<u32> {
    let opened = Store::open(tiny(copy)).await.expect("the copy opens");
    replay(&opened.store).await;
    let numbers = rows(&opened.store).await;
    let kept: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(numbers, each_once(kept.iter().copied()));
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_everything_that_was_acknowledged_before() {
    let (from, copies) = (dir(), dir());
    let mut opened = Store::open(tiny(from.path())).await.expect("a new store");
    let mut sent = 0;
    for round in 0..6 {
        // Flushed, in memory, and in the log; segments are committed in part,
        // so that log files come and go.
        for _ in 0..7 {
            submit(&mut opened, sent).await.expect("the disk works");
            sent += 1;
        }
        if round % 2 == 1 {
            let end = opened.store.durable();
            opened.store.commit_segments(end, Vec::new()).await.expect("writable");
        }
        let copy = copies.path().join(round.to_string());
        let files = if round % 3 == 0 { BackupFiles::Copy } else { BackupFiles::Link };
        let before: BTreeSet<u32> = (0..sent).collect();
        let (from, to) = (from.path().to_owned(), copy.clone());
        let copying = tokio::spawn(async move { back_up(&from, &to, files).await });
        while !copying.is_finished() {
            submit(&mut opened, sent).await.expect("the disk works");
            sent += 1;
        }
        let summary = copying.await.expect("no panic").expect("copied");
        assert_eq!(summary.missing, 0);
        let kept = restored(&copy).await;
        assert!(kept.is_superset(&before), "round {round}: lacks {:?}", before.difference(&kept));
        assert!(kept.iter().all(|number| *number < sent));
    }
    // The original was not changed by any of it.
    assert_eq!(rows(&opened.store).await, each_once(0..sent));
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused() {
    let (from, full, copies) = (dir(), dir(), dir());
    drop(Store::open(tiny(from.path())).await.expect("a new store"));
    fs::write(full.path().join("something"), "of mine").expect("writable");
    let nothing = copies.path().join("nothing");
    for (from, to, says) in [
        (from.path(), full.path(), "is not empty"),
        (nothing.as_path(), copies.path(), "cannot find"),
        (full.path(), copies.path(), "FORMAT"),
    ] {
        let error = back_up(from, to, BackupFiles::Link).await.expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
    // One that was broken off is no data directory.
    fs::write(from.path().join("FORMAT"), "unfinished backup\n").expect("writable");
    let error = Store::open(tiny(from.path())).await.expect_err("refused").to_string();
    assert!(error.contains("backup that was broken off"), "{error}");
}

#[tokio::test]
async fn a_copy_of_a_stopped_store_is_private_and_says_what_it_has() {
    let (from, copies) = (dir(), dir());
    let mut opened = Store::open(tiny(from.path())).await.expect("a new store");
    for number in 0..8 {
        submit(&mut opened, number).await.expect("the disk works");
    }
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    drop(opened);
    let copy = copies.path().join("copy");
    let summary = back_up(from.path(), &copy, BackupFiles::Copy).await.expect("copied");
    assert_eq!((summary.spans, summary.linked, summary.missing), (16, 0, 0));
    assert!(summary.span_files > 0 && summary.database_bytes > 0, "{summary:?}");
    let mut waiting = vec![copy.clone()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::metadata(&path).expect("it is there");
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).expect("readable");
            waiting.extend(entries.map(|entry| entry.expect("readable").path()));
        }
    }
    assert_eq!(restored(&copy).await, (0..8).collect());
}

#[tokio::test]
async fn a_file_lost_before_is_said() {
    let (from, copies) = (dir(), dir());
    let mut opened = Store::open(tiny(from.path())).await.expect("a new store");
    submit(&mut opened, 0).await.expect("the disk works");
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    drop(opened);
    fs::remove_dir_all(from.path().join("spans/2026-11-23T14")).expect("its file");
    let copy = copies.path().join("copy");
    let summary = back_up(from.path(), &copy, BackupFiles::Link).await.expect("copied");
    assert_eq!((summary.span_files, summary.missing), (0, 1));
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}
