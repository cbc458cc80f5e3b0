//! A search from the newest file to the oldest, as far as it has to go.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hotspan_model::UnixNanos;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::cursor::SearchCursor;
use super::footers::Footers;
use super::found::{Collector, Found, Rank};
use super::plan::Plan;
use super::scan::{CallOff, Scan};
use super::{Coverage, Cut, SearchMode, SearchPage, SearchRequest, fetch, file};
use crate::table::SpanTable;
use crate::{StoreConfig, StoreError};

/// Files that all searches together look through at once.
const FILES_AT_ONCE: usize = 2;
/// The longest a search may take; the setting for queries may say less.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(10);

/// Runs searches.
#[derive(Debug)]
pub(crate) struct Searcher {
    data_dir: PathBuf,
    time_max: Duration,
    footers: Arc<Footers>,
    permits: Arc<Semaphore>,
}

impl Searcher {
    pub(crate) fn new(config: &StoreConfig, data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            time_max: config.query_timeout.min(SEARCH_TIME_MAX),
            footers: Arc::default(),
            permits: Arc::new(Semaphore::new(FILES_AT_ONCE)),
        }
    }

    /// One page of hits. Dropping the future stops the work.
    pub(crate) async fn search(
        &self,
        table: &SpanTable,
        request: &SearchRequest,
    ) -> Result<SearchPage, StoreError> {
        let scan = Arc::new(self.scan(table, request)?);
        let call_off = CallOff(Arc::clone(&scan));
        let mut walk = Walk::new(scan, Arc::clone(&self.permits));
        walk.go().await?;
        let page = walk.page(request).await;
        drop(call_off);
        page
    }

    fn scan(&self, table: &SpanTable, request: &SearchRequest) -> Result<Scan, StoreError> {
        let mut window = request.window;
        // What the cursor is past need not be looked at, except to know which
        // traces were shown.
        if let Some(after) = request.after.as_ref().filter(|_| request.mode == SearchMode::Spans) {
            window.to = window.to.min(after.start().plus(1));
        }
        let room = request.limit.max(1).saturating_add(1);
        Ok(Scan {
            plan: Plan::of(&request.filter)?,
            window,
            data_dir: self.data_dir.clone(),
            footers: Arc::clone(&self.footers),
            snapshot: table.snapshot()?,
            deadline: Instant::now() + self.time_max,
            called_off: AtomicBool::new(false),
            found: Mutex::new(Collector::new(request.mode, room, request.after.as_ref())),
        })
    }
}

/// One search on its way.
struct Walk {
    scan: Arc<Scan>,
    permits: Arc<Semaphore>,
    /// Files that may hold hits, by number in the snapshot, newest first.
    files: Vec<usize>,
    /// Files that were not looked through to their end.
    unfinished: Vec<usize>,
    unreadable: u64,
    memory_unfinished: bool,
}

impl Walk {
    fn new(scan: Arc<Scan>, permits: Arc<Semaphore>) -> Self {
        let window = scan.window;
        let all = &scan.snapshot.files;
        let mut files: Vec<usize> = (0..all.len())
            .filter(|nth| all[*nth].start_max >= window.from && all[*nth].start_min < window.to)
            .collect();
        files.sort_by_key(|nth| std::cmp::Reverse((all[*nth].start_max, all[*nth].start_min)));
        let unreadable = scan.snapshot.missing_files;
        Self { scan, permits, files, unfinished: Vec::new(), unreadable, memory_unfinished: false }
    }

    async fn go(&mut self) -> Result<(), StoreError> {
        let scan = Arc::clone(&self.scan);
        self.memory_unfinished =
            !tokio::task::spawn_blocking(move || scan.look_through_memory()).await??;
        let mut running: JoinSet<(usize, Result<bool, StoreError>)> = JoinSet::new();
        let mut next = 0;
        loop {
            while running.len() < FILES_AT_ONCE && next < self.files.len() {
                if self.is_beyond(self.files[next]) {
                    next = self.files.len();
                    break;
                }
                let Some(permit) = self.permit().await else {
                    self.unfinished.extend(self.files.drain(next..));
                    break;
                };
                let (scan, nth) = (Arc::clone(&self.scan), self.files[next]);
                running.spawn_blocking(move || {
                    let _permit: OwnedSemaphorePermit = permit;
                    (nth, file::look_through(&scan, nth))
                });
                next += 1;
            }
            match running.join_next().await {
                None => return Ok(()),
                Some(outcome) => self.note(outcome?),
            }
        }
    }

    /// Leave to work, unless the search is over before it comes.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout_at(self.scan.deadline.into(), permit).await;
        permit.ok()?.ok().filter(|_| !self.scan.is_over())
    }

    /// The file is too old to matter, and so are those after it.
    fn is_beyond(&self, nth: usize) -> bool {
        let start_max = self.start_max(nth);
        self.scan.threshold().is_some_and(|threshold| start_max < threshold)
    }

    fn start_max(&self, nth: usize) -> UnixNanos {
        self.scan.snapshot.files[nth].start_max
    }

    /// A file that cannot be read is told of and left out.
    fn note(&mut self, (nth, outcome): (usize, Result<bool, StoreError>)) {
        match outcome {
            Ok(true) => {}
            Ok(false) => self.unfinished.push(nth),
            Err(error) => {
                let path = &self.scan.snapshot.files[nth].path;
                tracing::error!(path, %error, "a span file was left out of a search");
                self.unreadable += 1;
            }
        }
    }

    /// What was found, with its rows.
    async fn page(self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        let limit = request.limit.max(1);
        let overrun = self.scan.collector().is_overrun();
        let emptied = Collector::new(request.mode, 1, None);
        let mut found = std::mem::replace(&mut *self.scan.collector(), emptied).newest_first();
        let cut = self.cut(&found, limit);
        let mut next = None;
        if let Some(cut) = &cut {
            // Older hits are not all known yet: the next page begins with them.
            found.retain(|(rank, _)| rank.start > cut.back_to);
            let goes_on = request.mode == SearchMode::Spans && cut.back_to >= request.window.from;
            next = goes_on.then(|| SearchCursor::before(cut.back_to.plus(1)));
        }
        if found.len() > limit {
            found.truncate(limit);
            next = found.last().map(|(rank, _)| SearchCursor(rank.clone())).filter(|_| !overrun);
        }
        let coverage =
            Coverage { files: self.files_there(), cut, unreadable_files: self.unreadable };
        let scan = Arc::clone(&self.scan);
        let hits = tokio::task::spawn_blocking(move || fetch::hits(&scan, &found)).await??;
        Ok(SearchPage { hits, next, coverage })
    }

    fn files_there(&self) -> u64 {
        let window = self.scan.window;
        let files = self.scan.snapshot.files.iter();
        files.filter(|file| file.start_max >= window.from && file.start_min < window.to).count()
            as u64
    }

    /// How far the search came, when that was not far enough.
    fn cut(&self, found: &[(Rank, Found)], limit: usize) -> Option<Cut> {
        // A full page needs nothing that is older than its last hit.
        let needed = found.get(limit).map_or(UnixNanos(i64::MIN), |(rank, _)| rank.start);
        let left: Vec<UnixNanos> = self
            .unfinished
            .iter()
            .map(|nth| self.start_max(*nth).min(self.scan.window.to.plus(-1)))
            .filter(|start_max| *start_max >= needed)
            .collect();
        let newest = left.iter().max().copied();
        let back_to = match self.memory_unfinished {
            true => self.scan.window.to.plus(-1),
            false => newest?,
        };
        Some(Cut { back_to, files_left: left.len() as u64 })
    }
}
