//! `GET /`: home.

use hotspan_model::IssueStatus;
use hotspan_store::{EndpointRow, Filter, IssueFilter};

use super::view::connect::Connect;
use super::view::endpoints::{Column, Endpoints, endpoints};
use super::visit::{PageError, Shown, Visit};
use crate::config::PublicUrls;
use crate::parts::table::Sorting;

/// States in which an issue still costs time.
pub(crate) const ALIVE: [IssueStatus; 4] =
    [IssueStatus::Open, IssueStatus::FixClaimed, IssueStatus::NotFixed, IssueStatus::Regressed];

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let list = store.endpoints(visit.window(), &Filter::default()).await.map_err(fail)?;
    let living = IssueFilter { statuses: ALIVE.to_vec(), ..IssueFilter::default() };
    let costly = store.issues(visit.window(), &living).await.map_err(fail)?;
    let worst = costly.into_iter().find(|issue| issue.wall_ns > 0);
    let connect = match list.rows.is_empty() {
        true if store.services().await.map_err(fail)?.is_empty() => {
            Some(how_to_connect(&visit).await?)
        }
        _ => None,
    };
    let filter = visit.param("q").trim().to_owned();
    let all = list.rows.len();
    let rows = list.rows.into_iter().filter(|row| passes(row, &filter)).collect();
    let sorting = Sorting::of(&visit.frame.here, Column::Lost);
    let as_of = list.as_of;
    Ok(endpoints(&visit.frame, Endpoints { worst, rows, all, filter, sorting, as_of, connect }))
}

/// Every word of the filter is in the endpoint's name or service.
fn passes(row: &EndpointRow, filter: &str) -> bool {
    let text = format!("{} {}", row.endpoint.name, row.endpoint.service).to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

async fn how_to_connect(visit: &Visit) -> Result<Connect, PageError> {
    let config = &visit.state.config;
    let projects = visit.state.catalogue.projects().await.map_err(|error| visit.failed(&error))?;
    let (id, key) = projects.first().map_or((1, ""), |project| (project.id, project.key.as_str()));
    Ok(connect(&config.urls, config.https, config.keys_required, &visit.host, id, key))
}

/// Addresses as the browser would reach them: its own name for this host, and
/// the ports that the listeners have.
fn connect(
    urls: &PublicUrls,
    https: bool,
    keys_required: bool,
    host: &str,
    id: i64,
    key: &str,
) -> Connect {
    let scheme = if https { "https" } else { "http" };
    let host = if host.is_empty() { authority(&urls.ui) } else { host };
    Connect {
        dsn: format!("{scheme}://{key}@{host}/{id}"),
        otlp_grpc: with_name(&urls.otlp_grpc, host),
        otlp_http: with_name(&urls.otlp_http, host),
        keys_required,
    }
}

/// Host and port of an address.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// The same address under the name that `host` has, whose own port is left out.
fn with_name(url: &str, host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let old = authority(url);
    match (url.split_once("://"), old.rsplit_once(':')) {
        (Some((scheme, _)), Some((_, port))) if !name.is_empty() => {
            format!("{scheme}://{name}:{port}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_copy_have_the_name_that_the_browser_used() {
        let urls = PublicUrls {
            ui: "http://127.0.0.1:4319".into(),
            otlp_grpc: "http://127.0.0.1:4317".into(),
            otlp_http: "http://127.0.0.1:4318".into(),
        };
        for (host, https, dsn, otlp) in [
            ("localhost:4319", false, "http://k@localhost:4319/1", "http://localhost:4318"),
            ("apm.example", true, "https://k@apm.example/1", "http://apm.example:4318"),
            ("[::1]:9000", false, "http://k@[::1]:9000/1", "http://[::1]:4318"),
            ("[::1]", false, "http://k@[::1]/1", "http://[::1]:4318"),
            ("", false, "http://k@127.0.0.1:4319/1", "http://127.0.0.1:4318"),
        ] {
            let found = connect(&urls, https, false, host, 1, "k");
            assert_eq!((found.dsn.as_str(), found.otlp_http.as_str()), (dsn, otlp), "{host}");
        }
    }
}
