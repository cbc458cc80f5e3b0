//! Why a text is not a filter: where, what stands there, what should.

use thiserror::Error;

/// Why a text is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at character {}: found {found}, expected {expected}{}", column + 1, hint_text(hint.as_deref()))]
pub struct FilterError {
    /// Byte of the text where the trouble begins.
    pub at: usize,
    /// The same in characters, from 0.
    pub column: usize,
    /// Characters it spans; at least 1, and at the end of the text beyond it.
    pub width: usize,
    /// What stands there.
    pub found: String,
    /// What could.
    pub expected: String,
    /// What was perhaps meant.
    pub hint: Option<String>,
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

/// Characters of what was found that a message quotes.
const QUOTED_MAX: usize = 40;

impl FilterError {
    /// Trouble with `text[from..to]`.
    pub(super) fn new(text: &str, from: usize, to: usize, expected: impl Into<String>) -> Self {
        let part = text.get(from..to).unwrap_or_default();
        let found =
            if part.is_empty() && from >= text.len() { "the end".to_owned() } else { quoted(part) };
        Self {
            at: from,
            column: text.get(..from).unwrap_or(text).chars().count(),
            width: part.chars().count().max(1),
            found,
            expected: expected.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }
}

fn quoted(part: &str) -> String {
    match part.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("`{}…`", &part[..end]),
        None => format!("`{part}`"),
    }
}
