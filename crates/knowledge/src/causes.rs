//! What to say about causes: texts with places for figures.

use serde::Deserialize;

/// One cause.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseText {
    /// Stable code.
    pub code: String,
    /// A few words.
    pub title: String,
    /// Whole sentences with `{name}` where figures go.
    pub text: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    fast: String,
    slow: String,
}

/// Every cause.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Causes {
    cause: Vec<CauseText>,
    health: Health,
}

impl Causes {
    /// The causes.
    pub fn all(&self) -> &[CauseText] {
        &self.cause
    }

    /// The cause with this code.
    pub fn get(&self, code: &str) -> Option<&CauseText> {
        self.cause.iter().find(|cause| cause.code == code)
    }

    /// The sentence about who answers the lookups.
    pub fn health(&self, slow: bool) -> &str {
        if slow { &self.health.slow } else { &self.health.fast }
    }
}

/// Puts figures into a text. `{health}` may itself contain names, so it is
/// given already filled. A name without a figure stays, for the test to find.
pub fn fill(text: &str, figures: &[(&str, String)]) -> String {
    let mut filled = text.to_owned();
    for (name, figure) in figures {
        filled = filled.replace(&format!("{{{name}}}"), figure);
    }
    filled
}
