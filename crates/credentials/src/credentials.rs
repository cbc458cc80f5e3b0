//! Session credentials of a role. Made only when whole; never shown: the
//! secret parts have no text form and are wiped when dropped.

use std::fmt;

use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::clock::UnixSeconds;

/// Session credentials with an end.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: SecretString,
    issued: Option<UnixSeconds>,
    expiration: UnixSeconds,
    account_id: Option<String>,
}

/// What [`Credentials::new`] makes credentials of.
pub struct Parts {
    /// Begins with `ASIA`; no secret by itself, but not for logs either.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: SecretString,
    /// Goes with every signed request.
    pub session_token: SecretString,
    /// When they were issued, if the source says so.
    pub issued: Option<UnixSeconds>,
    /// When they end, as the source says.
    pub expiration: UnixSeconds,
    /// Twelve digits, if the source says so.
    pub account_id: Option<String>,
}

impl Credentials {
    /// Puts credentials together; the error names the part that is empty.
    pub fn new(parts: Parts) -> Result<Self, &'static str> {
        let Parts {
            access_key_id,
            secret_access_key,
            session_token,
            issued,
            expiration,
            account_id,
        } = parts;
        for (name, empty) in [
            ("access key id", access_key_id.is_empty()),
            ("secret access key", secret_access_key.expose_secret().is_empty()),
            ("session token", session_token.expose_secret().is_empty()),
        ] {
            if empty {
                return Err(name);
            }
        }
        Ok(Self { access_key_id, secret_access_key, session_token, issued, expiration, account_id })
    }

    /// The id that goes with the secret.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What logs may tell: enough to recognise the key by.
    pub fn last_four(&self) -> &str {
        let start = self.access_key_id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        &self.access_key_id[start..]
    }

    /// Signs requests.
    pub fn secret_access_key(&self) -> &SecretString {
        &self.secret_access_key
    }

    /// Goes with every signed request.
    pub fn session_token(&self) -> &SecretString {
        &self.session_token
    }

    /// When they were issued, if the source said so.
    pub fn issued(&self) -> Option<UnixSeconds> {
        self.issued
    }

    /// When they end.
    pub fn expiration(&self) -> UnixSeconds {
        self.expiration
    }

    /// The account, if the source said so.
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// Whether these were issued before `other`, as far as both say.
    pub fn is_older_than(&self, other: &Self) -> bool {
        matches!((self.issued, other.issued), (Some(mine), Some(theirs)) if mine < theirs)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials(…{}, until {})", self.last_four(), self.expiration.0)
    }
}

/// Credentials and the role they are of.
#[derive(Debug, Clone)]
pub struct Held {
    /// The role's name upstream.
    pub role: String,
    /// Its credentials.
    pub credentials: Credentials,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(id: &str, secret: &str, token: &str) -> Parts {
        Parts {
            access_key_id: id.to_owned(),
            secret_access_key: secret.into(),
            session_token: token.into(),
            issued: None,
            expiration: UnixSeconds(1),
            account_id: None,
        }
    }

    #[test]
    fn only_whole_credentials_are_made() {
        for (id, secret, token, missing) in [
            ("ASIA1234", "s", "t", None),
            ("", "s", "t", Some("access key id")),
            ("ASIA1234", "", "t", Some("secret access key")),
            ("ASIA1234", "s", "", Some("session token")),
        ] {
            assert_eq!(Credentials::new(parts(id, secret, token)).err(), missing);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let held = Held {
            role: "app".to_owned(),
            credentials: Credentials::new(parts("ASIA1234", "secret-key", "session-token"))
                .expect("whole"),
        };
        assert_eq!(
            format!("{held:?}"),
            "Held { role: \"app\", credentials: Credentials(…1234, until 1) }"
        );
    }
}
