//! Something that was configured and cannot be used: what is wrong with it and
//! what to do. A configuration is refused with it, and a fetch fails with it
//! when a file has changed since.

use thiserror::Error;

/// What is wrong, and what to do about it. Both are for people, and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}; {remedy}")]
pub struct Unusable {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Unusable {
    /// Puts both together.
    pub fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}
