//! The door that looks like the instance metadata service: sessions, the one
//! role of the door, its credentials from memory, and other metadata passed
//! through.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hotspan_imds::answer::Answer;
use hotspan_imds::record::header;
use hotspan_imds::route::{Route, route_of};
use hotspan_imds::secret::Secret;
use hotspan_imds::service::TOKEN_HEADER;
use hotspan_imds::token::{TokenKey, asked_ttl};
use hotspan_imds::trace::trace_of;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

mod metadata;

use super::caller::Caller;
use super::container::kept_open;
use super::failures::Failures;
use super::guard;
use super::rules::Rules;
use super::serve::Answers;
use crate::documents::Documents;
use crate::ledger::{Cgroup, Door, Ending, Ledger, Lookup};
use crate::live::Current;
use crate::roles::{Absent, Role, wall_now};
use crate::settings::ImdsSettings;
use metadata::Metadata;

/// Answers at the metadata door.
pub(crate) struct ImdsDoor {
    current: Arc<Current>,
    ledger: Arc<Ledger>,
    key: TokenKey,
    metadata: Metadata,
    failures: Failures,
    rules: Arc<Rules>,
}

/// What is asked, and who asks.
struct Asked<'a> {
    request: &'a Parts,
    caller: Caller,
}

impl Answers for ImdsDoor {
    async fn answer(&self, request: &Parts, caller: Caller) -> Response<Full<Bytes>> {
        if let Some(why) = guard::refusal(request) {
            self.ledger.refused(Door::Imds, why);
            return kept_open(Answer::empty(StatusCode::FORBIDDEN));
        }
        let live = self.current.get();
        // The door is open, so there are settings for it.
        let role = live.imds.as_ref().and_then(|door| Some((door, live.roles.get(&door.role)?)));
        let Some((door, role)) = role else {
            return kept_open(Answer::page(StatusCode::NOT_FOUND));
        };
        match route_of(request.uri.path()) {
            Route::Token { slash } => kept_open(self.token(request, slash)),
            route => self.get(&Asked { request, caller }, &route, door, role).await,
        }
    }
}

impl ImdsDoor {
    pub(crate) fn new(
        current: Arc<Current>,
        ledger: Arc<Ledger>,
        key: TokenKey,
        rules: Arc<Rules>,
    ) -> Self {
        let (metadata, failures) = (Metadata::default(), Failures::default());
        Self { current, ledger, key, metadata, failures, rules }
    }

    /// A session, always: a `PUT` that fails makes some SDKs go without tokens
    /// for as long as they live.
    fn token(&self, request: &Parts, slash: bool) -> Answer {
        if request.method != Method::PUT {
            return Answer::not_allowed("OPTIONS, PUT");
        }
        if slash {
            return Answer::empty(StatusCode::FORBIDDEN);
        }
        let Some(ttl) = asked_ttl(&request.headers) else {
            self.ledger.refused(Door::Imds, "ttl");
            return Answer::page(StatusCode::BAD_REQUEST);
        };
        match self.key.issue(wall_now().plus(ttl)) {
            Ok(token) => {
                self.ledger.answered();
                Answer::token(token, ttl)
            }
            Err(_) => Answer::page(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    async fn get(
        &self,
        asked: &Asked<'_>,
        route: &Route,
        door: &ImdsSettings,
        role: &Role,
    ) -> Response<Full<Bytes>> {
        let request = asked.request;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return kept_open(Answer::not_allowed("OPTIONS, GET"));
        }
        let remaining = match header(&request.headers, TOKEN_HEADER) {
            Some(token) => self.key.remaining(token, wall_now()),
            None if door.v1 && !request.headers.contains_key(TOKEN_HEADER) => None,
            None => {
                // Not a guess: SDKs try whether it goes without.
                self.ledger.refused(Door::Imds, "no token");
                return kept_open(Answer::page(StatusCode::UNAUTHORIZED));
            }
        };
        if remaining.is_none() && request.headers.contains_key(TOKEN_HEADER) {
            self.ledger.refused(Door::Imds, "token");
            let answer = Answer::page(StatusCode::UNAUTHORIZED);
            return self.failures.answer(answer, asked.caller, Door::Imds, &self.ledger).await;
        }
        if is_of_role(route) && !self.rules.permit(door.allow.as_deref(), &asked.caller).await {
            return metadata::with_remaining(self.denied(asked, role), remaining);
        }
        let response = match route {
            Route::RoleList => self.list(role).await,
            Route::ExtendedRoleList if door.extended => self.list(role).await,
            Route::Credentials(name) => self.credentials(asked, name, false, role).await,
            Route::ExtendedCredentials(name) if door.extended => {
                self.credentials(asked, name, true, role).await
            }
            Route::Document(path) => self.metadata.get(path, &door.deny, role, &self.ledger).await,
            _ => kept_open(Answer::page(StatusCode::NOT_FOUND)),
        };
        metadata::with_remaining(response, remaining)
    }

    /// As on an instance without a role: SDKs go on to whatever else they know,
    /// and none tries again at once.
    fn denied(&self, asked: &Asked<'_>, role: &Role) -> Response<Full<Bytes>> {
        self.tell(asked, role, Ending::Denied, None, Instant::now());
        kept_open(Answer::page(StatusCode::NOT_FOUND))
    }

    async fn list(&self, role: &Role) -> Response<Full<Bytes>> {
        match role.documents().await {
            Ok(documents) => {
                self.ledger.answered();
                let text = Secret::new(documents.role.clone());
                kept_open(Answer::document(text, documents.issued))
            }
            Err(absent) => without(absent),
        }
    }

    async fn credentials(
        &self,
        asked: &Asked<'_>,
        name: &str,
        is_extended: bool,
        role: &Role,
    ) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let found = role.documents().await;
        // One role for all who ask here; what others there are is not told.
        if let Ok(documents) = &found
            && documents.role != name
        {
            self.ledger.refused(Door::Imds, "role");
            return kept_open(Answer::page(StatusCode::NOT_FOUND));
        }
        let (ending, response) = match &found {
            Ok(documents) => (Ending::Given, document_of(documents, is_extended)),
            Err(absent @ Absent::Later) => (Ending::Unavailable, without(*absent)),
            Err(absent @ Absent::Removed) => (Ending::Removed, without(*absent)),
        };
        let last_four = found.as_ref().ok().map(|documents| documents.last_four.as_str());
        self.tell(asked, role, ending, last_four, began);
        response
    }

    fn tell(
        &self,
        asked: &Asked<'_>,
        role: &Role,
        ending: Ending,
        last_four: Option<&str>,
        began: Instant,
    ) {
        self.ledger.lookup(&Lookup {
            door: Door::Imds,
            role: &role.name,
            consumer: "",
            ending,
            last_four,
            uid: asked.caller.uid,
            cgroup: asked.caller.cgroup_id.map(Cgroup::Id),
            inode: asked.caller.inode,
            pid: None,
            trace: trace_of(&asked.request.headers),
            began,
        });
    }
}

/// Whether the path tells of the role or its credentials; other metadata is
/// kept from nobody here.
fn is_of_role(route: &Route) -> bool {
    matches!(
        route,
        Route::RoleList
            | Route::ExtendedRoleList
            | Route::Credentials(_)
            | Route::ExtendedCredentials(_)
    )
}

/// The path that tells the account exists only when the account is known.
fn document_of(documents: &Documents, is_extended: bool) -> Response<Full<Bytes>> {
    let ready = if is_extended { documents.extended.as_ref() } else { Some(&documents.instance) };
    match ready {
        Some(ready) => ready.response(),
        None => kept_open(Answer::page(StatusCode::NOT_FOUND)),
    }
}

fn without(absent: Absent) -> Response<Full<Bytes>> {
    kept_open(match absent {
        Absent::Later => Answer::try_later(),
        Absent::Removed => Answer::page(StatusCode::NOT_FOUND),
    })
}
