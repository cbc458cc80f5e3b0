//! What the disk itself can do: appends made durable, as the log makes them.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Nanoseconds of `times` appends of `bytes`, each with its own `fdatasync`.
pub(crate) fn synced_appends(
    folder: &Path,
    bytes: usize,
    times: usize,
) -> anyhow::Result<Vec<u64>> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path)?;
    let block = vec![0xA5; bytes];
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(began.elapsed().as_nanos() as u64);
    }
    std::fs::remove_file(&path)?;
    Ok(took)
}
