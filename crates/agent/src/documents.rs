//! A role's credentials as the answers that doors hand out. Made once when
//! credentials are replaced, headers and all, so that an answer is a copy of
//! those and shares its body.

use bytes::Bytes;
use hotspan_credentials::credentials::Held;
use hotspan_imds::answer::Answer;
use hotspan_imds::civil::UnixSeconds;
use hotspan_imds::credentials::{Credentials, instance_document};
use hotspan_imds::secret::Secret;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use secrecy::ExposeSecret;
use serde::Serialize;

/// What SDKs send, and what the app's tracing adds.
const HEADERS_EXPECTED: usize = 12;

/// An answer that is the same for all who get it. Holds a secret, so it cannot
/// be printed.
pub(crate) struct Ready(Response<Full<Bytes>>);

impl Ready {
    fn new(answer: Answer) -> Self {
        Self(answer.into_kept_response())
    }

    /// For one caller.
    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(self.0.body().clone());
        *response.status_mut() = self.0.status();
        // hyper keeps this map for the headers of the next request, and a clone
        // would have to grow for them.
        let mut headers = HeaderMap::with_capacity(HEADERS_EXPECTED);
        for (name, value) in self.0.headers() {
            headers.insert(name, value.clone());
        }
        *response.headers_mut() = headers;
        response
    }
}

/// One set of credentials, ready to be handed out.
pub(crate) struct Documents {
    /// What the role is called upstream.
    pub(crate) role: String,
    /// Enough of the key's id to recognise it.
    pub(crate) last_four: String,
    /// When they were issued, or fetched if the source does not say.
    pub(crate) issued: UnixSeconds,
    /// When they end.
    pub(crate) expiration: UnixSeconds,
    /// As the instance metadata service writes it.
    pub(crate) instance: Ready,
    /// The same with the account, if that is known.
    pub(crate) extended: Option<Ready>,
    /// As the container endpoint writes it.
    pub(crate) container: Ready,
    /// As a `credential_process` writes it.
    pub(crate) process: Secret,
}

/// The form of containers and processes. The end stays what upstream said.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Plain<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u8>,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    expiration: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Documents {
    /// The texts of `held`, which was fetched at `fetched`.
    pub(crate) fn of(held: &Held, fetched: UnixSeconds) -> Result<Self, serde_json::Error> {
        let found = &held.credentials;
        let secret = found.secret_access_key().expose_secret();
        let token = found.session_token().expose_secret();
        let expiration = UnixSeconds(found.expiration().0);
        let issued = found.issued().map_or(fetched, |issued| UnixSeconds(issued.0));
        let end = expiration.rfc3339();
        let plain = |is_process: bool| Plain {
            version: is_process.then_some(1),
            access_key_id: found.access_key_id(),
            secret_access_key: secret,
            token: (!is_process).then_some(token),
            session_token: is_process.then_some(token),
            expiration: &end,
            account_id: found.account_id(),
        };
        let spaced = Credentials {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            session_token: Secret::new(token.to_owned()),
            last_updated: issued,
            expiration,
        };
        let instance = |account_id| {
            Ready::new(Answer::document(instance_document(&spaced, account_id), issued))
        };
        let container = Secret::new(serde_json::to_string(&plain(false))?);
        Ok(Self {
            role: held.role.clone(),
            last_four: found.last_four().to_owned(),
            issued,
            expiration,
            instance: instance(None),
            extended: found.account_id().map(|account_id| instance(Some(account_id))),
            container: Ready::new(Answer::json(StatusCode::OK, container)),
            process: Secret::new(serde_json::to_string(&plain(true))?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotspan_credentials::clock;
    use hotspan_credentials::credentials::{Credentials as Found, Parts};
    use http_body_util::BodyExt;

    fn text_of(ready: &Ready) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let body = runtime.block_on(ready.response().into_body().collect()).expect("a body");
        String::from_utf8(body.to_bytes().to_vec()).expect("text")
    }

    #[test]
    fn one_set_of_credentials_in_all_forms() {
        let held = Held {
            role: "app".to_owned(),
            credentials: Found::new(Parts {
                access_key_id: "ASIA1234".to_owned(),
                secret_access_key: "s".into(),
                session_token: "t".into(),
                issued: None,
                expiration: clock::UnixSeconds(1_795_413_600),
                account_id: Some("123456789012".to_owned()),
            })
            .expect("whole"),
        };
        let documents = Documents::of(&held, UnixSeconds(1_795_392_000)).expect("texts");
        assert_eq!(
            documents.process.expose(),
            r#"{"Version":1,"AccessKeyId":"ASIA1234","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026-11-23T06:00:00Z","AccountId":"123456789012"}"#
        );
        assert_eq!(
            text_of(&documents.container),
            r#"{"AccessKeyId":"ASIA1234","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-23T06:00:00Z","AccountId":"123456789012"}"#
        );
        let instance = text_of(&documents.instance);
        assert!(instance.contains("\"Code\" : \"Success\""), "{instance}");
        assert!(instance.contains("\"LastUpdated\" : \"2026-11-23T00:00:00Z\""), "{instance}");
        assert!(!instance.contains("AccountId"), "only where it is asked for");
    }
}
