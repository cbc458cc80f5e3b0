//! Which answer a request gets: the rules of IMDSv1 and IMDSv2 and of the
//! container endpoint, and the guards against callers that are no SDK. Pure
//! but for the nonce of a token; [`crate::server`] waits and sends.

use http::request::Parts;
use http::{HeaderName, Method, StatusCode};

use crate::answer::Answer;
use crate::civil::UnixSeconds;
use crate::credentials::{CredentialSource, container_document, instance_document};
use crate::documents::Instance;
use crate::fault::{Effect, Faults, Target};
use crate::record::{Record, Version, header};
use crate::route::{Route, route_of};
use crate::secret::Secret;
use crate::token::{TokenKey, asked_ttl};

/// How the service behaves.
pub struct Behaviour {
    /// The one role there is.
    pub role: String,
    /// What it tells about the instance.
    pub instance: Instance,
    /// Whether requests without a token are answered.
    pub allows_v1: bool,
    /// Whether the path that adds the account id exists; on EC2 it rarely does.
    pub has_extended: bool,
    /// The answer to a `PUT` that came through a proxy. EC2 refuses it; its
    /// status is not documented.
    pub forwarded_status: StatusCode,
    /// What container callers must send as `Authorization`; `None` lets any in.
    pub container_token: Option<Secret>,
    /// What goes wrong.
    pub faults: Faults,
}

/// What becomes of a request.
pub enum Outcome {
    /// It is answered.
    Answer(Answer),
    /// It never is.
    Swallow,
    /// The connection ends instead.
    Reset,
}

/// The service: rules, keys and a source of credentials.
pub struct Service<S> {
    behaviour: Behaviour,
    key: TokenKey,
    source: S,
}

impl<S: CredentialSource> Service<S> {
    /// Puts the parts together.
    pub fn new(behaviour: Behaviour, key: TokenKey, source: S) -> Self {
        Self { behaviour, key, source }
    }

    /// Decides about a request and describes it for the log.
    pub fn handle(&self, request: &Parts, now: UnixSeconds) -> (Outcome, Record) {
        let path = request.uri.path();
        let route = route_of(path);
        let version = version_of(&route, request);
        let mut record = Record::of(&request.method, path, &request.headers, version, now);
        let outcome = match self.fault_of(&route, &request.method) {
            Some(Effect::Swallow) => Outcome::Swallow,
            Some(Effect::Reset) => Outcome::Reset,
            Some(Effect::Status(status)) => Outcome::Answer(error_page(status)),
            Some(Effect::Garbage) => Outcome::Answer(self.answer(&route, request, now).cut()),
            None => Outcome::Answer(self.answer(&route, request, now)),
        };
        if let Outcome::Answer(answer) = &outcome {
            record.status = Some(answer.status().as_u16());
        }
        (outcome, record)
    }

    fn fault_of(&self, route: &Route, method: &Method) -> Option<Effect> {
        let target = match route {
            Route::Token { .. } if method == Method::PUT => Target::Token,
            Route::RoleList | Route::ExtendedRoleList => Target::List,
            Route::Credentials(_) | Route::ExtendedCredentials(_) | Route::Container => {
                Target::Credentials
            }
            _ => return None,
        };
        self.behaviour.faults.effect(target)
    }

    fn answer(&self, route: &Route, request: &Parts, now: UnixSeconds) -> Answer {
        if !is_sdk(request) {
            return Answer::empty(StatusCode::FORBIDDEN);
        }
        match route {
            Route::Token { slash } => self.token(request, *slash, now),
            Route::Container => self.container(request, now),
            _ if !matches!(request.method, Method::GET | Method::HEAD) => {
                Answer::not_allowed("OPTIONS, GET")
            }
            _ => self.metadata(route, request, now),
        }
    }

    fn token(&self, request: &Parts, slash: bool, now: UnixSeconds) -> Answer {
        if request.method != Method::PUT {
            return Answer::not_allowed("OPTIONS, PUT");
        }
        if slash {
            return Answer::empty(StatusCode::FORBIDDEN);
        }
        if is_forwarded(request) {
            return Answer::empty(self.behaviour.forwarded_status);
        }
        let Some(ttl) = asked_ttl(&request.headers) else {
            return Answer::page(StatusCode::BAD_REQUEST);
        };
        match self.key.issue(now.plus(ttl)) {
            Ok(token) => Answer::token(token, ttl),
            Err(_) => Answer::page(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    fn metadata(&self, route: &Route, request: &Parts, now: UnixSeconds) -> Answer {
        let remaining = match header(&request.headers, TOKEN_HEADER) {
            Some(token) => match self.key.remaining(token, now) {
                Some(seconds) => Some(seconds),
                None => return Answer::page(StatusCode::UNAUTHORIZED),
            },
            None if self.behaviour.allows_v1 => None,
            None => return Answer::page(StatusCode::UNAUTHORIZED),
        };
        self.document(route, now).with_remaining(remaining)
    }

    fn document(&self, route: &Route, now: UnixSeconds) -> Answer {
        let Behaviour { role, instance, has_extended, .. } = &self.behaviour;
        let text = |text: &str| Answer::document(Secret::new(text.to_owned()), instance.started);
        let missing = || Answer::page(StatusCode::NOT_FOUND);
        match route {
            Route::RoleList => text(role),
            Route::ExtendedRoleList if *has_extended => text(role),
            Route::Credentials(asked) if asked == role => self.credentials(None, now),
            Route::ExtendedCredentials(asked) if asked == role && *has_extended => {
                self.credentials(Some(&instance.account_id), now)
            }
            Route::Document(path) => {
                instance.document(path, role).map_or_else(missing, |document| text(&document))
            }
            _ => missing(),
        }
    }

    fn credentials(&self, account_id: Option<&str>, now: UnixSeconds) -> Answer {
        match self.source.credentials(now) {
            Some(credentials) => Answer::document(
                instance_document(&credentials, account_id),
                credentials.last_updated,
            ),
            None => Answer::try_later(),
        }
    }

    fn container(&self, request: &Parts, now: UnixSeconds) -> Answer {
        if request.method != Method::GET {
            return Answer::not_allowed("GET");
        }
        let sent = header(&request.headers, "authorization").unwrap_or_default();
        if let Some(expected) = &self.behaviour.container_token
            && !expected.matches(sent)
        {
            return Answer::json_error(
                StatusCode::UNAUTHORIZED,
                "AccessDenied",
                "the Authorization header is missing or wrong",
            );
        }
        let arn = self.behaviour.instance.role_arn(&self.behaviour.role);
        let document = self
            .source
            .credentials(now)
            .and_then(|credentials| container_document(&credentials, &arn));
        match document {
            Some(document) => Answer::json(StatusCode::OK, document),
            None => Answer::json_error(
                StatusCode::SERVICE_UNAVAILABLE,
                "CredentialsUninitialized",
                "there are no credentials yet",
            ),
        }
    }
}

/// The session token of IMDSv2.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

fn error_page(status: u16) -> Answer {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::FORBIDDEN) => Answer::empty(StatusCode::FORBIDDEN),
        Ok(status) => Answer::page(status),
        Err(_) => Answer::page(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn version_of(route: &Route, request: &Parts) -> Version {
    match route {
        Route::Container => Version::Container,
        Route::Token { .. } => Version::V2,
        _ if request.headers.contains_key(TOKEN_HEADER) => Version::V2,
        _ => Version::V1,
    }
}

/// A proxy between caller and instance: IMDSv2's guard against open ones.
fn is_forwarded(request: &Parts) -> bool {
    ["x-forwarded-for", "forwarded", "x-forwarded-host"]
        .into_iter()
        .any(|name| request.headers.contains_key(name))
}

/// No SDK sends what a browser does, and none asks for another host than a
/// local address. A page that rebinds its own name to this address does both.
fn is_sdk(request: &Parts) -> bool {
    let browser = ["origin", "sec-fetch-site", "sec-fetch-mode", "referer"]
        .into_iter()
        .any(|name| request.headers.contains_key(name));
    let host = request.uri.host().or_else(|| header(&request.headers, "host")).unwrap_or_default();
    !browser && is_local_host(host)
}

fn is_local_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    // A name could be rebound; an address cannot.
    name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_could_be_rebound_are_refused() {
        for (host, local) in [
            ("169.254.169.254", true),
            ("127.0.0.1:1338", true),
            ("[fd00:ec2::254]:80", true),
            ("[::1]", true),
            ("LOCALHOST:80", true),
            ("", true),
            ("evil.example:1338", false),
            ("localhost.evil.example", false),
        ] {
            assert_eq!(is_local_host(host), local, "{host}");
        }
    }
}
