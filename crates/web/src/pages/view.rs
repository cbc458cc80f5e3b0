//! Pages as pure functions from view models to markup.
//!
//! What must not live here: handlers, queries, the clock.

pub(crate) mod compare;
pub(crate) mod connect;
pub(crate) mod credentials;
pub(crate) mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod issue;
pub(crate) mod issue_actions;
pub(crate) mod issue_life;
pub(crate) mod issues;
pub(crate) mod message;
pub(crate) mod search;
pub(crate) mod span;
pub(crate) mod status;
pub(crate) mod trace;
pub(crate) mod traces;
pub(crate) mod words;

#[cfg(test)]
mod tests;
