//! What to do about causes, by language.

use serde::Deserialize;

/// One way to remove a cause.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixText {
    /// `code`, `configuration` or `broker`.
    pub kind: String,
    /// Language slug; `unknown` fits any.
    #[serde(default = "any_language")]
    pub language: String,
    /// Cause codes it helps against; empty for all.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Families it is about; empty for all.
    #[serde(default)]
    pub families: Vec<String>,
    /// A short imperative line.
    pub title: String,
    /// Code or commands to copy; empty when there is none.
    pub snippet: String,
    /// What it costs, risks, and how it was checked.
    pub note: String,
}

fn any_language() -> String {
    "unknown".to_owned()
}

impl FixText {
    fn helps(&self, cause: &str, family: &str) -> bool {
        let contains =
            |list: &[String], item: &str| list.is_empty() || list.iter().any(|each| each == item);
        contains(&self.causes, cause) && contains(&self.families, family)
    }
}

/// One file: the fixes of one area, best first within a cause. Fixes in the
/// language that was seen come before those for any by their order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FixesFile {
    #[serde(rename = "fix")]
    fixes: Vec<FixText>,
}

/// Every fix.
#[derive(Debug, Clone)]
pub struct Fixes {
    fixes: Vec<FixText>,
}

impl Fixes {
    pub(crate) fn of(files: Vec<FixesFile>) -> Self {
        Self { fixes: files.into_iter().flat_map(|file| file.fixes).collect() }
    }

    /// The fixes.
    pub fn all(&self) -> &[FixText] {
        &self.fixes
    }

    /// What helps against `cause` in `family`, best first: for a known language
    /// its own fixes and those for any, for `unknown` those of every language.
    pub fn against(&self, cause: &str, family: &str, language: &str) -> Vec<&FixText> {
        self.fixes
            .iter()
            .filter(|fix| fix.helps(cause, family))
            .filter(|fix| {
                language == "unknown" || fix.language == "unknown" || fix.language == language
            })
            .collect()
    }
}
