//! The life of an issue as the API tells it: history, comparison, deploys; and
//! `POST /api/v1/issues/{id}/state`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use hotspan_model::comparison::{Comparison, SideFigures};
use hotspan_model::life::{Deploy, Ignored, Progress, StateChange, Verification};
use hotspan_store::Acted;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, JsonBody};
use super::{millis, time_text};
use crate::action::{Wish, act};
use crate::state::AppState;

/// One change of state.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeBody {
    at: String,
    from: &'static str,
    to: &'static str,
    reason: &'static str,
    actor: Option<String>,
    release: Option<String>,
    comparison: Option<ComparisonBody>,
}

/// The latest comparison.
#[derive(Debug, Serialize)]
pub(crate) struct VerificationBody {
    origin: &'static str,
    release: Option<String>,
    started: String,
    checked: String,
    progress: &'static str,
    needs: Option<NeedsBody>,
    comparison: Option<ComparisonBody>,
}

#[derive(Debug, Serialize)]
struct NeedsBody {
    requests: u64,
    minutes: u64,
    before: bool,
}

#[derive(Debug, Serialize)]
struct ComparisonBody {
    before: SideBody,
    after: SideBody,
    share_after_max: f64,
    share_gone: f64,
    latency: &'static str,
    confidence: f64,
}

#[derive(Debug, Serialize)]
struct SideBody {
    from: Option<String>,
    to: Option<String>,
    share_of_wall: f64,
    p95_ms: f64,
    requests: f64,
    samples: u64,
    samples_affected: u64,
    minutes: u64,
}

/// How long an issue is ignored.
#[derive(Debug, Serialize)]
pub(crate) struct IgnoredBody {
    until: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_lost_a_day_ms: Option<f64>,
}

/// A release that went out.
#[derive(Debug, Serialize)]
pub(crate) struct DeployBody {
    project: String,
    service: String,
    release: String,
    environment: Option<String>,
    at: String,
    source: &'static str,
}

/// What may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    state: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    until: String,
}

/// Changes the state of an issue: 204, or why not.
pub(crate) async fn set_state(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<StatusCode, ApiError> {
    let missing = || {
        ApiError::missing(
            format!("there is no issue {id:?}"),
            "GET /api/v1/issues lists the issues there are",
        )
    };
    let number: i64 = id.parse().map_err(|_| missing())?;
    let wish = Wish { state: asked.state, release: asked.release, until: asked.until };
    match act(&state, &headers, number, &wish).await? {
        Acted::Done => Ok(StatusCode::NO_CONTENT),
        Acted::NoSuchIssue => Err(missing()),
        Acted::NotFrom(status) => Err(ApiError::new(
            StatusCode::CONFLICT,
            format!("an issue that is `{}` cannot become `{}`", status.slug(), wish.state),
            "GET /api/v1/issues/{id} tells the state it is in",
        )),
    }
}

pub(crate) fn change_body(change: StateChange) -> ChangeBody {
    ChangeBody {
        at: time_text(change.at),
        from: change.from.slug(),
        to: change.to.slug(),
        reason: change.reason.slug(),
        actor: told(change.actor),
        release: told(change.release),
        comparison: change.comparison.map(comparison_body),
    }
}

pub(crate) fn verification_body(verification: Verification) -> VerificationBody {
    let needs = match verification.progress {
        Progress::Waiting(needs) => Some(NeedsBody {
            requests: needs.requests,
            minutes: needs.minutes,
            before: needs.before,
        }),
        _ => None,
    };
    VerificationBody {
        origin: verification.origin.slug(),
        release: told(verification.release),
        started: time_text(verification.started),
        checked: time_text(verification.checked),
        progress: verification.progress.slug(),
        needs,
        comparison: verification.comparison.map(comparison_body),
    }
}

fn comparison_body(comparison: Comparison) -> ComparisonBody {
    ComparisonBody {
        before: side_body(&comparison.before),
        after: side_body(&comparison.after),
        share_after_max: comparison.share_after_max,
        share_gone: comparison.share_gone,
        latency: comparison.latency.slug(),
        confidence: comparison.confidence,
    }
}

fn side_body(side: &SideFigures) -> SideBody {
    let known = |time| (side.samples > 0).then(|| time_text(time));
    SideBody {
        from: known(side.from),
        to: known(side.to),
        share_of_wall: side.share,
        p95_ms: millis(side.p95_ns),
        requests: side.requests,
        samples: side.samples,
        samples_affected: side.samples_affected,
        minutes: side.minutes,
    }
}

pub(crate) fn ignored_body(ignored: Ignored) -> IgnoredBody {
    let (until, at, time_lost_a_day_ms) = match ignored {
        Ignored::Forever => ("forever", None, None),
        Ignored::UntilGrown { day_wall_ns } => ("grown", None, Some(millis(day_wall_ns))),
        Ignored::Until(at) => ("date", Some(time_text(at)), None),
    };
    IgnoredBody { until, at, time_lost_a_day_ms }
}

pub(crate) fn deploy_body(deploy: Deploy) -> DeployBody {
    DeployBody {
        project: deploy.project,
        service: deploy.service,
        release: deploy.release,
        environment: told(deploy.environment),
        at: time_text(deploy.at),
        source: deploy.source.slug(),
    }
}

/// What was not told is null.
fn told(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
