//! Restarts: what was accepted comes back as it was, once, at any moment.

use std::path::Path;

use crate::harness::{ALL, BEGIN, FakeClock, SECOND, body, quick, start};

/// A crash at this moment: what the disk holds, elsewhere. The clock stands
/// still, so nothing is being written.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a readable directory") {
        let entry = entry.expect("a readable entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a new directory");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copied file");
        }
    }
}

/// What is sent, how long before the next, in seconds. Requests come whole, in
/// pieces, late, twice, and with a lookup too many.
fn steps() -> Vec<(String, i64)> {
    let at = |seconds: i64| BEGIN.plus(seconds * SECOND);
    vec![
        (body(1, at(0), 4, 0..5), 1),
        (body(1, at(0), 4, 5..13), 4),
        (body(2, at(5), 4, 1..13), 2),
        (body(2, at(5), 4, 0..1), 5),
        (body(3, at(10), 2, ALL), 0),
        (body(3, at(10), 2, ALL), 10),
        (body(1, at(0), 5, 13..16), 5),
        (body(4, at(26), 0, ALL), 61),
        (body(5, at(80), 4, 0..4), 70),
        (body(6, at(150), 3, ALL), 70),
        (body(7, at(220), 3, 4..10), 1),
        (body(7, at(220), 3, 0..4), 100),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_shows_the_same_in_the_end() {
    let mut expected = None;
    for crash in 0..=steps().len() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let after = tempfile::tempdir().expect("a temporary directory");
        let clock = FakeClock::at(BEGIN);
        let mut running = start(folder.path(), &clock, quick()).await;
        for (index, (body, pause)) in steps().iter().enumerate() {
            running.send(body).await.expect("taken");
            running.applied().await;
            if index == crash {
                copy(folder.path(), after.path());
                running = start(after.path(), &clock, quick()).await;
                running.applied().await;
            }
            clock.advance(pause * SECOND);
            if *pause >= 4 {
                running.analysed().await;
            }
        }
        clock.advance(1_000 * SECOND);
        running.settle().await;
        let shown = running.shown().await;
        assert_eq!(shown.0.iter().map(|row| row.samples).sum::<u64>(), 7);
        match &expected {
            None => expected = Some(shown),
            Some(expected) => assert_eq!(*expected, shown, "crash at step {crash}"),
        }
        for (body, _) in steps() {
            assert!(running.stored(&body).await > 0, "crash at step {crash}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gives_the_first_answer_again_whatever_the_clock_says() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let after = tempfile::tempdir().expect("a temporary directory");
    let clock = FakeClock::at(BEGIN);
    let running = start(folder.path(), &clock, quick()).await;
    let (good, old) = (body(1, BEGIN, 1, ALL), body(2, BEGIN.plus(-40 * 86_400 * SECOND), 1, ALL));
    assert_eq!(running.send(&good).await.expect("taken").accepted, 4);
    assert_eq!(running.send(&old).await.expect("taken").accepted, 0);
    copy(folder.path(), after.path());
    // By now everything would be too old.
    clock.advance(60 * 86_400 * SECOND);
    let again = start(after.path(), &clock, quick()).await;
    again.applied().await;
    assert_eq!((again.stored(&good).await, again.stored(&old).await), (4, 0));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_traces_of_a_clean_stop_close_after_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let clock = FakeClock::at(BEGIN);
    let running = start(folder.path(), &clock, quick()).await;
    running.send(&body(1, BEGIN, 2, ALL)).await.expect("taken");
    running.stop().await;
    clock.advance(10 * SECOND);
    let again = start(folder.path(), &clock, quick()).await;
    again.settle().await;
    let (endpoints, _) = again.shown().await;
    assert_eq!(endpoints.iter().map(|row| row.samples).collect::<Vec<_>>(), [1]);
    again.stop().await;
}
