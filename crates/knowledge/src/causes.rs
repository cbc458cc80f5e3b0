//! What to say about causes: texts with places for figures.

use serde::Deserialize;

/// One cause.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseText {
    /// Stable code, unique over all files.
    pub code: String,
    /// A few words.
    pub title: String,
    /// Whole sentences with `{name}` where figures go. One for a cause that is
    /// not determined says what would decide it.
    pub text: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    fast: String,
    slow: String,
}

/// One file: the causes of one area.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CausesFile {
    /// The names that its texts may use: all that its detectors fill in.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test checks the texts against them"))]
    pub(crate) figures: Vec<String>,
    #[serde(rename = "cause")]
    pub(crate) causes: Vec<CauseText>,
    health: Option<Health>,
}

/// Every cause.
#[derive(Debug, Clone)]
pub struct Causes {
    causes: Vec<CauseText>,
    health: Option<Health>,
}

impl Causes {
    pub(crate) fn of(files: Vec<CausesFile>) -> Self {
        let mut all = Self { causes: Vec::new(), health: None };
        for file in files {
            all.causes.extend(file.causes);
            all.health = all.health.or(file.health);
        }
        all
    }

    /// The causes.
    pub fn all(&self) -> &[CauseText] {
        &self.causes
    }

    /// The cause with this code.
    pub fn get(&self, code: &str) -> Option<&CauseText> {
        self.causes.iter().find(|cause| cause.code == code)
    }

    /// The sentence about who answers credential lookups.
    pub fn health(&self, slow: bool) -> &str {
        match &self.health {
            Some(health) if slow => &health.slow,
            Some(health) => &health.fast,
            None => "",
        }
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
