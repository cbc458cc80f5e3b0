//! Development only: what tests of several crates share. Traces written as text
//! ([`notation`]), recordings of real SDKs ([`fixtures`]) moved to another time
//! ([`retime`]) or decoded ([`decode`]), the labelled corpus ([`corpus`]), spans
//! written as SDKs and other tools do ([`otlp`], [`sentry`], [`jaeger`],
//! [`zipkin`]), made-up traffic for measurements ([`traffic`]), a
//! search for secrets where none may be ([`leak`]), and the SQL statements that
//! OpenTelemetry publishes ([`sql_cases`](mod@sql_cases)).
//!
//! What must not live here: anything that a shipped program uses.

pub mod corpus;
pub mod decode;
pub mod fixtures;
pub mod jaeger;
pub mod leak;
pub mod notation;
pub mod otlp;
pub mod retime;
pub mod sentry;
pub mod sql_cases;
pub mod traffic;
pub mod zipkin;
