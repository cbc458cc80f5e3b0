//! Measures the span table alone: CPU a span of putting it in, writing it and
//! merging files, bytes a span on disk, the time of a trace by id, and memory.
//!
//! ```text
//! cargo run --release -p hotspan-store --example span_files -- jaeger 2000000
//! ```
//!
//! `jaeger` is the shape of Jaeger's storage benchmark, `web` that of web
//! requests. The load of a whole server is measured by `cargo xtask bench`.

#[path = "span_files/shape.rs"]
mod shape;

use std::io::Write;
use std::time::{Duration, Instant};

use hotspan_model::{Span, TraceId, UnixNanos};
use hotspan_store::{Batch, Part, Store, StoreConfig, StoreError, WalPosition};
use shape::Random;

/// Spans of one request.
const BATCH_SPANS: usize = 1_000;
/// Traces whose ids are kept to be looked up.
const LOOKUPS: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let shape = arguments.next().unwrap_or_else(|| "jaeger".to_owned());
    let count: usize = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let dir = tempfile::tempdir()?;
    let config = StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() };
    let opened = Store::open(config).await?;
    let store = opened.store;
    let traces = fill(&store, &shape, count).await?;
    let memory = resident_bytes()?;
    let flushed = store.storage_stats().await?;
    settle(&store).await?;
    let stats = store.storage_stats().await?;
    let lookup = median_lookup(&store, &traces).await?;
    let seconds: std::collections::HashMap<Part, f64> = store.effort().seconds().collect();
    let each = |part: Part| seconds.get(&part).copied().unwrap_or_default() * 1e6 / count as f64;
    let mut out = std::io::stdout().lock();
    writeln!(out, "shape {shape}, {count} spans in 24 hours")?;
    writeln!(out, "put in      {:6.2} us/span", each(Part::Table))?;
    writeln!(out, "flush       {:6.2} us/span, {} files", each(Part::Flush), flushed.span_files)?;
    writeln!(
        out,
        "compaction  {:6.2} us/span, {} files",
        each(Part::Compaction),
        stats.span_files
    )?;
    let bytes = bytes_under(dir.path().join("spans"))?;
    writeln!(out, "on disk     {:6.2} B/span", bytes as f64 / stats.span_file_rows.max(1) as f64)?;
    writeln!(out, "trace by id {:6.2} ms, p50 of {}", lookup.as_secs_f64() * 1e3, traces.len())?;
    writeln!(out, "resident    {:6.0} MB after filling", memory as f64 / 1e6)?;
    Ok(())
}

/// Puts `count` spans of the last day in; tells some of their traces.
async fn fill(store: &Store, shape: &str, count: usize) -> Result<Vec<TraceId>, StoreError> {
    let mut random = Random::new(7);
    let begin = UnixNanos(since_1970() - 26 * 3_600_000_000_000);
    let (mut position, mut put) = (0, 0);
    let mut traces = Vec::new();
    while put < count {
        let mut spans: Vec<Span> = Vec::with_capacity(BATCH_SPANS + 64);
        while spans.len() < BATCH_SPANS {
            let into_day = (put + spans.len()) as f64 / count as f64;
            let at = begin.plus((into_day * 24.0 * 3.6e12) as i64);
            shape::trace(shape, &mut random, at, &mut spans);
        }
        if traces.len() < LOOKUPS && random.below(count / BATCH_SPANS) < LOOKUPS {
            traces.push(spans[0].trace_id);
        }
        (position, put) = (position + 1, put + spans.len());
        let hashes = vec![0; spans.len()];
        let received_at = spans[0].start.plus(1_000_000_000);
        let (project, asked) = ("default".into(), Vec::new());
        let batch = Batch { project, received_at, spans, hashes, asked };
        store.apply_spans(WalPosition(position), &batch).await?;
    }
    Ok(traces)
}

/// Waits until files stay as they are.
async fn settle(store: &Store) -> Result<(), StoreError> {
    let mut still = 0;
    let mut before = store.storage_stats().await?.span_files;
    while still < 20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = store.storage_stats().await?.span_files;
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    Ok(())
}

async fn median_lookup(store: &Store, traces: &[TraceId]) -> Result<Duration, StoreError> {
    let mut times = Vec::new();
    for round in 0..2 {
        for trace in traces {
            let begun = Instant::now();
            let found = store.trace(*trace).await?;
            assert!(!found.spans.is_empty(), "a trace that was put in is there");
            if round > 0 {
                times.push(begun.elapsed());
            }
        }
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn since_1970() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as i64)
}

fn bytes_under(dir: std::path::PathBuf) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_under(entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Memory that is really used, of Linux.
fn resident_bytes() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or_default() * 1_024)
}
