//! What watches the agent: metrics for Prometheus, whether it lives, whether
//! it has credentials. On a port of its own, so that a scraper never holds up a
//! lookup and needs no way to the credentials.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::doors::caller::Caller;
use crate::doors::guard;
use crate::doors::serve::Answers;
use crate::ledger::{Ledger, header, line};
use crate::live::{Current, Live};
use crate::status::{self, RoleStatus};

/// Answers on the metrics port.
pub(crate) struct Admin {
    pub(crate) current: Arc<Current>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Answers for Admin {
    async fn answer(&self, request: &Parts, _caller: Caller) -> Response<Full<Bytes>> {
        if guard::refusal(request).is_some() {
            return text(StatusCode::FORBIDDEN, "refused\n".to_owned());
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n".to_owned());
        }
        let live = self.current.get();
        match request.uri.path() {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => readiness(&live),
            "/metrics" => text(StatusCode::OK, self.metrics(&live)),
            _ => text(StatusCode::NOT_FOUND, "see /metrics, /healthz, /readyz\n".to_owned()),
        }
    }
}

/// Ready once every role has credentials to give.
fn readiness(live: &Live) -> Response<Full<Bytes>> {
    let without: Vec<&str> = live
        .roles
        .values()
        .filter(|role| role.view().documents().is_err())
        .map(|role| role.name.as_str())
        .collect();
    match without.as_slice() {
        [] => text(StatusCode::OK, "ready\n".to_owned()),
        names => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            text(status, format!("no credentials for {}\n", names.join(", ")))
        }
    }
}

impl Admin {
    fn metrics(&self, live: &Live) -> String {
        let mut out = String::with_capacity(4 * 1_024);
        self.ledger.metrics(&mut out);
        let roles: Vec<RoleStatus> =
            live.roles.values().map(|role| status::of_role(role)).collect();
        let mut family = |name: &str, kind, help, value: &dyn Fn(&RoleStatus) -> Option<i64>| {
            header(&mut out, name, kind, help);
            for role in &roles {
                if let Some(value) = value(role) {
                    line(&mut out, format_args!("{name}{{role=\"{}\"}} {value}", role.name));
                }
            }
        };
        let counted = |count: u64| i64::try_from(count).ok();
        family("upstream_attempts_total", "counter", "Times upstream was asked", &|role| {
            counted(role.attempts)
        });
        family("upstream_failures_total", "counter", "Times it gave nothing", &|role| {
            counted(role.failures)
        });
        family("renewals_total", "counter", "Times credentials were replaced", &|role| {
            counted(role.renewals)
        });
        family("credentials_seconds_left", "gauge", "Life left; 0 when there are none", &|role| {
            counted(role.seconds_left.unwrap_or(0))
        });
        family(
            "clock_skew_seconds",
            "gauge",
            "How far the clock is ahead of upstream's",
            &|role| role.clock_skew_seconds,
        );
        out
    }
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
