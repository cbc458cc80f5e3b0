//! `GET /api/v1/issues` and `/api/v1/issues/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use hotspan_model::issue::{DayLoss, Occurrence};
use hotspan_model::{Cause, Class, Fix, Issue, IssueStatus};
use hotspan_store::{IssueDetail, IssueFilter};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Parameters};
use super::life::{
    ChangeBody, DeployBody, IgnoredBody, VerificationBody, change_body, deploy_body, ignored_body,
    verification_body,
};
use super::window::WindowQuery;
use super::{millis, time_text};
use crate::state::AppState;

/// The parameters of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    window: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    project: Option<String>,
    service: Option<String>,
    endpoint_id: Option<i64>,
    class: Option<String>,
    status: Option<String>,
}

/// The list.
#[derive(Debug, Serialize)]
pub(crate) struct Issues {
    from: String,
    to: String,
    issues: Vec<IssueBody>,
}

/// One issue with its figures over the window.
#[derive(Debug, Serialize)]
pub(crate) struct IssueBody {
    id: i64,
    detector: String,
    class: &'static str,
    family: String,
    subject: String,
    project: String,
    service: String,
    endpoint: String,
    endpoint_id: i64,
    status: &'static str,
    state_since: String,
    ignored: Option<IgnoredBody>,
    verification: Option<VerificationBody>,
    history: Vec<ChangeBody>,
    occurrences: u64,
    requests: f64,
    requests_affected: f64,
    lookups: f64,
    calls: f64,
    lookups_per_request: f64,
    calls_per_request: f64,
    at_least: bool,
    share_of_wall: f64,
    time_lost_ms: f64,
    hidden_ms: f64,
    cause: CauseBody,
    fix: Vec<FixBody>,
    templates: Vec<String>,
    first_seen: String,
    last_seen: String,
}

#[derive(Debug, Serialize)]
struct CauseBody {
    code: String,
    confidence: &'static str,
    text: String,
    facts: Vec<FactBody>,
}

#[derive(Debug, Serialize)]
struct FactBody {
    figure: String,
    says: String,
}

#[derive(Debug, Serialize)]
struct FixBody {
    kind: &'static str,
    language: &'static str,
    title: String,
    snippet: String,
    note: String,
}

/// One issue and its evidence.
#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    from: String,
    to: String,
    issue: IssueBody,
    evidence: Vec<OccurrenceBody>,
    days: Vec<DayBody>,
    others: Vec<IssueBody>,
    deploys: Vec<DeployBody>,
}

#[derive(Debug, Serialize)]
struct OccurrenceBody {
    trace_id: String,
    entry_span: String,
    start: String,
    duration_ms: f64,
    time_lost_ms: f64,
    lookups: f64,
    calls: f64,
    spans: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DayBody {
    day: String,
    time_lost_ms: f64,
    occurrences: f64,
}

/// Answers the list.
pub(crate) async fn list(
    State(state): State<AppState>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Issues>, ApiError> {
    let filter = filter_of(&asked)?;
    let Asked { window, from, to, .. } = asked;
    let window = WindowQuery { window, from, to }.resolve(state.now())?;
    let issues = state.store.issues(window, &filter).await?;
    Ok(Json(Issues {
        from: time_text(window.from),
        to: time_text(window.to),
        issues: issues.into_iter().map(issue_body).collect(),
    }))
}

/// Answers one issue.
pub(crate) async fn one(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Parameters(window): Parameters<WindowQuery>,
) -> Result<Json<Detail>, ApiError> {
    let missing = || {
        ApiError::missing(
            format!("there is no issue {id:?}"),
            "GET /api/v1/issues lists the issues there are",
        )
    };
    let number: i64 = id.parse().map_err(|_| missing())?;
    let window = window.resolve(state.now())?;
    let detail = state.store.issue(number, window).await?.ok_or_else(missing)?;
    let IssueDetail { issue, occurrences, days, others, deploys } = detail;
    Ok(Json(Detail {
        from: time_text(window.from),
        to: time_text(window.to),
        issue: issue_body(issue),
        evidence: occurrences.into_iter().map(occurrence_body).collect(),
        days: days.into_iter().map(day_body).collect(),
        others: others.into_iter().map(issue_body).collect(),
        deploys: deploys.into_iter().map(deploy_body).collect(),
    }))
}

fn filter_of(asked: &Asked) -> Result<IssueFilter, ApiError> {
    let class = asked.class.as_deref().map(|slug| {
        Class::from_slug(slug).ok_or_else(|| {
            let known: Vec<&str> = Class::ALL.into_iter().map(Class::slug).collect();
            ApiError::parameter(
                format!("`class` {slug:?} is unknown"),
                format!("use one of {}", known.join(", ")),
            )
        })
    });
    let status = |slug: &str| {
        IssueStatus::from_slug(slug).ok_or_else(|| {
            let known: Vec<&str> = IssueStatus::ALL.into_iter().map(IssueStatus::slug).collect();
            ApiError::parameter(
                format!("`status` {slug:?} is unknown"),
                format!("use one or more of {}, with commas between", known.join(", ")),
            )
        })
    };
    let statuses = asked
        .status
        .iter()
        .flat_map(|slugs| slugs.split(','))
        .map(status)
        .collect::<Result<_, _>>()?;
    Ok(IssueFilter {
        project: asked.project.clone(),
        service: asked.service.clone(),
        endpoint_id: asked.endpoint_id,
        class: class.transpose()?,
        statuses,
    })
}

/// The one shape of an issue, wherever it appears.
fn issue_body(issue: Issue) -> IssueBody {
    IssueBody {
        lookups_per_request: issue.lookups_per_request(),
        calls_per_request: issue.calls_per_request(),
        share_of_wall: issue.share_of_wall(),
        time_lost_ms: millis(issue.wall_ns),
        hidden_ms: millis(issue.hidden_ns),
        first_seen: time_text(issue.first_seen),
        last_seen: time_text(issue.last_seen),
        project: issue.endpoint.project.to_string(),
        service: issue.endpoint.service.to_string(),
        endpoint: issue.endpoint.name.to_string(),
        id: issue.id,
        detector: issue.detector,
        class: issue.class.slug(),
        family: issue.family,
        subject: issue.subject,
        endpoint_id: issue.endpoint_id,
        status: issue.status.slug(),
        state_since: time_text(issue.life.since),
        ignored: issue.life.ignored.map(ignored_body),
        verification: issue.life.verification.map(verification_body),
        history: issue.life.history.into_iter().map(change_body).collect(),
        occurrences: issue.occurrences,
        requests: issue.requests,
        requests_affected: issue.requests_affected,
        lookups: issue.lookups,
        calls: issue.calls,
        at_least: issue.at_least,
        cause: cause_body(issue.cause),
        fix: issue.fixes.into_iter().map(fix_body).collect(),
        templates: issue.templates,
    }
}

fn cause_body(cause: Cause) -> CauseBody {
    let fact = |(figure, says)| FactBody { figure, says };
    CauseBody {
        code: cause.code,
        confidence: cause.confidence.slug(),
        text: cause.text,
        facts: cause.facts.into_iter().map(fact).collect(),
    }
}

fn fix_body(fix: Fix) -> FixBody {
    FixBody {
        kind: fix.kind.slug(),
        language: fix.language.slug(),
        title: fix.title,
        snippet: fix.snippet,
        note: fix.note,
    }
}

fn occurrence_body(occurrence: Occurrence) -> OccurrenceBody {
    OccurrenceBody {
        trace_id: occurrence.trace_id.to_string(),
        entry_span: occurrence.entry_span.to_string(),
        start: time_text(occurrence.start),
        duration_ms: millis(occurrence.duration_ns),
        time_lost_ms: millis(occurrence.wall_ns),
        lookups: occurrence.lookups,
        calls: occurrence.calls,
        spans: occurrence.evidence.iter().map(ToString::to_string).collect(),
    }
}

fn day_body(loss: DayLoss) -> DayBody {
    let start = hotspan_model::UnixNanos(loss.day.saturating_mul(86_400_000_000_000));
    let (year, month, day, ..) = start.civil();
    DayBody {
        day: format!("{year:04}-{month:02}-{day:02}"),
        time_lost_ms: millis(loss.wall_ns),
        occurrences: loss.occurrences,
    }
}
