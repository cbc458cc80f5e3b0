//! Data directories that are not what they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use expect_test::{Expect, expect};

use super::{each_once, replay, rows, submit, tiny};
use crate::{Catalogue, Store};

async fn refusal(prepare: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    prepare(dir.path());
    let error = Store::open(tiny(dir.path())).await.expect_err("it is refused").to_string();
    error.replace(&*dir.path().canonicalize().expect("it is there").to_string_lossy(), "DIR")
}

#[tokio::test]
async fn what_is_not_ours_to_read_is_refused() {
    let cases: [(&str, Expect); 2] = [
        (
            "hotspan 2\n",
            expect![
                "data directory DIR has format 2, this version reads up to 1: run the version that wrote it, or a later one"
            ],
        ),
        (
            "cats",
            expect![[
                r#"DIR/FORMAT is not a hotspan data directory: it says "cats" instead of a format number"#
            ]],
        ),
    ];
    for (format, expected) in cases {
        let message = refusal(|dir| fs::write(dir.join("FORMAT"), format).expect("writable"));
        expected.assert_eq(&message.await);
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let first = Store::open(tiny(dir.path())).await.expect("a new store");
    let second = Store::open(tiny(dir.path())).await.expect_err("it is in use").to_string();
    assert!(second.contains("in use by another hotspan process"), "{second}");
    // The command line may look after projects meanwhile.
    let beside = Catalogue::open(dir.path()).await.expect("it takes no lock");
    beside.add_project("shop").await.expect("a new name");
    let catalogue = first.store.catalogue();
    assert!(catalogue.has_projects_beyond_default().await.expect("readable"));

    first.journal.close().await;
    first.store.shutdown().await.expect("nothing to write");
    drop((first, catalogue));
    Store::open(tiny(dir.path())).await.expect("it is free again");
}

#[tokio::test]
async fn nobody_else_can_read_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data_dir = dir.path().join("new").join("data");
    let mut opened = Store::open(tiny(&data_dir)).await.expect("a new store");
    for number in 0..8 {
        submit(&mut opened, number).await.expect("the disk works");
    }
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    let mut waiting = vec![data_dir];
    while let Some(path) = waiting.pop() {
        let metadata = fs::metadata(&path).expect("it is there");
        let mode = metadata.permissions().mode() & 0o777;
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).expect("readable");
            waiting.extend(entries.map(|entry| entry.expect("readable").path()));
        }
    }
}

#[tokio::test]
async fn files_the_manifest_does_not_know_are_removed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut opened = Store::open(tiny(dir.path())).await.expect("a new store");
    submit(&mut opened, 0).await.expect("the disk works");
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    drop(opened);
    let hour = dir.path().join("spans/2026-11-23T14");
    let leftovers = ["9.parquet", "9.parquet.unfinished"].map(|name| hour.join(name));
    for leftover in &leftovers {
        fs::write(leftover, "half").expect("the hour's directory is there");
    }
    let opened = Store::open(tiny(dir.path())).await.expect("it opens");
    assert!(leftovers.iter().all(|leftover| !leftover.exists()));
    assert_eq!(rows(&opened.store).await, each_once([0]));
}

#[tokio::test]
async fn a_missing_file_is_said_and_the_rest_shown() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut opened = Store::open(tiny(dir.path())).await.expect("a new store");
    for number in [0, 3] {
        // An hour apart, so each has a file of its own.
        submit(&mut opened, number).await.expect("the disk works");
    }
    let end = opened.store.durable();
    opened.store.commit_segments(end, Vec::new()).await.expect("writable");
    opened.journal.close().await;
    opened.store.shutdown().await.expect("written");
    drop(opened);
    fs::remove_dir_all(dir.path().join("spans/2026-11-23T14")).expect("the first one's file");

    let opened = Store::open(tiny(dir.path())).await.expect("it opens");
    assert_eq!(replay(&opened.store).await, [0u32; 0]);
    assert_eq!(rows(&opened.store).await, each_once([3]));
    assert_eq!(opened.store.storage_stats().await.expect("readable").span_files_missing, 1);
    let trace = opened.store.trace(crate::sample::trace_id(3)).await.expect("readable");
    assert_eq!((trace.spans.len(), trace.complete), (2, false));
}
