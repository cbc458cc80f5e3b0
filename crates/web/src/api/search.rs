//! `GET /api/v1/search`: spans or traces that pass a filter, newest first.

use axum::Json;
use axum::extract::State;
use hotspan_store::search::language::{self, FilterError};
use hotspan_store::{SearchHit, SearchMode, SearchPage, SearchRequest, TimeWindow};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Parameters};
use super::traces::WAIT_MAX;
use super::window::WindowQuery;
use super::{millis, time_text};
use crate::state::AppState;

/// Hits when no number is asked for.
const LIMIT_DEFAULT: usize = 50;
/// Hits at most.
const LIMIT_MAX: usize = 1_000;

/// The parameters.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SearchQuery {
    #[serde(default)]
    q: String,
    mode: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    window: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Search {
    from: String,
    to: String,
    filter: String,
    mode: &'static str,
    hits: Vec<Hit>,
    next: Option<String>,
    stale: bool,
    coverage: CoverageBody,
}

#[derive(Debug, Serialize)]
struct Hit {
    trace_id: String,
    span_id: String,
    project: String,
    service: String,
    name: String,
    kind: &'static str,
    status: &'static str,
    start: String,
    start_us: i64,
    duration_ms: f64,
    entry: bool,
    environment: Option<String>,
    http_status: Option<i32>,
}

/// What was looked through.
#[derive(Debug, Serialize)]
struct CoverageBody {
    complete: bool,
    searched_back_to: Option<String>,
    files: u64,
    files_left: u64,
    unreadable_files: u64,
}

/// Answers.
pub(crate) async fn find(
    State(state): State<AppState>,
    Parameters(query): Parameters<SearchQuery>,
) -> Result<Json<Search>, ApiError> {
    let request = query.request(&state)?;
    let fresh = state.store.wait_applied(state.store.durable(), WAIT_MAX).await;
    let page = state.store.search(&request).await?;
    Ok(Json(Search::of(&request, page, !fresh)))
}

impl SearchQuery {
    fn request(&self, state: &AppState) -> Result<SearchRequest, ApiError> {
        let filter = language::parse(&self.q).map_err(|error| refused(&error))?;
        let mode = mode_of(self.mode.as_deref()).ok_or_else(|| {
            ApiError::parameter("`mode` is not known", "give mode=spans or mode=traces")
        })?;
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::parameter(
                format!("`limit` {limit} is out of range"),
                format!("give 1 to {LIMIT_MAX}"),
            ));
        }
        let after = self.cursor.as_deref().map(str::parse).transpose().map_err(|error| {
            ApiError::parameter(format!("`cursor`: {error}"), "begin again without a cursor")
        })?;
        let window = WindowQuery { window: self.window.clone(), from: self.from, to: self.to };
        Ok(SearchRequest { filter, window: window.resolve(state.now())?, mode, limit, after })
    }
}

impl Search {
    fn of(request: &SearchRequest, page: SearchPage, stale: bool) -> Self {
        let TimeWindow { from, to } = request.window;
        let coverage = page.coverage;
        Self {
            from: time_text(from),
            to: time_text(to),
            filter: request.filter.to_string(),
            mode: match request.mode {
                SearchMode::Spans => "spans",
                SearchMode::Traces => "traces",
            },
            hits: page.hits.into_iter().map(Hit::of).collect(),
            next: page.next.map(|cursor| cursor.to_string()),
            stale,
            coverage: CoverageBody {
                complete: coverage.cut.is_none() && coverage.unreadable_files == 0,
                searched_back_to: coverage.cut.map(|cut| time_text(cut.back_to)),
                files: coverage.files,
                files_left: coverage.cut.map_or(0, |cut| cut.files_left),
                unreadable_files: coverage.unreadable_files,
            },
        }
    }
}

impl Hit {
    fn of(hit: SearchHit) -> Self {
        Self {
            trace_id: hit.trace_id.to_string(),
            span_id: hit.span_id.to_string(),
            project: hit.project.to_string(),
            service: hit.service,
            name: hit.name,
            kind: hit.kind.slug(),
            status: hit.status.slug(),
            start: time_text(hit.start),
            start_us: hit.start.micros(),
            duration_ms: millis(hit.duration_ns),
            entry: hit.is_entry,
            environment: hit.environment,
            http_status: hit.http_status,
        }
    }
}

/// What `?mode=` means; spans when it is not given.
pub(crate) fn mode_of(mode: Option<&str>) -> Option<SearchMode> {
    match mode {
        None | Some("" | "spans") => Some(SearchMode::Spans),
        Some("traces") => Some(SearchMode::Traces),
        Some(_) => None,
    }
}

/// 400 with the place in the filter.
fn refused(error: &FilterError) -> ApiError {
    let remedy = match &error.hint {
        Some(hint) => format!("{hint}; see docs/search.md for the language"),
        None => "see docs/search.md for the language".to_owned(),
    };
    let what = format!(
        "`q` at character {}: found {}, expected {}",
        error.column + 1,
        error.found,
        error.expected
    );
    ApiError::parameter(what, remedy).at(error.column, error.width)
}
