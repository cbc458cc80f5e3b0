//! Logging in and out, and the check that every page is behind.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;

use super::login_page::{Notice, login_page};
use super::password::verify_password;
use super::session::{Token, farewell_cookie};
use crate::api::error::ApiError;
use crate::receive::denial::retry_seconds;
use crate::state::AppState;

/// Where to log in.
const LOGIN_PATH: &str = "/login";
/// More of a name is not looked at.
const NAME_CHARS_MAX: usize = 64;
/// A login form is no larger.
const FORM_BYTES_MAX: usize = 8 * 1024;

/// The login page, its form, and the way out.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(LOGIN_PATH, get(page).post(log_in))
        .route("/logout", post(log_out))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Lets requests with a session through; others go to the login page, or get
/// 401 from the API.
pub(crate) async fn require_session(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if !state.config.login_required {
        return next.run(request).await;
    }
    match user_of(&state, request.headers()).await {
        Ok(Some(_)) => next.run(request).await,
        Ok(None) => turn_away(&request),
        Err(error) => error.into_response(),
    }
}

/// The user of a request's session.
pub(crate) async fn user_of(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<Option<String>, ApiError> {
    let Some(token) = Token::of_request(headers, &state.config) else {
        return Ok(None);
    };
    Ok(state.catalogue.login_user(&token.hash()).await?)
}

fn turn_away(request: &Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || request.method() != Method::GET {
        return ApiError::new(
            StatusCode::UNAUTHORIZED,
            "this server asks for a login",
            "log in at /login and send the session cookie",
        )
        .into_response();
    }
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    Redirect::to(&format!("{LOGIN_PATH}?next={}", encode(wanted))).into_response()
}

/// A value inside a query: everything but plain characters is encoded.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// Where to go after the login: a path of this server, never another one.
fn safe_next(next: Option<&str>) -> &str {
    next.filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && !path.chars().any(char::is_control)
    })
    .unwrap_or("/")
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    next: Option<String>,
}

async fn page(State(state): State<AppState>, Query(asked): Query<Asked>) -> Response {
    if !state.config.login_required {
        return Redirect::to("/").into_response();
    }
    login_page(safe_next(asked.next.as_deref()), Notice::None).into_response()
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
    next: Option<String>,
}

/// Who asks, for the count of failures. Behind a proxy every client has the
/// proxy's address; the count then goes by name alone.
struct Peer(Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(address.map(|ConnectInfo(address)| address.ip())))
    }
}

async fn log_in(
    State(state): State<AppState>,
    Peer(address): Peer,
    Form(credentials): Form<Credentials>,
) -> Response {
    let name: String = credentials.user.chars().take(NAME_CHARS_MAX).collect();
    let next = safe_next(credentials.next.as_deref()).to_owned();
    if let Some(wait) = state.doors.attempts.wait(&name, address, Instant::now()) {
        state.count_refusal("login_too_often");
        return too_often(&next, wait);
    }
    let right = match is_right(&state, &name, credentials.password).await {
        Ok(right) => right,
        Err(error) => return error.into_response(),
    };
    if !right {
        state.doors.attempts.failed(&name, address, Instant::now());
        state.count_refusal("login_failed");
        let page = login_page(&next, Notice::Wrong);
        return (StatusCode::UNAUTHORIZED, page).into_response();
    }
    state.doors.attempts.succeeded(&name, address);
    match open_session(&state, &name).await {
        Ok(cookie) => {
            (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(&next)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn too_often(next: &str, wait: Duration) -> Response {
    let seconds = retry_seconds(wait);
    let page = login_page(next, Notice::Wait { seconds });
    let headers = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
    (StatusCode::TOO_MANY_REQUESTS, headers, page).into_response()
}

/// Checks a password; a few at a time, since each check takes 19 MiB.
async fn is_right(state: &AppState, name: &str, password: String) -> Result<bool, ApiError> {
    let stored = state.catalogue.password_hash_of(name).await?;
    let turn = Arc::clone(&state.doors.password_checks).acquire_owned().await;
    let check = tokio::task::spawn_blocking(move || {
        let right = verify_password(&password, stored.as_deref());
        drop(turn);
        right
    });
    Ok(check.await.unwrap_or(false))
}

async fn open_session(state: &AppState, name: &str) -> Result<String, ApiError> {
    let token = Token::random().map_err(|error| {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the system gave no random bytes: {error}"),
            "look at the system's log",
        )
    })?;
    let lifetime = i64::try_from(state.config.session_lifetime.as_nanos()).unwrap_or(i64::MAX);
    let expires = state.now().plus(lifetime);
    state.catalogue.add_login(&token.hash(), name, expires).await?;
    Ok(token.cookie(&state.config))
}

async fn log_out(State(state): State<AppState>, headers: HeaderMap) -> Response {
    if let Some(token) = Token::of_request(&headers, &state.config)
        && let Err(error) = state.catalogue.remove_login(&token.hash()).await
    {
        return ApiError::from(error).into_response();
    }
    (
        AppendHeaders([(header::SET_COOKIE, farewell_cookie(&state.config))]),
        Redirect::to(LOGIN_PATH),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_come_next() {
        for (next, expected) in [
            (Some("/issues?window=1h"), "/issues?window=1h"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\r\nb"), "/"),
            (Some(""), "/"),
            (None, "/"),
        ] {
            assert_eq!(safe_next(next), expected, "{next:?}");
        }
        assert_eq!(encode("/a b?c=d&e"), "/a%20b%3Fc%3Dd%26e");
    }
}
