//! What a call asked for, values included, as one number: so that calls that
//! look alike can be told to be the same or to differ.

use hotspan_model::normalise::sql;
use hotspan_model::{CallKind, Door};
use twox_hash::XxHash3_128;

use crate::conventions::{Key, ToldSpan};

/// A hash of what a call of `kind` asked for; 0 when the span does not tell,
/// as with placeholders.
pub(crate) fn asked(span: &ToldSpan<'_>, kind: CallKind) -> u64 {
    let text = match kind {
        CallKind::Database => statement_of(span).filter(|text| !is_bound(text)),
        CallKind::Http => address_of(span),
        _ => None,
    };
    text.map_or(0, |text| (XxHash3_128::oneshot(text.as_bytes()) as u64).max(1))
}

/// True when values are left out of a statement. Literals fingerprint to `?`,
/// too, so those that stand there are taken out first.
fn is_bound(text: &str) -> bool {
    let masked = sql::mask(text, sql::Quotes::Guess);
    let marks = |text: &str| text.matches(['?', '$', ':', '@', '%']).count();
    match masked {
        Some(_) => marks(text) > 0,
        None => sql::fingerprint(text).contains('?'),
    }
}

/// The text of a span's statement: an attribute, or the name of Sentry's spans.
pub(crate) fn statement_of<'a>(span: &'a ToldSpan<'_>) -> Option<&'a str> {
    let named = || (span.door == Door::Sentry).then_some(span.name.as_str());
    span.attributes
        .first_str(&[Key::DbQueryText, Key::DbStatement])
        .or_else(named)
        .filter(|text| !text.is_empty())
}

/// Whatever tells the most of a request's address.
fn address_of<'a>(span: &'a ToldSpan<'_>) -> Option<&'a str> {
    let told = [Key::UrlFull, Key::HttpUrl, Key::Url, Key::HttpTarget, Key::UrlPath];
    let named = || span.name.contains("://").then_some(span.name.as_str());
    span.attributes.first_str(&told).or_else(named)
}

/// The query of a request's address; empty when there is none.
pub(crate) fn query_of<'a>(span: &'a ToldSpan<'_>) -> &'a str {
    let query = address_of(span).and_then(|address| address.split_once('?'));
    query.map_or("", |(_, query)| query.split('#').next().unwrap_or_default())
}
