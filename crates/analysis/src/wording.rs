//! Causes and fixes in words: texts of the knowledge tables with the figures of
//! a finding in them. What the figures are is decided by the detectors.

use hotspan_knowledge::causes::fill;
use hotspan_knowledge::knowledge;
use hotspan_model::{Cause, Confidence, Fix, FixKind, Language};

/// The cause `code` with its figures filled in.
pub(crate) fn cause(
    code: &str,
    confidence: Confidence,
    figures: &[(&str, String)],
    facts: Vec<(String, String)>,
) -> Cause {
    let text = knowledge().causes.get(code).map_or("", |cause| &cause.text);
    let text = fill(text, figures);
    let mut letters = text.trim().chars();
    let text = match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    };
    Cause { code: code.to_owned(), confidence, text, facts }
}

/// What to do against `cause` in `family` (empty for none), best first; fixes
/// in the language that was seen come first among changes of code.
pub(crate) fn fixes(cause: &str, family: &str, language: Language) -> Vec<Fix> {
    let known = knowledge().fixes.against(cause, family, language.slug());
    known
        .into_iter()
        .map(|fix| Fix {
            kind: FixKind::from_slug(&fix.kind).unwrap_or(FixKind::Code),
            language: language_of(&fix.language),
            title: fix.title.clone(),
            snippet: fix.snippet.trim_matches('\n').to_owned(),
            note: fix.note.clone(),
        })
        .collect()
}

fn language_of(slug: &str) -> Language {
    let found = Language::ALL.into_iter().find(|language| language.slug() == slug);
    found.unwrap_or_default()
}
