//! Power cuts at every change of the disk, while spans are written, put
//! together and let go: whatever was answered and is not too old is there once
//! afterwards, and nothing that was never sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::compact::{LATER, patient};
use super::{SPANS, each_once, replay, rows, submit};
use crate::disk::sim::{Loss, SimDisk};
use crate::sample::{HOUR, HOUR_NS};
use crate::table::{CompactLimits, Keeping};
use crate::{Opened, Store, StoreError, WalPosition};

const REQUESTS: u32 = 14;
/// The first request that is not too old to be kept.
const KEPT_FROM: u32 = 3;

/// How long a merge that the power cut short may hold the directory's lock.
const MERGE_ENDS: Duration = Duration::from_secs(60);

async fn open(dir: &Path, disk: &SimDisk) -> Result<Opened, String> {
    let opened = async {
        loop {
            match Store::open_on(patient(dir), Arc::new(disk.clone())).await {
                // A power cut ends all threads at once; here one that merges
                // files goes on until it meets the dead disk.
                Err(StoreError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                opened => break opened,
            }
        }
    };
    let opened = tokio::time::timeout(MERGE_ENDS, opened).await;
    opened
        .map_err(|_| "the lock is never given back".to_owned())?
        .map_err(|error| error.to_string())
}

/// Sends requests until one fails; tells which were answered.
async fn run(dir: &Path, disk: &SimDisk, from: u32) -> Vec<u32> {
    let Ok(mut opened) = open(dir, disk).await else { return Vec::new() };
    replay(&opened.store).await;
    let mut answered = Vec::new();
    for number in from..from + REQUESTS {
        let durable = opened.store.durable();
        // On a dead disk a flush never ends, and applying waits for it.
        let submitted = tokio::select! {
            submitted = submit(&mut opened, number) => submitted,
            () = death_of(disk) => Err("the power is off".to_owned()),
        };
        if opened.store.durable() > durable {
            answered.push(number);
        }
        if submitted.is_err() {
            break;
        }
        if number % 3 == 2 {
            tokio::select! {
                () = look_after(&opened.store) => {}
                () = death_of(disk) => {}
            }
        }
        if number % 4 == 3 {
            // The other consumer trails behind.
            let covered = WalPosition(durable.0);
            let _ = opened.store.commit_segments(covered, Vec::new()).await;
        }
    }
    stop(opened).await;
    answered
}

/// What the server does by itself, at moments of the test's choice. On a dead
/// disk it fails, as it must.
async fn look_after(store: &Store) {
    let limits = CompactLimits { files_min: 2, spans: 500_000 };
    let keeping = Keeping { from: HOUR.plus(HOUR_NS), bytes: 0 };
    let table = &store.inner.table;
    while let Ok(true) = table.compact_once(&limits, LATER).await {}
    while let Ok(true) = table.retain_once(&keeping).await {}
}

async fn death_of(disk: &SimDisk) {
    while !disk.is_dead() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Ends all background work, whether it can finish or not.
async fn stop(opened: Opened) {
    opened.journal.close().await;
    // On a dead disk this fails, as it must.
    let _ = opened.store.shutdown().await;
}

async fn check(step: u64, loss: Loss) -> bool {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let disk = SimDisk::new();
    disk.crash_at(step);
    let answered = run(dir.path(), &disk, 0).await;
    let crashed = disk.is_dead();
    disk.power_cycle(loss);

    let opened = open(dir.path(), &disk).await.expect("the store opens after every crash");
    replay(&opened.store).await;
    let after = rows(&opened.store).await;
    for number in answered.iter().filter(|number| **number >= KEPT_FROM) {
        let there = after.iter().filter(|row| *row == number).count();
        assert_eq!(there, SPANS as usize, "request {number}, step {step}, {loss:?}");
    }
    let mut all = after.clone();
    all.dedup();
    // A request that was being written may be there; it is whole then.
    assert_eq!(after, each_once(all.clone()), "step {step}, {loss:?}");
    assert!(all.len() <= answered.len() + 1, "step {step}, {loss:?}: {all:?} of {answered:?}");
    stop(opened).await;

    let later = run(dir.path(), &disk, 100).await;
    assert_eq!(later.len() as u32, REQUESTS, "it goes on after step {step}, {loss:?}");
    let opened = open(dir.path(), &disk).await.expect("the store opens");
    replay(&opened.store).await;
    let kept = all.into_iter().filter(|number| *number >= KEPT_FROM);
    assert_eq!(rows(&opened.store).await, each_once(kept.chain(later)));
    stop(opened).await;
    crashed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_power_goes_at_every_step() {
    let mut step = 1;
    loop {
        let loss = if step % 2 == 0 { Loss::Everything } else { Loss::Some(step) };
        if !check(step, loss).await {
            break;
        }
        step += 1;
    }
    // Opening alone takes more than ten changes, each request two.
    assert!(step > 10 + 2 * u64::from(REQUESTS), "crashed at {step} steps only");
}
