//! Who may read `/metrics` where pages need a login: whoever has a session, and
//! programs that send the token of the setting `metrics_token`. The token opens
//! nothing else, and only its hash is kept.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::login::user_of;
use crate::api::error::ApiError;
use crate::state::AppState;

/// A token has at least this many characters: 16 random ones are not guessed.
pub const METRICS_TOKEN_CHARS_MIN: usize = 16;

/// The hash of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct MetricsToken([u8; 32]);

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken(…)")
    }
}

/// Why a text cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected at least {METRICS_TOKEN_CHARS_MIN} visible ASCII characters without spaces")]
pub struct MetricsTokenError;

impl MetricsToken {
    /// Takes a token as it is written in settings.
    ///
    /// # Errors
    /// When it is short, or could not stand in a header.
    pub fn new(text: &str) -> Result<Self, MetricsTokenError> {
        let sound = text.len() >= METRICS_TOKEN_CHARS_MIN
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound { Ok(Self(Sha256::digest(text).into())) } else { Err(MetricsTokenError) }
    }

    /// Takes as long for a wrong token as for the right one.
    fn is(&self, text: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(text).into();
        hash.ct_eq(&self.0).into()
    }
}

/// Lets requests through that may see the numbers.
pub(crate) async fn require(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if !state.config.login_required || has_token(&state, request.headers()) {
        return next.run(request).await;
    }
    match user_of(&state, request.headers()).await {
        Ok(Some(_)) => next.run(request).await,
        Ok(None) => turn_away(&state),
        Err(error) => error.into_response(),
    }
}

fn has_token(state: &AppState, headers: &HeaderMap) -> bool {
    let Some(token) = &state.config.metrics_token else { return false };
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .is_some_and(|(scheme, text)| {
            scheme.eq_ignore_ascii_case("bearer") && token.is(text.trim())
        })
}

fn turn_away(state: &AppState) -> Response {
    state.count_refusal("metrics_denied");
    let remedy = match state.config.metrics_token {
        Some(_) => {
            "send `Authorization: Bearer TOKEN` with the token of the setting `metrics_token`"
        }
        None => "set `metrics_token` and send `Authorization: Bearer TOKEN`",
    };
    let mut response =
        ApiError::new(StatusCode::UNAUTHORIZED, "this server asks for a login", remedy)
            .into_response();
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for (text, sound) in [
            ("0123456789abcdef", true),
            ("0123456789abcde", false),
            ("0123456789 abcdef", false),
            ("0123456789abcdeé", false),
            ("", false),
        ] {
            assert_eq!(MetricsToken::new(text).is_ok(), sound, "{text:?}");
        }
        let token = MetricsToken::new("0123456789abcdef").expect("sound");
        assert!(token.is("0123456789abcdef"));
        assert!(!token.is("0123456789abcdeF") && !token.is(""));
        assert_eq!(format!("{token:?}"), "MetricsToken(…)");
    }
}
