//! A text that must not be shown. It has no `Debug`, `Display` or serde form,
//! so that it cannot slip into a log, and it is wiped when dropped.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the answer that was asked for it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not tell how much agrees.
    pub fn matches(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}
