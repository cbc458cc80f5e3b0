//! The doors, the API and what guards the pages, over real sockets: every
//! test sends requests to a server of its own and looks at the answers and at
//! `/api/v1/stats`.

mod agents;
mod api;
mod client;
mod guard;
mod life;
mod login;
mod metrics;
mod otlp_grpc;
mod otlp_http;
mod payload;
mod search;
mod sentry;
mod server;
