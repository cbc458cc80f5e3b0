//! Sessions: a random token in a cookie, of which only the hash is kept.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::config::WebConfig;

/// 256 bits: nobody guesses one, so its hash needs no salt.
const TOKEN_BYTES: usize = 32;

/// A session's secret. Never logged: it has no `Debug` that shows it.
pub(super) struct Token(String);

impl Token {
    /// A new one.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one in a request's cookies.
    pub(super) fn of_request(headers: &HeaderMap, config: &WebConfig) -> Option<Self> {
        let name = cookie_name(config);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| Self(value.to_owned()))
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The cookie that makes a browser send it.
    pub(super) fn cookie(&self, config: &WebConfig) -> String {
        let age = config.session_lifetime.as_secs();
        cookie(config, &self.0, age)
    }
}

/// The cookie that makes a browser forget its token.
pub(super) fn farewell_cookie(config: &WebConfig) -> String {
    cookie(config, "", 0)
}

fn cookie(config: &WebConfig, value: &str, age_seconds: u64) -> String {
    let name = cookie_name(config);
    let secure = if config.https { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={age_seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// With HTTPS the prefix keeps other hosts of the same domain from setting it.
fn cookie_name(config: &WebConfig) -> &'static str {
    if config.https { "__Host-hotspan_session" } else { "hotspan_session" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_cookie_comes_back_as_the_same_token() {
        for https in [false, true] {
            let config = WebConfig { https, ..WebConfig::default() };
            let token = Token::random().expect("random numbers");
            let set = token.cookie(&config);
            assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
            assert_eq!(set.contains("; Secure"), https, "{set}");
            let pair = set.split(';').next().expect("a pair");
            let line = format!("other=1; {pair}; last=2");
            let value = HeaderValue::from_str(&line).expect("a header");
            let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
            let found = Token::of_request(&headers, &config).expect("found");
            assert_eq!(found.hash(), token.hash());
        }
    }

    #[test]
    fn tokens_differ() {
        let hash = || Token::random().expect("random numbers").hash();
        assert_ne!(hash(), hash());
    }
}
