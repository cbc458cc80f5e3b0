//! Questions to the span table, answered through DataFusion.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, col, lit};
use hotspan_model::{Span, TraceId, UnixNanos};

use super::by_trace;
use super::copies::each_once;
use super::lookup::Footers;
use super::rows::{self, Row};
use super::scan::SnapshotTable;
use super::{Snapshot, SpanTable};
use crate::{Filter, StoreConfig, StoreError, TimeWindow, TraceSpans};

/// Bytes of Parquet footers kept in memory, for queries and for traces by id.
const FOOTER_CACHE_BYTES: usize = 24 << 20;
const TRACE_FOOTER_CACHE_BYTES: usize = 8 << 20;

/// Which entry spans come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryOrder {
    /// The longest.
    Slowest,
    /// Those that began last.
    Newest,
}

/// Runs queries over the span table, all within one bound of memory.
pub(crate) struct Reader {
    context: SessionContext,
    footers: Arc<Footers>,
    data_dir: PathBuf,
    timeout: Duration,
    trace_spans_max: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(config: &StoreConfig, data_dir: PathBuf) -> Result<Self, StoreError> {
        // Queries that do not fit are refused, not spilled: the disk belongs
        // to what is kept.
        let no_spilling = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(config.query_memory_bytes, 1.0)
            .with_metadata_cache_limit(FOOTER_CACHE_BYTES)
            .with_disk_manager_builder(no_spilling)
            .build_arc()?;
        let context = SessionContext::new_with_config_rt(SessionConfig::new(), runtime);
        Ok(Self {
            context,
            footers: Arc::new(Footers::new(TRACE_FOOTER_CACHE_BYTES)),
            data_dir,
            timeout: config.query_timeout,
            trace_spans_max: config.trace_spans_max,
        })
    }

    /// Every span of a trace, each once, by start.
    pub(crate) async fn trace(
        &self,
        table: &Arc<SpanTable>,
        trace_id: TraceId,
    ) -> Result<TraceSpans, StoreError> {
        let snapshot = table.snapshot()?;
        let (table, footers) = (Arc::clone(table), Arc::clone(&self.footers));
        let (timeout, spans_max) = (self.timeout, self.trace_spans_max);
        tokio::task::spawn_blocking(move || {
            let (rows, whole) =
                by_trace::rows_of(&table, &snapshot, &footers, trace_id, (spans_max + 1, timeout))?;
            let whole = whole && rows.len() <= spans_max;
            let mut spans: Vec<_> = each_once(rows).map(|row| (row.project, row.span)).collect();
            spans.sort_by_key(|(_, span)| (span.start, std::cmp::Reverse(span.end), span.span_id));
            spans.truncate(spans_max);
            Ok(TraceSpans { spans, complete: whole })
        })
        .await?
    }

    /// The first `n` entry spans of a window.
    pub(crate) async fn entry_spans(
        &self,
        table: &Arc<SpanTable>,
        window: TimeWindow,
        filter: &Filter,
        order: EntryOrder,
        n: usize,
    ) -> Result<Vec<(Arc<str>, Span)>, StoreError> {
        // Copies take up places; when they took so many that too few are left,
        // a longer list is asked for.
        let mut limit = n.saturating_mul(2).max(1);
        loop {
            let wanted = is_entry_in(window, filter);
            let sorted = match order {
                EntryOrder::Slowest => col("duration_ns").sort(false, false),
                EntryOrder::Newest => col("start").sort(false, false),
            };
            let rows = self
                .rows(table, |spans| {
                    let (wanted, sorted) = (wanted.clone(), sorted.clone());
                    spans.filter(wanted)?.sort(vec![sorted])?.limit(0, Some(limit))
                })
                .await?;
            let is_all = rows.len() < limit;
            let spans: Vec<_> =
                each_once(rows).take(n).map(|row| (row.project, row.span)).collect();
            if is_all || spans.len() >= n {
                return Ok(spans);
            }
            limit = limit.saturating_mul(4);
        }
    }

    /// Every row there is, copies included.
    #[cfg(test)]
    pub(crate) async fn every_row(&self, table: &Arc<SpanTable>) -> Result<Vec<Span>, StoreError> {
        let rows = self.rows(table, Ok).await?;
        Ok(rows.into_iter().map(|row| row.span).collect())
    }

    /// Runs a query that keeps all columns, and reads its rows.
    async fn rows(
        &self,
        table: &Arc<SpanTable>,
        query: impl Fn(DataFrame) -> Result<DataFrame, DataFusionError>,
    ) -> Result<Vec<Row>, StoreError> {
        let batches = self.readable_batches(table, query).await?;
        tokio::task::spawn_blocking(move || {
            let rows: Result<Vec<_>, _> = batches.iter().map(rows::read).collect();
            Ok(rows?.into_iter().flatten().collect())
        })
        .await?
    }

    /// Runs a query over everything that can be read: when it fails over a
    /// damaged file, that is set aside and the query tried again.
    async fn readable_batches(
        &self,
        table: &Arc<SpanTable>,
        query: impl Fn(DataFrame) -> Result<DataFrame, DataFusionError>,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        loop {
            let snapshot = table.snapshot()?;
            let files = snapshot.files.clone();
            match self.batches(snapshot, &query).await {
                Err(StoreError::FileDamage(reason)) => {
                    let table = Arc::clone(table);
                    if !tokio::task::spawn_blocking(move || table.set_damaged_aside(&files)).await?
                    {
                        return Err(StoreError::FileDamage(reason));
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Runs a query within the time limit. The files it reads stay on disk as
    /// long as the snapshot holds them.
    async fn batches(
        &self,
        snapshot: Snapshot,
        query: impl FnOnce(DataFrame) -> Result<DataFrame, DataFusionError>,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let table = SnapshotTable { data_dir: self.data_dir.clone(), snapshot };
        let spans = self.context.read_table(Arc::new(table))?;
        self.in_time(query(spans)?.collect()).await
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, DataFusionError>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(StoreError::QueryTimeout(self.timeout)),
        }
    }
}

fn is_entry_in(window: TimeWindow, filter: &Filter) -> Expr {
    let instant = |time: UnixNanos| {
        lit(ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())))
    };
    let mut wanted = col("is_entry")
        .eq(lit(true))
        .and(col("start").gt_eq(instant(window.from)))
        .and(col("start").lt(instant(window.to)));
    if let Some(project) = &filter.project {
        wanted = wanted.and(col("project").eq(lit(project.as_str())));
    }
    if let Some(service) = &filter.service {
        wanted = wanted.and(col("service").eq(lit(service.as_str())));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_ended() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let query_timeout = Duration::from_millis(1);
        let config = StoreConfig { query_timeout, ..StoreConfig::default() };
        let reader = Reader::new(&config, dir.path().to_owned()).expect("a reader");
        let never = std::future::pending::<Result<(), DataFusionError>>();
        let error = reader.in_time(never).await.expect_err("it never ends");
        expect_test::expect!["span query took longer than 1ms: ask for a shorter time window"]
            .assert_eq(&error.to_string());
    }
}
