//! The filter language: text to [`SpanFilter`] and back. Pure: no columns, no
//! clock, no files.
//!
//! Familiar to users of Sentry's search and of TraceQL: `service:api
//! duration:>2s !kind:server (a OR b)`, described in `docs/search.md`.

mod condition;
mod fault;
mod lexer;
mod parse;
mod print;
mod syntax;
#[cfg(test)]
mod tests;
mod units;
mod value;
mod words;

pub use fault::FilterError;
pub use parse::{FILTER_BYTES_MAX, parse};
pub use syntax::{
    AttributeTerm, AttributeTest, Comparison, NumberField, Optional, Pattern, Place, SpanFilter,
    Term, TextField,
};
