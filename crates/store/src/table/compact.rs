//! Compaction: small files of one start hour become one, without copies.
//!
//! Files of like size are put together, so that each span is rewritten once
//! or twice in its life. One merge runs at a time and lets flushes go first.
//! The manifest changes in one transaction; a crash leaves either the old
//! files or the new one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hotspan_model::UnixNanos;
use tracing::{debug, info};

use super::SpanTable;
use super::file::{EXTENSION, FileWriter, Target};
use super::files::SpanFile;
use super::lookup::Unreadable;
use super::merge::{Keep, MergeError, Merged, merge};
use crate::book::removed;
use crate::book::rows::ManifestFile;
use crate::clock::now;
use crate::{Part, StoreError};

/// Files merged at once.
pub(super) const INPUTS_MAX: usize = 16;
/// A file joins others that together have at least this part of its rows: a
/// few late spans do not make a large file be written again.
const LIKE_SIZE: u64 = 4;
/// After this an hour gets no new files but those of late spans.
const HOUR_SETTLES_NS: i64 = 15 * hotspan_model::time::NANOS_PER_MINUTE;
const HOUR_NS: i64 = 60 * hotspan_model::time::NANOS_PER_MINUTE;
/// How long a merge waits at a time while spans are being written.
const GIVE_WAY: Duration = Duration::from_millis(5);
/// How often it waits at most before it goes on all the same.
const GIVE_WAY_MAX: u32 = 400;

/// When files are put together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompactLimits {
    /// Files of like size that make a merge worth it while their hour still
    /// gets spans; 0 for no merges at all.
    pub(crate) files_min: usize,
    /// Spans that a merge should come to; half as many are enough for a file
    /// not to be merged any more. No merge makes more than twice as many.
    pub(crate) spans: u64,
}

impl SpanTable {
    /// Merges the files that are most worth it; false when none are.
    pub(crate) async fn compact_once(
        self: &Arc<Self>,
        limits: &CompactLimits,
        at: UnixNanos,
    ) -> Result<bool, StoreError> {
        let files = self.lock().files.clone();
        let Some(chosen) = choose(&files, limits, at) else { return Ok(false) };
        drop(files);
        let table = Arc::clone(self);
        tokio::task::spawn_blocking(move || table.compact(&chosen)).await??;
        Ok(true)
    }

    fn compact(self: &Arc<Self>, files: &[Arc<SpanFile>]) -> Result<(), StoreError> {
        let Some(first) = files.first() else { return Ok(()) };
        let began = Instant::now();
        let target = Target::in_hour(first.hour, self.fresh_name("m"));
        let Some((added, merged)) = self.rewrite(files, Keep::All, target)? else { return Ok(()) };
        info!(
            files = files.len(),
            spans = merged.kept,
            copies = merged.copies,
            "put span files together"
        );
        let written = added.iter().map(|file| file.bytes).sum();
        let (read, made) = (files.iter().map(|file| file.bytes).sum(), added.len() as u64);
        self.replace(files, added, &[(removed::COPIES, merged.copies)])?;
        let meters = &self.place.meters.compaction;
        meters.time.observe_duration(began.elapsed());
        meters.files_in.add(files.len() as u64);
        meters.files_out.add(made);
        meters.bytes_in.add(read);
        meters.bytes_out.add(written);
        meters.copies.add(merged.copies);
        Ok(())
    }

    /// A name that no file has had: from the clock, moved on where the clock
    /// went back.
    pub(super) fn fresh_name(&self, kind: &str) -> String {
        let mut state = self.lock();
        state.last_name = now().0.max(state.last_name + 1);
        format!("{kind}{:020}{EXTENSION}", state.last_name)
    }

    /// Writes what is kept of files into a new one; `None` when one of them
    /// turned out to be damaged, which is set aside.
    pub(super) fn rewrite(
        self: &Arc<Self>,
        files: &[Arc<SpanFile>],
        keep: Keep<'_>,
        target: Target,
    ) -> Result<Option<(Vec<ManifestFile>, Merged)>, StoreError> {
        self.effort.of(Part::Compaction, || self.rewrite_now(files, keep, target))
    }

    fn rewrite_now(
        self: &Arc<Self>,
        files: &[Arc<SpanFile>],
        keep: Keep<'_>,
        target: Target,
    ) -> Result<Option<(Vec<ManifestFile>, Merged)>, StoreError> {
        let mut out = FileWriter::create(&*self.place.disk, &self.place.data_dir, target)?;
        match merge(files, keep, &mut out, &mut || self.give_way()) {
            Ok(merged) => Ok(Some((out.finish()?.into_iter().collect(), merged))),
            Err(MergeError::Input(nth, Unreadable(reason))) => {
                out.abandon();
                self.set_aside(&files[nth], reason);
                Ok(None)
            }
            Err(MergeError::Other(error)) => {
                out.abandon();
                Err(error)
            }
        }
    }

    /// Puts `added` in the place of `files`, first in the manifest. Queries
    /// that read the old files still may.
    pub(super) fn replace(
        self: &Arc<Self>,
        files: &[Arc<SpanFile>],
        added: Vec<ManifestFile>,
        tallies: &[(&str, u64)],
    ) -> Result<(), StoreError> {
        let removed: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        self.book.replace_files(&added, &removed, tallies)?;
        let mut state = self.lock();
        state.files.retain(|file| !removed.contains(&file.path));
        state.damaged.retain(|aside| !removed.contains(&aside.file.path));
        state.files.extend(added.into_iter().map(|file| SpanFile::new(&self.place, file)));
        files.iter().for_each(|file| file.let_go());
        Ok(())
    }

    /// Lets spans that wait to be written go first. An error when the table
    /// is closing.
    fn give_way(&self) -> Result<(), StoreError> {
        for _ in 0..GIVE_WAY_MAX {
            if *self.closing.borrow() {
                return Err(StoreError::Closed);
            }
            if self.lock().flushing.is_none() {
                break;
            }
            thread::sleep(GIVE_WAY);
        }
        Ok(())
    }
}

/// The files to put together next: of the oldest hour where it is worth it.
fn choose(
    files: &[Arc<SpanFile>],
    limits: &CompactLimits,
    at: UnixNanos,
) -> Option<Vec<Arc<SpanFile>>> {
    let mut hours: BTreeMap<i64, Vec<&Arc<SpanFile>>> = BTreeMap::new();
    let is_small = |file: &&Arc<SpanFile>| file.rows < limits.spans / 2 && !file.is_evidence();
    for file in files.iter().filter(is_small) {
        hours.entry(file.hour).or_default().push(file);
    }
    hours.into_iter().find_map(|(hour, mut small)| {
        let end = hour.saturating_add(1).saturating_mul(HOUR_NS);
        let is_settled = end.saturating_add(HOUR_SETTLES_NS) < at.0;
        let files_min = if is_settled { 2 } else { limits.files_min.max(2) };
        small.sort_by_key(|file| (file.rows, file.path.clone()));
        let rows: Vec<u64> = small.iter().map(|file| file.rows).collect();
        let count = how_many(&rows, files_min, limits.spans);
        debug!(hour, small = small.len(), chosen = count, "looked for files to merge");
        (count > 0).then(|| small.into_iter().take(count).cloned().collect())
    })
}

/// How many of the smallest files to put together, by their rows, smallest
/// first: as long as none is far larger than those before it, and no more than
/// make a file that is large enough to stay as it is. 0 while they are too few.
///
/// So files that flushes make at full speed, of which a handful is enough, wait
/// until their hour is over: they are asked one by one within milliseconds, and
/// to merge them as they come would take a fifth of the CPU and a hundred
/// megabytes just when there is least of both.
fn how_many(sizes: &[u64], files_min: usize, spans: u64) -> usize {
    let (mut count, mut rows) = (0, 0u64);
    for size in sizes {
        let is_alike = count == 0 || *size <= rows.saturating_mul(LIKE_SIZE);
        if !is_alike || count == INPUTS_MAX || rows >= spans {
            break;
        }
        rows += size;
        count += 1;
    }
    if count >= files_min { count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_files_are_put_together() {
        let many = [10; 20];
        for (sizes, files_min, expected) in [
            (&[10; 8][..], 8, 8),
            (&[10; 7], 8, 0),
            (&many, 8, INPUTS_MAX),
            // Files of flushes at full speed, as they come and when no more do.
            (&[100; 9], 8, 0),
            (&[100; 9], 2, 5),
            // An hour that gets no more spans.
            (&[10, 12], 2, 2),
            (&[1, 400], 2, 0),
            (&[499], 2, 0),
            (&[], 2, 0),
        ] {
            assert_eq!(how_many(sizes, files_min, 500), expected, "{sizes:?} {files_min}");
        }
    }
}
