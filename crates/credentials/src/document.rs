//! The documents that credentials come in: of an instance, of the container
//! endpoint, of a process. From bytes to [`Credentials`] or the reason why not,
//! which never repeats what was in the document.

use chrono::DateTime;
use serde::Deserialize;
use thiserror::Error;

use crate::clock::UnixSeconds;
use crate::credentials::{Credentials, Parts};

/// Why a document gives no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It is not the JSON it should be.
    #[error("the document is not the JSON it should be (line {0}, column {1})")]
    Garbage(usize, usize),
    /// Something is missing or empty.
    #[error("the document has no {0}")]
    Without(&'static str),
    /// The end is no moment.
    #[error("the document's Expiration is not a moment such as 2026-11-23T14:02:11Z")]
    Expiration,
    /// `Version` is not 1.
    #[error("the document's Version is not 1")]
    Version,
    /// The role has been taken away.
    #[error("upstream says {0}")]
    Gone(&'static str),
    /// Upstream says in the document that it failed.
    #[error("upstream says that it failed: Code {0:?}")]
    Code(String),
}

/// Reads what `iam/security-credentials/<role>` says.
pub fn instance(body: &[u8]) -> Result<Credentials, DocumentError> {
    let raw = read(body)?;
    match raw.code.as_deref() {
        Some("Success") => finish(raw, |raw| raw.token.take()),
        Some("InstanceProfileNotFound") => Err(DocumentError::Gone("InstanceProfileNotFound")),
        Some(code) => Err(DocumentError::Code(word(code))),
        None => Err(DocumentError::Without("Code")),
    }
}

/// Reads what the container endpoint says.
pub fn container(body: &[u8]) -> Result<Credentials, DocumentError> {
    finish(read(body)?, |raw| raw.token.take())
}

/// Reads what a `credential_process` prints.
pub fn process(body: &[u8]) -> Result<Credentials, DocumentError> {
    let raw = read(body)?;
    if raw.version != Some(1) {
        return Err(DocumentError::Version);
    }
    finish(raw, |raw| raw.session_token.take())
}

/// The union of the three; a key of another form is let pass, as SDKs do.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    version: Option<u64>,
    code: Option<String>,
    last_updated: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    session_token: Option<String>,
    expiration: Option<String>,
    account_id: Option<String>,
}

/// The reader's own message may quote the document, so only its place is kept.
fn read(body: &[u8]) -> Result<Raw, DocumentError> {
    serde_json::from_slice(body)
        .map_err(|error| DocumentError::Garbage(error.line(), error.column()))
}

fn finish(
    mut raw: Raw,
    token: impl Fn(&mut Raw) -> Option<String>,
) -> Result<Credentials, DocumentError> {
    let token = token(&mut raw).unwrap_or_default();
    let expiration = raw.expiration.as_deref().ok_or(DocumentError::Without("Expiration"))?;
    Credentials::new(Parts {
        access_key_id: raw.access_key_id.unwrap_or_default(),
        secret_access_key: raw.secret_access_key.unwrap_or_default().into(),
        session_token: token.into(),
        issued: raw.last_updated.as_deref().and_then(moment),
        expiration: moment(expiration).ok_or(DocumentError::Expiration)?,
        account_id: raw.account_id,
    })
    .map_err(DocumentError::Without)
}

/// A fraction of a second is dropped, so that nothing ends later than said.
fn moment(text: &str) -> Option<UnixSeconds> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| UnixSeconds(moment.timestamp()))
}

/// A code is a word; anything else has no place in a log.
pub(crate) fn word(code: &str) -> String {
    const CODE_CHARS_MAX: usize = 64;
    code.chars().filter(char::is_ascii_alphanumeric).take(CODE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const KEYS: &str = r#""AccessKeyId":"ASIA1","SecretAccessKey":"s","LastUpdated":"2026-11-23T00:00:00Z","Expiration":"2026-11-23T06:00:00Z""#;

    #[test]
    fn documents_of_an_instance() {
        let with = |code: &str| format!(r#"{{"Code" : "{code}",{KEYS},"Token":"t"}}"#);
        let found = instance(with("Success").as_bytes()).expect("credentials");
        assert_eq!(found.session_token().expose_secret(), "t");
        assert_eq!(found.expiration(), UnixSeconds(1_795_413_600));
        for (body, expected) in [
            (with("InstanceProfileNotFound"), DocumentError::Gone("InstanceProfileNotFound")),
            (
                with("AssumeRoleUnauthorizedAccess"),
                DocumentError::Code("AssumeRoleUnauthorizedAccess".into()),
            ),
            (format!(r#"{{{KEYS},"Token":"t"}}"#), DocumentError::Without("Code")),
            (format!(r#"{{"Code":"Success",{KEYS}}}"#), DocumentError::Without("session token")),
            ("{\"Code\":\"Succ".to_owned(), DocumentError::Garbage(1, 13)),
            ("<html>".to_owned(), DocumentError::Garbage(1, 1)),
            (
                with("Success").replace("2026-11-23T06:00:00Z", "tomorrow"),
                DocumentError::Expiration,
            ),
            (
                with("Success").replace("Expiration", "Expires"),
                DocumentError::Without("Expiration"),
            ),
        ] {
            assert_eq!(instance(body.as_bytes()).err(), Some(expected), "{body}");
        }
    }

    #[test]
    fn documents_of_a_process() {
        let with = |version: &str| {
            format!(r#"{{"Version":{version},{KEYS},"SessionToken":"t"}}"#)
                .replace("06:00:00Z", "07:00:00+01:00")
        };
        let found = process(with("1").as_bytes()).expect("credentials");
        assert_eq!(found.expiration(), UnixSeconds(1_795_413_600));
        assert_eq!(process(with("2").as_bytes()).err(), Some(DocumentError::Version));
        let long_lived = with("1").replace("Expiration", "Expires");
        assert_eq!(
            process(long_lived.as_bytes()).err(),
            Some(DocumentError::Without("Expiration"))
        );
    }

    #[test]
    fn what_was_in_a_document_is_not_repeated() {
        let error = instance(br#"{"Code":"Success","AccessKeyId":{"secret-inside":1}}"#).err();
        assert!(!error.expect("refused").to_string().contains("secret"));
    }
}
