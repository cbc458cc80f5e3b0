//! The instance metadata service, always with a session token: credentials
//! handed out without one are told apart by IAM conditions.
//!
//! The client of the AWS SDK is not used: it shows an answer's body only, and
//! the `Date` is what tells how long credentials hold.

use std::sync::Arc;

use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::clock::{Boot, since_boot};
use crate::credentials::Held;
use crate::document::{self, DocumentError};
use crate::plain_http::{Endpoint, HttpError, Reply, send};
use crate::schedule::{Errand, Outcome, Report};

/// The longest there is. Sessions are replaced long before.
const SESSION_SECONDS: &str = "21600";
/// When a session is replaced, though it would hold for five hours more.
const SESSION_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(3_600);
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// A session with the metadata service, shared by all who ask through it.
#[derive(Debug)]
pub struct InstanceSource {
    endpoint: Endpoint,
    /// Locked while a session is asked for, so that one asks for all.
    session: Mutex<Option<Session>>,
}

#[derive(Clone, Debug)]
struct Session {
    token: SecretString,
    begun: Boot,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// No session; the text says why.
    #[error("session token: {0}")]
    Session(String),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl InstanceSource {
    /// A source that asks `endpoint`.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, session: Mutex::new(None) }
    }

    /// Where it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The answer to `GET path`. A session that upstream no longer knows is
    /// replaced once.
    pub async fn get(&self, path: &str) -> Result<Reply, InstanceError> {
        let session = self.session().await?;
        let reply = self.get_with(path, &session).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        self.forget(&session).await;
        let session = self.session().await?;
        Ok(self.get_with(path, &session).await?)
    }

    /// Asks for the role, and for its credentials if the errand wants them.
    pub(crate) async fn fetch(&self, errand: &Errand) -> Report {
        let list = match self.get(ROLES).await {
            Ok(reply) => reply,
            Err(error) => return failed(format!("role list: {error}")),
        };
        let role = match role_of(&list) {
            Ok(role) => role,
            Err(outcome) => return Report { outcome, date: list.date() },
        };
        if *errand == Errand::Role(role.clone()) {
            return Report { outcome: Outcome::SameRole, date: list.date() };
        }
        match self.get(&format!("{ROLES}{role}")).await {
            Ok(reply) => Report { date: reply.date(), outcome: credentials_of(role, &reply) },
            Err(error) => failed(format!("credentials: {error}")),
        }
    }

    async fn get_with(&self, path: &str, session: &Session) -> Result<Reply, HttpError> {
        let token = ("x-aws-ec2-metadata-token", session.token.expose_secret());
        send(&self.endpoint, Method::GET, path, &[token]).await
    }

    async fn session(&self) -> Result<Session, InstanceError> {
        let mut held = self.session.lock().await;
        if let Some(session) = &*held
            && since_boot().since(session.begun) < SESSION_AGE_MAX
        {
            return Ok(session.clone());
        }
        let begun = since_boot();
        let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS);
        let reply = send(&self.endpoint, Method::PUT, "/latest/api/token", &[ttl])
            .await
            .map_err(|error| InstanceError::Session(error.to_string()))?;
        let token = reply.text().filter(|token| reply.status == StatusCode::OK && is_token(token));
        let Some(token) = token else {
            return Err(InstanceError::Session(format!("status {}", reply.status.as_u16())));
        };
        let session = Session { token: token.into(), begun };
        *held = Some(session.clone());
        Ok(session)
    }

    /// Unless another caller has replaced it already.
    async fn forget(&self, session: &Session) {
        let mut held = self.session.lock().await;
        held.take_if(|held| held.begun == session.begun);
    }
}

fn failed(why: String) -> Report {
    Report { outcome: Outcome::Failed(why), date: None }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The one role of the list. An instance without a profile has no list, or an
/// empty one.
fn role_of(list: &Reply) -> Result<String, Outcome> {
    match list.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Err(no_list("status 404")),
        status => return Err(Outcome::Failed(format!("role list: status {}", status.as_u16()))),
    }
    let first = list.text().unwrap_or_default().lines().next().unwrap_or_default().trim();
    match first {
        "" => Err(no_list("empty")),
        role if is_role(role) => Ok(role.to_owned()),
        _ => Err(Outcome::Failed("role list: not a role's name".to_owned())),
    }
}

fn no_list(how: &str) -> Outcome {
    Outcome::Missing { of: None, how: format!("role list: {how}") }
}

/// A role's name goes into paths and answers, so it is held to IAM's letters.
pub fn is_role(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits) && !matches!(text, "." | "..")
}

fn credentials_of(role: String, reply: &Reply) -> Outcome {
    match reply.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Outcome::Missing { of: Some(role), how: "credentials: status 404".to_owned() };
        }
        status => return Outcome::Failed(format!("credentials: status {}", status.as_u16())),
    }
    match document::instance(&reply.body) {
        Ok(credentials) => Outcome::Found(Arc::new(Held { role, credentials })),
        Err(error @ DocumentError::Gone(_)) => {
            Outcome::Missing { of: Some(role), how: format!("credentials: {error}") }
        }
        Err(error) => Outcome::Failed(format!("credentials: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles() {
        for (text, expected) in [
            ("app-role", true),
            ("a+=,.@_-Z9", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            ("a\r\nX: y", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(is_role(text), expected, "{text:?}");
        }
    }
}
