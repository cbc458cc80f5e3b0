//! `GET /api/v1/endpoints/{id}/profile`: an endpoint's calls by path for one
//! request, over a window, and beside it what they were in another one.

use axum::Json;
use axum::extract::{Path, State};
use hotspan_analysis::profile_diff::{PathDiff, PathFigures, Presence, profile_diff};
use hotspan_model::{CallTree, UnixNanos};
use hotspan_store::TimeWindow;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Parameters};
use super::time_text;
use super::window::WindowQuery;
use crate::state::AppState;

/// The asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    window: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    before_from: Option<i64>,
    before_to: Option<i64>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    endpoint_id: i64,
    project: String,
    service: String,
    endpoint: String,
    from: String,
    to: String,
    requests: f64,
    before: Option<Before>,
    paths: Vec<PathBody>,
}

#[derive(Debug, Serialize)]
struct Before {
    from: String,
    to: String,
    requests: f64,
}

#[derive(Debug, Serialize)]
struct PathBody {
    path: Vec<String>,
    class: &'static str,
    #[serde(flatten)]
    figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Figures>,
}

/// For one request.
#[derive(Debug, Serialize)]
struct Figures {
    total_ms: f64,
    self_ms: f64,
    calls: f64,
    share_of_requests: f64,
}

/// Answers.
pub(crate) async fn one(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Profile>, ApiError> {
    let missing = || {
        ApiError::missing(
            format!("there is no endpoint {id:?}"),
            "GET /api/v1/endpoints lists the endpoints there are",
        )
    };
    let number: i64 = id.parse().map_err(|_| missing())?;
    let before = before(&asked, state.now())?;
    let Asked { window, from, to, .. } = asked;
    let window = WindowQuery { window, from, to }.resolve(state.now())?;
    let detail = state.store.endpoint_detail(number, window).await?.ok_or_else(missing)?;
    let other = match before {
        None => None,
        Some(before) => {
            let detail = state.store.endpoint_detail(number, before).await?.ok_or_else(missing)?;
            Some((before, detail))
        }
    };
    let nothing = CallTree::default();
    let tree_before = other.as_ref().map_or(&nothing, |(_, detail)| &detail.tree);
    let diff = profile_diff(tree_before, &detail.tree);
    let mut paths = Vec::new();
    diff.roots.iter().for_each(|root| add(root, &mut Vec::new(), other.is_some(), &mut paths));
    let endpoint = detail.row.endpoint;
    Ok(Json(Profile {
        endpoint_id: number,
        project: endpoint.project.to_string(),
        service: endpoint.service.to_string(),
        endpoint: endpoint.name.to_string(),
        from: time_text(window.from),
        to: time_text(window.to),
        requests: detail.row.requests,
        before: other.map(|(window, detail)| Before {
            from: time_text(window.from),
            to: time_text(window.to),
            requests: detail.row.requests,
        }),
        paths,
    }))
}

/// The other window, which needs both its ends.
fn before(asked: &Asked, now: UnixNanos) -> Result<Option<TimeWindow>, ApiError> {
    match (asked.before_from, asked.before_to) {
        (None, None) => Ok(None),
        (Some(from), Some(to)) => {
            let window = WindowQuery { window: None, from: Some(from), to: Some(to) };
            window.resolve(now).map(Some)
        }
        _ => Err(ApiError::parameter(
            "`before_from` and `before_to` belong together",
            "give both, in milliseconds since 1970, or none",
        )),
    }
}

/// A path and those below it, parents first. Trees are capped before they are
/// stored, so the walk does not go deep.
fn add(diff: &PathDiff, above: &mut Vec<String>, compared: bool, paths: &mut Vec<PathBody>) {
    above.push(diff.name.to_string());
    paths.push(PathBody {
        path: above.clone(),
        class: diff.class.slug(),
        figures: figures(&diff.after),
        presence: compared.then(|| presence(diff.presence)),
        before: compared.then(|| figures(&diff.before)),
    });
    diff.children.iter().for_each(|child| add(child, above, compared, paths));
    above.pop();
}

fn figures(figures: &PathFigures) -> Figures {
    Figures {
        total_ms: figures.total_ns / 1e6,
        self_ms: figures.self_ns / 1e6,
        calls: figures.calls,
        share_of_requests: figures.share_of_requests,
    }
}

fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Both => "both",
        Presence::New => "new",
        Presence::Gone => "gone",
        Presence::Unsure => "unsure",
    }
}
