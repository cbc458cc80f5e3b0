//! Session tokens that need no table: the expiry is in the token and a keyed
//! hash over it proves who wrote it. So there is nothing to fill up, and tokens
//! outlive a restart when their key does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::answer::TTL_HEADER;
use crate::civil::UnixSeconds;
use crate::record::header;
use crate::secret::Secret;

/// The shortest and longest life a token may ask for, in seconds.
pub const TTL_SECONDS: std::ops::RangeInclusive<i64> = 1..=21_600;

/// The life that a `PUT` asks for, if it is one that a token may have.
pub fn asked_ttl(headers: &HeaderMap) -> Option<i64> {
    let text = header(headers, TTL_HEADER)?;
    text.trim().parse().ok().filter(|seconds| TTL_SECONDS.contains(seconds))
}

/// 3 + 5 + 8 + 24 bytes are 56 characters of base64, as on EC2.
const TOKEN_BYTES: usize = 40;
/// `AQAA` in base64, how EC2's tokens begin.
const PREFIX: [u8; 3] = [1, 0, 0];
const NONCE: std::ops::Range<usize> = 8..16;
const SIGNED: std::ops::Range<usize> = 0..16;
const SIGNATURE: std::ops::Range<usize> = 16..40;

/// A whole block of the hash.
const KEY_BYTES: usize = 64;

/// The key that makes and checks tokens, worked into the hash already: half of
/// the work for a token is the same for all. Wiped when dropped, as the feature of
/// `sha2` has it.
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// A key from bytes kept elsewhere.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(<Hmac<Sha256> as KeyInit>::new((&*bytes).into()))
    }

    /// A key that nobody else has.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self::new(bytes))
    }

    /// A token that holds until `expiry`.
    pub fn issue(&self, expiry: UnixSeconds) -> Result<Secret, getrandom::Error> {
        let mut token = [0; TOKEN_BYTES];
        token[..3].copy_from_slice(&PREFIX);
        // Five bytes of seconds last until the year 36,812.
        token[3..8].copy_from_slice(&expiry.0.to_be_bytes()[3..]);
        getrandom::fill(&mut token[NONCE])?;
        let signature = self.sign(&token[SIGNED]);
        token[SIGNATURE].copy_from_slice(&signature[..SIGNATURE.len()]);
        Ok(Secret::new(URL_SAFE.encode(token)))
    }

    /// Seconds a token still holds at `now`; `None` when it is not ours or is over.
    pub fn remaining(&self, token: &str, now: UnixSeconds) -> Option<i64> {
        let mut bytes = [0; TOKEN_BYTES + 2];
        let length = URL_SAFE.decode_slice(token, &mut bytes).ok()?;
        let genuine = length == TOKEN_BYTES
            && bool::from(self.sign(&bytes[SIGNED])[..SIGNATURE.len()].ct_eq(&bytes[SIGNATURE]));
        let expiry =
            bytes[3..8].iter().fold(0_i64, |seconds, byte| seconds << 8 | i64::from(*byte));
        let remaining = expiry.saturating_sub(now.0);
        (genuine && remaining > 0).then_some(remaining)
    }

    fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixSeconds = UnixSeconds(1_795_405_366);

    #[test]
    fn a_token_holds_until_its_expiry() {
        let key = TokenKey::new([7; KEY_BYTES]);
        let token = key.issue(NOW.plus(60)).expect("random bytes");
        assert_eq!(token.expose().len(), 56);
        assert!(token.expose().starts_with("AQAA") && token.expose().ends_with("=="));
        for (at, remaining) in [(0, Some(60)), (59, Some(1)), (60, None), (1_000, None)] {
            assert_eq!(key.remaining(token.expose(), NOW.plus(at)), remaining, "at {at}");
        }
        assert_eq!(TokenKey::new([8; KEY_BYTES]).remaining(token.expose(), NOW), None);
    }

    proptest! {
        #[test]
        fn a_changed_token_does_not_hold(at in 0usize..54, letter in "[A-Za-z0-9_-]") {
            let key = TokenKey::new([7; KEY_BYTES]);
            let token = key.issue(NOW.plus(60)).expect("random bytes");
            let mut changed = token.expose().to_owned();
            changed.replace_range(at..=at, &letter);
            // The last letter has spare bits; base64 decoding refuses those set.
            if changed != token.expose() {
                prop_assert_eq!(key.remaining(&changed, NOW), None);
            }
        }

        #[test]
        fn invented_tokens_do_not_hold(token in "\\PC{0,80}") {
            prop_assert_eq!(TokenKey::new([7; KEY_BYTES]).remaining(&token, NOW), None);
        }
    }
}
