//! `POST /api/v1/deploys`: somebody tells that a release went out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hotspan_model::UnixNanos;
use hotspan_model::life::{Deploy, DeploySource};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_store::{BookError, DEFAULT_PROJECT, StoreError};
use serde::Deserialize;

use super::error::{ApiError, JsonBody};
use super::life::{DeployBody, deploy_body};
use crate::action::name;
use crate::state::AppState;

/// A deploy may be told this long before this server's clock has come so far.
const FUTURE_NS_MAX: i64 = 10 * NANOS_PER_MINUTE;
/// A deploy may be told this long after it happened.
const PAST_NS_MAX: i64 = 30 * 24 * 60 * NANOS_PER_MINUTE;

/// What is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    service: String,
    release: String,
    project: Option<String>,
    #[serde(default)]
    environment: String,
    at: Option<String>,
}

/// Keeps it: 201, or 200 when it is known already.
pub(crate) async fn tell(
    State(state): State<AppState>,
    JsonBody(told): JsonBody<Told>,
) -> Result<(StatusCode, Json<DeployBody>), ApiError> {
    let now = state.now();
    let deploy = Deploy {
        project: name("project", told.project.as_deref().unwrap_or(DEFAULT_PROJECT))?,
        service: required("service", &told.service)?,
        release: required("release", &told.release)?,
        environment: name("environment", &told.environment)?,
        at: moment(told.at.as_deref(), now)?,
        source: DeploySource::Told,
    };
    if state.catalogue.project_by_name(&deploy.project).await?.is_none() {
        return Err(ApiError::missing(
            format!("there is no project {:?}", deploy.project),
            "give the project that the service's spans belong to",
        ));
    }
    let is_new = match state.store.add_deploy(deploy.clone()).await {
        Ok(is_new) => is_new,
        Err(StoreError::Book(BookError::Refused(why))) => {
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                why,
                "tell deploys, not every start of a process",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(deploy_body(deploy))))
}

fn required(field: &str, text: &str) -> Result<String, ApiError> {
    let text = name(field, text)?;
    if text.is_empty() {
        return Err(ApiError::parameter(
            format!("`{field}` is empty"),
            format!("give `{field}` as it is sent with spans"),
        ));
    }
    Ok(text)
}

fn moment(at: Option<&str>, now: UnixNanos) -> Result<UnixNanos, ApiError> {
    let Some(text) = at else { return Ok(now) };
    let at = UnixNanos::parse(text).ok_or_else(|| {
        ApiError::parameter(
            format!("`at` {text:?} is no moment"),
            "give it in UTC, e.g. 2026-11-23T14:02:11Z, or leave it out for now",
        )
    })?;
    if at > now.plus(FUTURE_NS_MAX) || at < now.plus(-PAST_NS_MAX) {
        return Err(ApiError::parameter(
            format!("`at` {text:?} is more than 30 days ago or more than 10 minutes ahead"),
            "tell a deploy when it happens",
        ));
    }
    Ok(at)
}
