//! What a request to AWS is signed with: credentials with an end, or keys
//! without one. The latter are good for assuming a role and are handed to
//! nobody, because every door has to tell an end and none is ever invented.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::credentials::Credentials;

/// Keys whose end, if they have one, nobody told.
pub struct Keys {
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
}

impl Keys {
    /// Keys that are whole; `None` when the id or the secret is empty.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
    ) -> Option<Self> {
        let is_whole = !access_key_id.is_empty() && !secret_access_key.is_empty();
        is_whole.then(|| Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.into(),
            session_token: session_token.filter(|token| !token.is_empty()).map(Into::into),
        })
    }

    /// In the form that the SDK signs with, which wipes itself too. It is told
    /// no end: whether they still hold is for STS to say.
    pub(crate) fn to_sdk(&self) -> aws_sdk_sts::config::Credentials {
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let secret = self.secret_access_key.expose_secret();
        aws_sdk_sts::config::Credentials::new(&self.access_key_id, secret, token, None, "hotspan")
    }
}

impl From<&Credentials> for Keys {
    fn from(session: &Credentials) -> Self {
        Self {
            access_key_id: session.access_key_id().to_owned(),
            secret_access_key: session.secret_access_key().clone(),
            session_token: Some(session.session_token().clone()),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// What a base of an assumed role has.
#[derive(Debug)]
pub(crate) enum Signer {
    /// Credentials with an end.
    Session(Credentials),
    /// Keys without.
    Lasting(Keys),
}

impl Signer {
    /// What signs the next request.
    pub(crate) fn into_keys(self) -> Keys {
        match self {
            Self::Session(session) => Keys::from(&session),
            Self::Lasting(keys) => keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_whole_and_not_shown() {
        assert!(Keys::new("", "secret-key", None).is_none());
        assert!(Keys::new("AKIA1234", "", None).is_none());
        let keys = Keys::new("AKIA1234", "secret-key", Some("session-token")).expect("whole");
        let shown = format!("{keys:?} {:?}", keys.to_sdk());
        assert!(!shown.contains("secret-key") && !shown.contains("session-token"), "{shown}");
    }
}
