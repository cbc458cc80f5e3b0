//! How long the doors and pages take, from a request's head to its answer.
//! At a door that includes waiting for the client to send the body.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hotspan_model::measure::Histogram;

use crate::receive::grpc_frame;
use crate::state::AppState;

/// What answered a request. Few, because each is a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP, in either encoding.
    OtlpHttp,
    /// Sentry envelopes and store requests.
    Sentry,
    /// Pages and the JSON API.
    Page,
}

impl Answerer {
    /// Every one, in the order of declaration.
    pub(crate) const ALL: [Self; 4] = [Self::OtlpGrpc, Self::OtlpHttp, Self::Sentry, Self::Page];

    /// The stable name.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp_grpc",
            Self::OtlpHttp => "otlp_http",
            Self::Sentry => "sentry",
            Self::Page => "page",
        }
    }
}

/// Times of answers.
#[derive(Debug)]
pub(crate) struct AnswerTimes([Histogram; Answerer::ALL.len()]);

impl Default for AnswerTimes {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Histogram::of_durations()))
    }
}

impl AnswerTimes {
    /// Those of one answerer.
    pub(crate) fn of(&self, answerer: Answerer) -> &Histogram {
        &self.0[answerer as usize]
    }
}

/// Times requests of the OTLP listeners, which take both protocols.
pub(crate) async fn time_otlp(state: State<AppState>, request: Request, next: Next) -> Response {
    let grpc = grpc_frame::is_grpc(request.headers());
    time(&state, if grpc { Answerer::OtlpGrpc } else { Answerer::OtlpHttp }, request, next).await
}

/// Times requests of the Sentry doors.
pub(crate) async fn time_sentry(state: State<AppState>, request: Request, next: Next) -> Response {
    time(&state, Answerer::Sentry, request, next).await
}

/// Times pages and the JSON API.
pub(crate) async fn time_pages(state: State<AppState>, request: Request, next: Next) -> Response {
    time(&state, Answerer::Page, request, next).await
}

async fn time(state: &AppState, answerer: Answerer, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    state.doors.answer_times.of(answerer).observe_duration(began.elapsed());
    response
}
