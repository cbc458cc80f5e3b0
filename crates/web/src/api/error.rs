//! Errors of the API: a status, what is wrong, what to do.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hotspan_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer that is not the one asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Body,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    remedy: String,
    /// Where in a text the trouble is, for errors that have such a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

/// A place in a text, in characters from 0.
#[derive(Debug, Serialize)]
struct Place {
    at: usize,
    width: usize,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (error, remedy) = (error.into(), remedy.into());
        Self { status, body: Body { error, remedy, place: None } }
    }

    /// 400 for a parameter.
    pub(crate) fn parameter(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, remedy)
    }

    /// Adds where in a text the trouble is.
    pub(crate) fn at(mut self, at: usize, width: usize) -> Self {
        self.body.place = Some(Place { at, width });
        self
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.body.error
    }

    /// 404 for something that is not there.
    pub(crate) fn missing(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, remedy)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::QueryTimeout(_) = error {
            return Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                error.to_string(),
                "ask for a shorter window",
            );
        }
        tracing::error!(%error, "a query failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store could not answer",
            "look at the server's log",
        )
    }
}

/// 404 for everything else below `/api/v1`.
pub(crate) async fn unknown_path() -> ApiError {
    ApiError::missing("there is no such API path", "see docs/api.md for the paths there are")
}

/// Query parameters, whose faults are told like every other error.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(ApiError::parameter(
                rejection.body_text(),
                "see docs/api.md for the parameters of this path",
            )),
        }
    }
}

/// A JSON body, whose faults are told like every other error.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(ApiError::new(
                rejection.status(),
                rejection.body_text(),
                "see docs/api.md for the body of this path, and send it as application/json",
            )),
        }
    }
}
