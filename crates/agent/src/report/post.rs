//! Sends a report. No proxy, no redirect (the key is for this server only), no
//! connection kept: reports are a minute apart.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Under which a project's key is sent.
const KEY_HEADER: &str = "x-hotspan-key";
/// An answer says in a few bytes how many spans were not taken.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024;

/// The way to the server.
pub(super) struct Post {
    client: ureq::Agent,
    url: String,
    key: Option<SecretString>,
}

/// How it went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server has it, but for so many spans.
    Sent { rejected: u64 },
    /// The server has not got it; it may have it later.
    Failed(String),
    /// The server will not have it, however often it is sent.
    Refused(String),
}

impl Post {
    /// To `server`, which has no slash at its end.
    pub(super) fn to(server: &str, key: Option<SecretString>) -> Self {
        let roots = if server.starts_with("https:") { trusted() } else { Vec::new() };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("hotspan-agent/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { client: config.into(), url: format!("{server}/v1/traces"), key }
    }

    /// Sends a report, within `time_max`.
    pub(super) fn send(&self, body: &[u8], time_max: Duration) -> Outcome {
        let mut request = self.client.post(&self.url).content_type("application/json");
        if let Some(key) = &self.key {
            // Checked when the settings were.
            let Ok(mut value) = HeaderValue::from_str(key.expose_secret()) else {
                return Outcome::Failed("the key cannot be sent".to_owned());
            };
            value.set_sensitive(true);
            request = request.header(KEY_HEADER, value);
        }
        let sent = request.config().timeout_global(Some(time_max)).build().send(body);
        match sent {
            Ok(mut response) => {
                let status = response.status();
                let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
                // What is taken is taken, whatever else is said.
                outcome_of(status, &answer.read_to_vec().unwrap_or_default())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// What the server's answer means. Its text is left out: it may repeat what was sent.
fn outcome_of(status: StatusCode, answer: &[u8]) -> Outcome {
    let why = |remedy: &str| format!("status {}{remedy}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Sent { rejected: rejected(answer) },
        401 | 403 => Outcome::Failed(why("; key_file has no key that the server knows")),
        404 | 405 | 415 => {
            Outcome::Failed(why("; what is at that address takes no OTLP over HTTP"))
        }
        300..=399 => Outcome::Failed(why("; it leads elsewhere, name that address")),
        400 | 413 | 422 => Outcome::Refused(why("; the server does not take the report")),
        _ => Outcome::Failed(why("")),
    }
}

/// A number, or a text as OTLP's JSON form has it.
fn rejected(answer: &[u8]) -> u64 {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let count = &answer["partialSuccess"]["rejectedSpans"];
    count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0)
}

/// The certificates that this machine trusts.
fn trusted() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        tracing::warn!(
            "this machine trusts no certificates, so no server can be told; install ca-certificates"
        );
    }
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_mean() {
        let sent = |rejected| Outcome::Sent { rejected };
        for (status, answer, expected) in [
            (200, "{}", sent(0)),
            (200, "", sent(0)),
            (202, "<html>", sent(0)),
            (200, r#"{"partialSuccess":{"rejectedSpans":"3"}}"#, sent(3)),
            (200, r#"{"partialSuccess":{"rejectedSpans":3}}"#, sent(3)),
            (200, r#"{"partialSuccess":{"rejectedSpans":-3}}"#, sent(0)),
            (200, r#"{"partialSuccess":null}"#, sent(0)),
            (503, "{}", Outcome::Failed("status 503".to_owned())),
            (429, "{}", Outcome::Failed("status 429".to_owned())),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(outcome_of(status, answer.as_bytes()), expected, "{status} {answer}");
        }
        for (status, is_kept, remedy) in [
            (401, true, "key_file"),
            (404, true, "OTLP"),
            (302, true, "elsewhere"),
            (400, false, "does not take"),
            (413, false, "does not take"),
        ] {
            let outcome = outcome_of(StatusCode::from_u16(status).expect("a status"), b"");
            let (kept, why) = match outcome {
                Outcome::Failed(why) => (true, why),
                Outcome::Refused(why) => (false, why),
                Outcome::Sent { .. } => panic!("{status}"),
            };
            assert_eq!((kept, why.contains(remedy)), (is_kept, true), "{status}: {why}");
        }
    }
}
