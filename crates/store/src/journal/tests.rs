//! The journal over a disk that fails on demand.

use tokio::sync::mpsc::Receiver;

use super::*;
use crate::disk::sim::{Loss, SimDisk};
use crate::sample;
use crate::wal::Wal;

const QUEUE_BYTES: usize = 1 << 20;

struct Bench {
    dir: tempfile::TempDir,
    disk: SimDisk,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), disk: SimDisk::new() }
    }

    fn wal(&self) -> Wal {
        Wal::new(Arc::new(self.disk.clone()), self.dir.path().to_owned())
    }

    fn open(&self, queue_bytes: usize) -> (Journal, Receiver<Committed>) {
        let writer = WalWriter::open(self.wal(), WalPosition(0), 1_000).expect("the log opens");
        let (journal, streams) =
            Journal::start(writer, queue_bytes, Arc::default(), ()).expect("a thread");
        (journal, streams.committed)
    }

    /// What a start would apply again.
    fn replayed(&self) -> Vec<u32> {
        let writer = WalWriter::open(self.wal(), WalPosition(0), 1_000).expect("the log opens");
        self.wal()
            .replay(WalPosition(0), writer.position())
            .map(|item| sample::number_of(&item.expect("no damage").1))
            .collect()
    }
}

async fn append(journal: &Journal, number: u32) -> Result<WalPosition, AppendError> {
    let frame = sample::frame(number);
    let place = journal.place(frame.body.len(), Duration::ZERO).await?;
    journal.append(place, frame, Arc::new(sample::batch(number, 1))).await
}

#[tokio::test]
async fn requests_come_out_once_in_the_order_of_their_positions() {
    let bench = Bench::new();
    let (journal, mut committed) = bench.open(QUEUE_BYTES);
    let appends = (0..100).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move { (append(&journal, number).await.expect("durable"), number) })
    });
    let mut answered = Vec::new();
    for append in appends.collect::<Vec<_>>() {
        answered.push(append.await.expect("no panic"));
    }
    journal.close().await;
    answered.sort_unstable();

    let mut delivered = Vec::new();
    while let Some(next) = committed.recv().await {
        let trace = next.batch.spans[0].trace_id;
        delivered.push((next.position, trace));
    }
    let by_trace = answered.iter().map(|(at, number)| (*at, sample::trace_id(*number)));
    assert_eq!(delivered, by_trace.collect::<Vec<_>>());
    assert_eq!(bench.replayed(), answered.iter().map(|(_, number)| *number).collect::<Vec<_>>());
    assert_eq!(journal.queued_bytes(), 0);
    assert!(matches!(append(&journal, 100).await, Err(AppendError::Closed)));
}

#[tokio::test]
async fn what_waits_for_the_applier_counts() {
    let bench = Bench::new();
    let (journal, mut committed) = bench.open(REQUEST_OVERHEAD_BYTES + 10);
    append(&journal, 1).await.expect("the queue is empty");
    assert!(matches!(append(&journal, 2).await, Err(AppendError::Full)));
    drop(committed.recv().await.expect("it was delivered before the answer"));
    append(&journal, 3).await.expect("the applier has taken the first");
    journal.close().await;
    assert_eq!(bench.replayed(), [1, 3]);
}

#[tokio::test]
async fn after_a_failed_sync_everything_is_refused_and_nothing_of_it_comes_back() {
    let bench = Bench::new();
    let (journal, _committed) = bench.open(QUEUE_BYTES);
    append(&journal, 1).await.expect("the disk works");
    bench.disk.fail_next_sync_of(".wal");
    assert!(matches!(append(&journal, 2).await, Err(AppendError::Halted(_))));
    assert!(matches!(append(&journal, 3).await, Err(AppendError::Halted(_))));
    journal.close().await;
    assert_eq!(bench.replayed(), [1]);
}

#[tokio::test]
async fn a_full_disk_refuses_until_there_is_room() {
    for room in [0, 1, 50, 200] {
        let bench = Bench::new();
        let (journal, _committed) = bench.open(QUEUE_BYTES);
        append(&journal, 1).await.expect("the disk works");
        bench.disk.set_room(Some(room));
        let mut refused = 0;
        for number in 10..20 {
            match append(&journal, number).await {
                Ok(_) => bench.disk.set_room(Some(0)),
                Err(error) => {
                    assert!(error.is_disk_full(), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused >= 9, "room for {room} bytes");
        bench.disk.set_room(None);
        append(&journal, 2).await.expect("there is room again");
        journal.close().await;
        let kept: Vec<_> = bench.replayed().into_iter().filter(|n| *n <= 10).collect();
        assert_eq!(bench.replayed(), kept);
        bench.disk.power_cycle(Loss::Everything);
        assert_eq!(bench.replayed(), kept, "after a crash");
        assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&2)));
    }
}

#[tokio::test]
async fn no_room_for_a_new_file_refuses_too() {
    let bench = Bench::new();
    let (journal, _committed) = bench.open(QUEUE_BYTES);
    let mut number = 0;
    // Until the next request needs a new file.
    while bench.wal().size().expect("listed").1 < 1_000 {
        append(&journal, number).await.expect("the disk works");
        number += 1;
    }
    bench.disk.set_room(Some(5));
    assert!(append(&journal, 900).await.expect_err("no room").is_disk_full());
    bench.disk.set_room(None);
    append(&journal, number).await.expect("there is room again");
    journal.close().await;
    assert_eq!(bench.replayed(), (0..=number).collect::<Vec<_>>());
    assert_eq!(bench.wal().size().expect("listed").0, 2);
}
