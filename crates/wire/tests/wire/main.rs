//! Tests of the decoders through what the crate gives to others: tables of
//! good and bad input, every recorded request, and properties over generated
//! ones. Tests of single parts stand beside those parts.

#![expect(
    clippy::disallowed_methods,
    reason = "the recorded requests are files; only the crate itself must not open any"
)]

mod captures;
mod generate;
mod hostile;
mod jaeger;
mod otlp_json;
mod otlp_limits;
mod otlp_protobuf;
mod reference;
mod retime;
mod rewire;
mod sentry;
mod sentry_payloads;
mod show;
mod zipkin;
