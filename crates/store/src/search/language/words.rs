//! The words of the language: names of fields with their other names, and
//! what was perhaps meant by a word that is not one.

use hotspan_model::{SpanKind, Status};

use super::syntax::{NumberField, Optional, Place, TextField};

/// What stands before a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Text(TextField),
    Kind,
    Status,
    Number(NumberField),
    Start,
    Trace,
    Span,
    Parent,
    Entry,
    /// `is:…`
    Is,
    /// `has:…`
    Has,
    Attribute(Place, String),
}

/// Field names, the one that is printed first; the others are those of Sentry,
/// of TraceQL and of OpenTelemetry.
const FIELDS: &[(&str, Key)] = &[
    ("project", Key::Text(TextField::Project)),
    ("service", Key::Text(TextField::Service)),
    ("service.name", Key::Text(TextField::Service)),
    ("resource.service.name", Key::Text(TextField::Service)),
    ("name", Key::Text(TextField::Name)),
    ("span.name", Key::Text(TextField::Name)),
    ("span:name", Key::Text(TextField::Name)),
    ("span.description", Key::Text(TextField::Name)),
    ("description", Key::Text(TextField::Name)),
    ("status.message", Key::Text(TextField::StatusMessage)),
    ("statusMessage", Key::Text(TextField::StatusMessage)),
    ("span:statusMessage", Key::Text(TextField::StatusMessage)),
    ("environment", Key::Text(TextField::Environment)),
    ("env", Key::Text(TextField::Environment)),
    ("deployment.environment", Key::Text(TextField::Environment)),
    ("deployment.environment.name", Key::Text(TextField::Environment)),
    ("release", Key::Text(TextField::Release)),
    ("service.version", Key::Text(TextField::Release)),
    ("scope", Key::Text(TextField::Scope)),
    ("instrumentation:name", Key::Text(TextField::Scope)),
    ("otel.scope.name", Key::Text(TextField::Scope)),
    ("kind", Key::Kind),
    ("span.kind", Key::Kind),
    ("span:kind", Key::Kind),
    ("status", Key::Status),
    ("span.status", Key::Status),
    ("span:status", Key::Status),
    ("duration", Key::Number(NumberField::Duration)),
    ("span.duration", Key::Number(NumberField::Duration)),
    ("span:duration", Key::Number(NumberField::Duration)),
    ("http.status_code", Key::Number(NumberField::HttpStatus)),
    ("http.response.status_code", Key::Number(NumberField::HttpStatus)),
    ("http.status", Key::Number(NumberField::HttpStatus)),
    ("start", Key::Start),
    ("timestamp", Key::Start),
    ("time", Key::Start),
    ("trace", Key::Trace),
    ("trace.id", Key::Trace),
    ("trace_id", Key::Trace),
    ("trace:id", Key::Trace),
    ("id", Key::Span),
    ("span.id", Key::Span),
    ("span_id", Key::Span),
    ("span:id", Key::Span),
    ("parent", Key::Parent),
    ("parent_span", Key::Parent),
    ("parent_span.id", Key::Parent),
    ("parent_span_id", Key::Parent),
    ("span:parentID", Key::Parent),
    ("entry", Key::Entry),
    ("is_transaction", Key::Entry),
    ("is_segment", Key::Entry),
    ("is", Key::Is),
    ("has", Key::Has),
];

/// Attributes that people know under a shorter name.
const ATTRIBUTE_NAMES: &[(&str, &str)] =
    &[("span.op", "sentry.op"), ("op", "sentry.op"), ("transaction.op", "sentry.op")];

/// Words after `is:`.
pub(super) const IS_WORDS: [&str; 3] = ["entry", "root", "error"];

/// A key as written without quotes; `Err` names the field that was perhaps meant.
pub(super) fn key(word: &str) -> Result<Key, &'static str> {
    if let Some((_, key)) = FIELDS.iter().find(|(name, _)| *name == word) {
        return Ok(key.clone());
    }
    if let Some((_, name)) = ATTRIBUTE_NAMES.iter().find(|(short, _)| *short == word) {
        return Ok(Key::Attribute(Place::Span, (*name).to_owned()));
    }
    if let Some(rest) = word.strip_prefix('.').filter(|rest| !rest.is_empty()) {
        return Ok(Key::Attribute(Place::Either, rest.to_owned()));
    }
    for (prefix, place) in PLACES {
        if let Some(rest) = word.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            return Ok(Key::Attribute(place, rest.to_owned()));
        }
    }
    // Attributes have dots, most of them; a plain word that is nearly a field
    // is that field misspelt.
    match nearest(word, FIELDS.iter().map(|(name, _)| *name)) {
        Some(meant) if !word.contains('.') => Err(meant),
        _ => Ok(Key::Attribute(Place::Either, word.to_owned())),
    }
}

/// What may stand before an attribute's name.
pub(super) const PLACES: [(&str, Place); 3] =
    [("span.", Place::Span), ("attributes.", Place::Span), ("resource.", Place::Resource)];

/// The optional field that `has:` asks about, for a key that is a field.
pub(super) fn optional(key: &Key) -> Option<Optional> {
    match key {
        Key::Text(TextField::Environment) => Some(Optional::Environment),
        Key::Text(TextField::Release) => Some(Optional::Release),
        Key::Text(TextField::StatusMessage) => Some(Optional::StatusMessage),
        Key::Number(NumberField::HttpStatus) => Some(Optional::HttpStatus),
        Key::Parent => Some(Optional::Parent),
        _ => None,
    }
}

pub(super) const KINDS: [(&str, SpanKind); 5] = [
    ("internal", SpanKind::Internal),
    ("server", SpanKind::Server),
    ("client", SpanKind::Client),
    ("producer", SpanKind::Producer),
    ("consumer", SpanKind::Consumer),
];

/// Sentry's outcomes other than `ok` are errors; they are found by
/// `status.message`.
pub(super) const STATUSES: [(&str, Status); 3] =
    [("unset", Status::Unset), ("ok", Status::Ok), ("error", Status::Error)];

/// `a, b or c`.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// The word that is at most two slips away from `word`, and fewer than its
/// length would excuse.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    if !(3..=24).contains(&letters) {
        return None;
    }
    let slips_max = if letters < 5 { 1 } else { 2 };
    known
        .into_iter()
        .filter(|known| known.chars().count() > 2)
        .map(|known| (slips(word, known), known))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

/// Letters to add, drop, change, or swap with their neighbour.
fn slips(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) =
        (left.to_lowercase().chars().collect(), right.to_lowercase().chars().collect());
    let mut rows = vec![vec![0usize; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let changed = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}
