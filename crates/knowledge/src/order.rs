//! What calls one after the other may depend on, beyond what their addresses
//! show.

use serde::Deserialize;

use crate::connections::words_of;

/// Parameters without a say in what is asked for, and calls that decide about
/// others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    shaping_parameters: Vec<String>,
    gates: Vec<String>,
}

impl Order {
    /// True for the key of a query that says how an answer looks, not what it
    /// is about.
    pub fn is_shaping(&self, key: &str) -> bool {
        let plain = key.chars().filter(char::is_ascii_alphanumeric);
        let plain: String = plain.map(|c| c.to_ascii_lowercase()).collect();
        self.shaping_parameters.contains(&plain)
    }

    /// True for an operation template that decides whether anything else is
    /// called: who somebody is, what is allowed, where to go.
    pub fn is_gate(&self, operation: &str) -> bool {
        let path = operation.split('?').next().unwrap_or_default();
        words_of(path).iter().any(|word| self.gates.contains(word))
    }
}
