//! A request for a page: what its address asks for, and pages that say why
//! there is nothing to show.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OriginalUri, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hotspan_store::{StoreError, TimeWindow};
use maud::Markup;

use super::view::message::message;
use crate::parts::address::Address;
use crate::parts::shell::{Frame, Window};
use crate::state::AppState;

/// A request for a page.
pub(crate) struct Visit {
    /// The server.
    pub(crate) state: AppState,
    /// What every page needs to know.
    pub(crate) frame: Frame,
    /// Host and port as the browser knows them; empty when not told.
    pub(crate) host: String,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, state).await?;
        // An address that cannot be decoded asks for nothing in particular.
        let params = Query::<Vec<(String, String)>>::try_from_uri(&uri)
            .map(|Query(params)| params)
            .unwrap_or_default();
        let here = Address::of(uri.path(), &params);
        let window = here.get("window").and_then(Window::from_slug).unwrap_or_default();
        Ok(Self {
            frame: Frame {
                here,
                now: state.now(),
                window,
                demo: state.config.demo,
                session: state.config.login_required,
            },
            host: host_of(parts, &uri),
            state: state.clone(),
        })
    }
}

fn host_of(parts: &Parts, uri: &Uri) -> String {
    let told = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = told.or_else(|| uri.authority().map(|authority| authority.as_str()));
    host.unwrap_or_default().to_owned()
}

impl Visit {
    /// The chosen stretch of time; the present belongs to it.
    pub(crate) fn window(&self) -> TimeWindow {
        self.back(self.frame.window.nanos())
    }

    /// The last `nanos`.
    pub(crate) fn back(&self, nanos: i64) -> TimeWindow {
        let to = self.frame.now.plus(1);
        TimeWindow { from: to.plus(-nanos), to }
    }

    /// A parameter of the address; empty when not given.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.frame.here.get(name).unwrap_or_default()
    }

    /// Something the address names is not there.
    pub(crate) fn missing(&self, title: &str, text: &str) -> PageError {
        PageError::new(StatusCode::NOT_FOUND, message(&self.frame, title, text))
    }

    /// What was asked for cannot be done; nothing changed.
    pub(crate) fn unclear(&self, title: &str, text: &str) -> PageError {
        PageError::new(StatusCode::CONFLICT, message(&self.frame, title, text))
    }

    /// What the address asks for makes no sense; the page says why.
    pub(crate) fn refused(&self, page: Markup) -> PageError {
        PageError::new(StatusCode::BAD_REQUEST, page)
    }

    /// The store could not answer.
    pub(crate) fn failed(&self, error: &StoreError) -> PageError {
        if let StoreError::QueryTimeout(_) = error {
            let text = "The question took too long. Choose a shorter time window.";
            let page = message(&self.frame, "Too much to look at", text);
            return PageError::new(StatusCode::GATEWAY_TIMEOUT, page);
        }
        tracing::error!(%error, page = %self.frame.here, "a query of a page failed");
        self.broken()
    }

    /// Something went wrong that only the log can tell.
    pub(crate) fn broken(&self) -> PageError {
        let text = "The server could not put this page together. Its log says why.";
        let page = message(&self.frame, "Something went wrong", text);
        PageError::new(StatusCode::INTERNAL_SERVER_ERROR, page)
    }
}

/// A page that says why there is nothing to show.
pub(crate) struct PageError {
    status: StatusCode,
    page: Markup,
}

impl PageError {
    fn new(status: StatusCode, page: Markup) -> Self {
        Self { status, page }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        (self.status, self.page).into_response()
    }
}

/// What a handler of a page answers.
pub(crate) type Shown = Result<Markup, PageError>;

/// Any address that no page has.
pub(crate) async fn no_such_page(visit: Visit) -> PageError {
    visit.missing(
        "No such page",
        "The address leads nowhere on this server. It may come from another version.",
    )
}
