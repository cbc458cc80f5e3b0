//! Metadata that is no credential: asked of upstream and passed on with its
//! status. A few things that never change while a machine runs are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hotspan_imds::answer::{Answer, TTL_HEADER};
use http::header::{ACCEPT_RANGES, CONTENT_TYPE, LAST_MODIFIED, SERVER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;

use crate::doors::container::kept_open;
use crate::ledger::Ledger;
use crate::roles::Role;

/// What does not change while a machine runs. Never tags, events, network
/// interfaces, user data, or anything of IAM.
const KEPT: [&str; 4] =
    ["meta-data/ami-id", "meta-data/instance-id", "meta-data/instance-type", "meta-data/mac"];
const KEPT_BELOW: &str = "meta-data/placement/";
const KEPT_MAX: usize = 32;
/// Credentials of roles are handed out by the door itself or not at all.
const CREDENTIALS: [&str; 2] =
    ["meta-data/iam/security-credentials", "meta-data/identity-credentials"];
/// Upstream bears only so many at a time; more wait.
const AT_ONCE_MAX: usize = 8;
const PASSED_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, LAST_MODIFIED, ACCEPT_RANGES];

/// Passes metadata through.
pub(super) struct Metadata {
    kept: Mutex<BTreeMap<String, Response<Full<Bytes>>>>,
    at_once: Arc<Semaphore>,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { kept: Mutex::default(), at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }
}

impl Metadata {
    /// What is at `path`, which has no slashes at its ends and no empty parts.
    pub(super) async fn get(
        &self,
        path: &str,
        deny: &[String],
        role: &Role,
        ledger: &Ledger,
    ) -> Response<Full<Bytes>> {
        let missing = || kept_open(Answer::page(StatusCode::NOT_FOUND));
        let Some(upstream) = role.instance.as_ref().filter(|_| may_pass(path, deny)) else {
            return missing();
        };
        if let Some(kept) = self.kept().get(path) {
            ledger.answered();
            return kept.clone();
        }
        let Ok(_permit) = self.at_once.acquire().await else { return missing() };
        ledger.passed();
        match upstream.get(&format!("/latest/{path}")).await {
            Ok(reply) => {
                let mut response = Response::new(Full::new(Bytes::copy_from_slice(&reply.body)));
                *response.status_mut() = reply.status;
                for name in PASSED_HEADERS {
                    if let Some(value) = reply.headers.get(&name) {
                        response.headers_mut().insert(name, value.clone());
                    }
                }
                response.headers_mut().insert(SERVER, HeaderValue::from_static("EC2ws"));
                self.keep(path, &response);
                response
            }
            Err(error) => {
                tracing::debug!(%error, "metadata was not passed through");
                kept_open(Answer::try_later())
            }
        }
    }

    fn keep(&self, path: &str, response: &Response<Full<Bytes>>) {
        let lasts = KEPT.contains(&path) || path.starts_with(KEPT_BELOW);
        let mut kept = self.kept();
        if lasts && response.status() == StatusCode::OK && kept.len() < KEPT_MAX {
            kept.insert(path.to_owned(), response.clone());
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Response<Full<Bytes>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what is left of the caller's own session.
pub(super) fn with_remaining(
    mut response: Response<Full<Bytes>>,
    remaining: Option<i64>,
) -> Response<Full<Bytes>> {
    if let Some(seconds) = remaining {
        response.headers_mut().insert(TTL_HEADER, seconds.into());
    }
    response
}

/// Only plain paths go to upstream: a spelling that it might read otherwise
/// than we do could lead to credentials.
fn may_pass(path: &str, deny: &[String]) -> bool {
    let is_plain = path.split('/').all(|part| !matches!(part, "." | ".."))
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.:+=,@".contains(&byte));
    let is_below = |folder: &str| {
        path.get(..folder.len()).is_some_and(|start| start.eq_ignore_ascii_case(folder))
    };
    is_plain
        && !CREDENTIALS.into_iter().any(is_below)
        && !deny.iter().any(|folder| is_below(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_through() {
        let deny = ["user-data".to_owned(), "meta-data/tags".to_owned()];
        for (path, passes) in [
            ("meta-data/instance-id", true),
            ("meta-data/placement/region", true),
            ("dynamic/instance-identity/document", true),
            ("meta-data/iam/info", true),
            ("meta-data/network/interfaces/macs/0e:49:61:0f:c3:11/subnet-id", true),
            ("user-data", false),
            ("meta-data/tags/instance/Name", false),
            ("meta-data/iam/security-credentials/app/x", false),
            ("meta-data/IAM/Security-Credentials/app/x", false),
            ("meta-data/iam/security-credentials-extended/app/x", false),
            ("meta-data/%69am/security-credentials/app", false),
            ("meta-data/iam/./security-credentials/app", false),
            ("meta-data/x/../iam/security-credentials/app", false),
            ("meta-data/iam;/security-credentials", false),
            ("meta-data/identity-credentials/ec2/security-credentials/ec2-instance", false),
            ("meta-data/iam\\security-credentials", false),
        ] {
            assert_eq!(may_pass(path, &deny), passes, "{path}");
        }
    }
}
