//! The container door: one `GET` with a consumer's token. The token says who
//! asks; who asks says which role.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hotspan_imds::answer::Answer;
use hotspan_imds::record::header;
use hotspan_imds::route::{Route, route_of};
use hotspan_imds::trace::trace_of;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

use super::caller::Caller;
use super::failures::Failures;
use super::guard;
use super::rules::Rules;
use super::serve::Answers;
use crate::ledger::{Cgroup, Door, Ending, Ledger, Lookup};
use crate::live::{Current, Live};
use crate::roles::Absent;
use crate::tokens::Consumer;

/// Answers at the container door.
pub(crate) struct ContainerDoor {
    pub(crate) current: Arc<Current>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) failures: Failures,
    pub(crate) rules: Arc<Rules>,
}

impl Answers for ContainerDoor {
    async fn answer(&self, request: &Parts, caller: Caller) -> Response<Full<Bytes>> {
        self.decide(request, caller).await
    }
}

impl ContainerDoor {
    async fn decide(&self, request: &Parts, caller: Caller) -> Response<Full<Bytes>> {
        let refused = |why, status, code, message| {
            self.ledger.refused(Door::Container, why);
            kept_open(Answer::json_error(status, code, message))
        };
        if let Some(why) = guard::refusal(request) {
            let message = "requests through proxies, from browsers and to other hosts are refused";
            return refused(why, StatusCode::FORBIDDEN, "Forbidden", message);
        }
        if !is_path(request.uri.path()) {
            let message = "ask for /credentials";
            return refused("path", StatusCode::NOT_FOUND, "NotFound", message);
        }
        if request.method != Method::GET {
            self.ledger.refused(Door::Container, "method");
            return kept_open(Answer::not_allowed("GET"));
        }
        self.lookup(request, caller).await
    }

    async fn lookup(&self, request: &Parts, caller: Caller) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let live = self.current.get();
        let trace = trace_of(&request.headers);
        let ended = |consumer: Option<&Consumer>, ending, last_four: Option<&str>| {
            self.ledger.lookup(&Lookup {
                door: Door::Container,
                role: consumer.map(|found| found.role.as_str()).unwrap_or_default(),
                consumer: consumer.map(|found| found.name.as_str()).unwrap_or_default(),
                ending,
                last_four,
                uid: caller.uid,
                cgroup: caller.cgroup_id.map(Cgroup::Id),
                inode: caller.inode,
                pid: None,
                trace,
                began,
            });
        };
        let Some(consumer) = who(&live, request) else {
            ended(None, Ending::Denied, None);
            let message = "the Authorization header is missing or wrong";
            let answer = Answer::json_error(StatusCode::UNAUTHORIZED, "AccessDenied", message);
            return self.failures.answer(answer, caller, Door::Container, &self.ledger).await;
        };
        if !self.rules.permit(consumer.allow.as_deref(), &caller).await {
            ended(Some(consumer), Ending::Denied, None);
            let message = "this user or cgroup may not use this token";
            return kept_open(Answer::json_error(StatusCode::FORBIDDEN, "AccessDenied", message));
        }
        // Settings name no role that is not there.
        let Some(role) = live.roles.get(&consumer.role) else {
            let message = "no such role";
            return kept_open(Answer::json_error(StatusCode::NOT_FOUND, "RoleNotFound", message));
        };
        match role.documents().await {
            Ok(documents) => {
                ended(Some(consumer), Ending::Given, Some(&documents.last_four));
                documents.container.response()
            }
            Err(Absent::Later) => {
                ended(Some(consumer), Ending::Unavailable, None);
                let message = "there are no credentials now; ask again";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let answer = Answer::json_error(status, "CredentialsUninitialized", message);
                kept_open(answer.after_a_second())
            }
            Err(Absent::Removed) => {
                ended(Some(consumer), Ending::Removed, None);
                let message = "upstream took the role away";
                kept_open(Answer::json_error(StatusCode::NOT_FOUND, "RoleNotFound", message))
            }
        }
    }
}

/// The consumer whose token was sent. All are compared, so that the time does
/// not tell which came close.
fn who<'a>(live: &'a Live, request: &Parts) -> Option<&'a Consumer> {
    let sent = header(&request.headers, AUTHORIZATION).unwrap_or_default();
    let mut found = None;
    for consumer in &live.consumers {
        if consumer.token.matches(sent) {
            found = Some(consumer);
        }
    }
    found
}

fn is_path(path: &str) -> bool {
    path == "/credentials" || route_of(path) == Route::Container
}

/// EC2 closes every connection; SDKs that keep one are faster with it.
pub(super) fn kept_open(answer: Answer) -> Response<Full<Bytes>> {
    answer.into_kept_response()
}
