//! `GET /issues/{id}?fix=…`.

use axum::extract::Path;
use hotspan_analysis::flame::{self, Flame};
use hotspan_analysis::waterfall::{Waterfall, WaterfallOptions};
use hotspan_model::TraceId;
use hotspan_model::issue::Occurrence;
use hotspan_model::time::NANOS_PER_MINUTE;

use super::loaded_trace::LoadedTrace;
use super::view::issue::{DAYS, IssuePage, issue};
use super::visit::{PageError, Shown, Visit};

/// Rows of the example: enough for the shape, short enough to read past.
const EXAMPLE_ROWS: usize = 18;

pub(crate) async fn show(Path(id): Path<String>, visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let missing = || {
        visit.missing(
            "No such issue",
            "No issue of this server has this number. The list of issues has all of them.",
        )
    };
    let id: i64 = id.trim_start_matches("HS-").parse().map_err(|_| missing())?;
    let detail = store.issue(id, visit.window()).await.map_err(fail)?.ok_or_else(missing)?;
    let days = visit.back(DAYS * 24 * 60 * NANOS_PER_MINUTE);
    let long = store.issue(id, days).await.map_err(fail)?.ok_or_else(missing)?;
    // Evidence may be older than the chosen window.
    let example = match detail.occurrences.first().or(long.occurrences.first()) {
        Some(occurrence) => example(&visit, occurrence).await?,
        None => None,
    };
    let tree = tree(&visit, detail.issue.endpoint_id).await?;
    let page = IssuePage {
        issue: detail.issue,
        occurrences: detail.occurrences,
        days: long.days,
        deploys: long.deploys,
        others: detail.others,
        example,
        tree,
    };
    Ok(issue(&visit.frame, &page))
}

/// One affected request, drawn; `None` when its spans are gone.
async fn example(
    visit: &Visit,
    occurrence: &Occurrence,
) -> Result<Option<(TraceId, Waterfall)>, PageError> {
    let Some(trace) = LoadedTrace::load(visit, occurrence.trace_id).await? else {
        return Ok(None);
    };
    let options = WaterfallOptions {
        rows_max: EXAMPLE_ROWS,
        within: Some(occurrence.entry_span),
        ..WaterfallOptions::default()
    };
    let drawn = trace.waterfall(&options);
    Ok((!drawn.rows.is_empty()).then_some((occurrence.trace_id, drawn)))
}

async fn tree(visit: &Visit, endpoint_id: i64) -> Result<Option<Flame>, PageError> {
    let detail = visit.state.store.endpoint_detail(endpoint_id, visit.window()).await;
    let detail = detail.map_err(|error| visit.failed(&error))?;
    Ok(detail.map(|detail| flame::layout_tree(&detail.tree)))
}
