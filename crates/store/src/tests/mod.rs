//! The store as a whole: what survives crashes, faults and restarts.

mod backup;
mod compact;
mod crash;
mod damage;
mod directory;
mod flush;
mod query;
mod retain;

use std::path::Path;

use crate::sample;
use crate::{Opened, Store, StoreConfig};

/// Limits so small that a few requests fill memory and log files.
fn tiny(data_dir: &Path) -> StoreConfig {
    StoreConfig {
        data_dir: data_dir.to_owned(),
        flush_spans: 6,
        wal_segment_bytes: 400,
        ..StoreConfig::default()
    }
}

/// Spans of every request.
const SPANS: u32 = 2;

/// Applies what the log has above the commit points; tells the numbers.
async fn replay(store: &Store) -> Vec<u32> {
    let mut numbers = Vec::new();
    let crate::ReplayStart { from, to } = store.replay_start();
    for item in store.replay(from, to) {
        let (position, frame) = item.expect("no damage");
        let number = sample::number_of(&frame);
        let batch = sample::batch(number, SPANS);
        store.apply_spans(position, &batch).await.expect("room");
        numbers.push(number);
    }
    numbers
}

/// Makes a request durable and applies it.
async fn submit(opened: &mut Opened, number: u32) -> Result<(), String> {
    let batch = std::sync::Arc::new(sample::batch(number, SPANS));
    let frame = sample::frame(number);
    let place = opened.journal.place(frame.body.len(), std::time::Duration::ZERO).await;
    let place = place.map_err(|error| error.to_string())?;
    opened.journal.append(place, frame, batch).await.map_err(|error| error.to_string())?;
    let committed = opened.committed.recv().await.ok_or("the journal ended")?;
    let applied = opened.store.apply_spans(committed.position, &committed.batch).await;
    applied.map_err(|error| error.to_string())
}

/// The request number of every row there is, copies included, sorted.
async fn rows(store: &Store) -> Vec<u32> {
    let spans = store.inner.reader.every_row(&store.inner.table).await.expect("readable");
    let mut numbers: Vec<u32> =
        spans.iter().filter_map(|span| span.name.split(' ').nth(1)?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// What [`rows`] tells when each of these requests is there once.
fn each_once(numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut rows: Vec<u32> = numbers
        .into_iter()
        .flat_map(|number| std::iter::repeat_n(number, SPANS as usize))
        .collect();
    rows.sort_unstable();
    rows
}
