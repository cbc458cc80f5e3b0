//! Credentials that open nothing and say so. They have the lengths and the
//! first letters of real ones, so that SDKs and log scanners treat them alike.

use hotspan_imds::civil::UnixSeconds;
use hotspan_imds::credentials::{CredentialSource, Credentials};
use hotspan_imds::secret::Secret;

/// Twenty characters, as `ASIA…` keys have.
pub(crate) const ACCESS_KEY_ID: &str = "ASIAEMULATED00000000";
/// Forty characters, as secret access keys have.
pub(crate) const SECRET_ACCESS_KEY: &str = "EmulatedByHotspan/NotARealSecretKey+0000";
/// Real ones are longer still; none of their content matters.
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEEmulatedByHotspanNotARealSessionToken//////////wEaCWV1LWVtdWxhdGVkIkYwRAIgRW11bGF0ZWRCeUhvdHNwYW4CIEVtdWxhdGVkQnlIb3RzcGFuKrsF";

/// Hands out the same credentials for ever.
pub(crate) struct Emulated {
    /// The life that is left at every answer, in seconds. Constant, like an
    /// instance whose credentials are never replaced in time; negative for
    /// credentials that are over.
    pub(crate) expires_in: i64,
}

impl CredentialSource for Emulated {
    fn credentials(&self, now: UnixSeconds) -> Option<Credentials> {
        Some(Credentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: Secret::new(SECRET_ACCESS_KEY.to_owned()),
            session_token: Secret::new(SESSION_TOKEN.to_owned()),
            last_updated: now,
            expiration: now.plus(self.expires_in),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulated_credentials_have_real_lengths() {
        assert_eq!(ACCESS_KEY_ID.len(), 20);
        assert_eq!(SECRET_ACCESS_KEY.len(), 40);
        assert!(SESSION_TOKEN.len() > 100);
    }
}
