//! Filters back to text that reads as the same filter.

use std::fmt::{self, Display, Formatter};

use hotspan_model::time::NANOS_PER_SECOND;

use super::syntax::{
    AttributeTerm, AttributeTest, Comparison, NumberField, Pattern, Place, SpanFilter, Term,
};
use super::words::{self, KINDS, Key, STATUSES};

impl Display for SpanFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " "),
            Self::Or(parts) => joined(f, parts, " OR "),
            Self::Not(part) => {
                f.write_str("!")?;
                within(f, part)
            }
            Self::Term(term) => term.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[SpanFilter], sign: &str) -> fmt::Result {
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            f.write_str(sign)?;
        }
        within(f, part)?;
    }
    Ok(())
}

fn within(f: &mut Formatter<'_>, part: &SpanFilter) -> fmt::Result {
    match part {
        SpanFilter::And(parts) if parts.is_empty() => f.write_str("{}"),
        SpanFilter::And(_) | SpanFilter::Or(_) => write!(f, "({part})"),
        SpanFilter::Not(_) | SpanFilter::Term(_) => part.fmt(f),
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameHas(pattern) => pattern.fmt(f),
            Self::Text(field, patterns) => list(f, field.slug(), patterns),
            Self::Kind(kinds) => list(f, "kind", &slugs(kinds, &KINDS)),
            Self::Status(statuses) => list(f, "status", &slugs(statuses, &STATUSES)),
            Self::Number(field, comparison, number) => {
                let unit = if *field == NumberField::Duration { "ns" } else { "" };
                write!(f, "{}:{}{number}{unit}", field.slug(), comparison.sign())
            }
            Self::Start(comparison, moment) => {
                // With all nanoseconds, of which the usual form has only some.
                let seconds = moment.to_string();
                let seconds = seconds.get(..19).unwrap_or(&seconds);
                let nanos = moment.0.rem_euclid(NANOS_PER_SECOND);
                write!(f, "start:{}{seconds}.{nanos:09}Z", comparison.sign())
            }
            Self::Trace(ids) => list(f, "trace", ids),
            Self::Span(ids) => list(f, "id", ids),
            Self::Parent(ids) => list(f, "parent", ids),
            Self::Has(optional) => write!(f, "has:{}", optional.slug()),
            Self::Entry => f.write_str("is:entry"),
            Self::Attribute(attribute) => attribute.fmt(f),
        }
    }
}

impl Display for AttributeTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let key = key_text(self.place, &self.key);
        match &self.test {
            AttributeTest::Present => write!(f, "{key}:*"),
            AttributeTest::OneOf(patterns) => list(f, &key, patterns),
            AttributeTest::Compare(comparison, number) => {
                let sign = if *comparison == Comparison::Equal { "" } else { comparison.sign() };
                write!(f, "{key}:{sign}{number:?}")
            }
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for (nth, piece) in self.pieces().iter().enumerate() {
            if nth > 0 {
                f.write_str("*")?;
            }
            for letter in piece.chars() {
                match letter {
                    '"' | '\\' | '*' => write!(f, "\\{letter}")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    letter => write!(f, "{letter}")?,
                }
            }
        }
        f.write_str("\"")
    }
}

fn slugs<T: PartialEq>(values: &[T], known: &[(&'static str, T)]) -> Vec<&'static str> {
    values
        .iter()
        .filter_map(|value| known.iter().find(|(_, known)| known == value))
        .map(|(word, _)| *word)
        .collect()
}

fn list<T: Display>(f: &mut Formatter<'_>, key: &str, values: &[T]) -> fmt::Result {
    if let [only] = values {
        return write!(f, "{key}:{only}");
    }
    write!(f, "{key}:[")?;
    for (nth, value) in values.iter().enumerate() {
        write!(f, "{}{value}", if nth > 0 { "," } else { "" })?;
    }
    f.write_str("]")
}

/// An attribute's name, in quotes where it would be read as something else.
fn key_text(place: Place, key: &str) -> String {
    let prefix = match place {
        Place::Either => "",
        Place::Span => "span.",
        Place::Resource => "resource.",
    };
    let written = format!("{prefix}{key}");
    let is_plain =
        key.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/@".contains(letter))
            && !key.starts_with('-')
            && !matches!(key, "OR" | "AND" | "NOT" | "http" | "https");
    let reads_back = words::key(&written) == Ok(Key::Attribute(place, key.to_owned()));
    if is_plain && reads_back {
        return written;
    }
    format!("{prefix}{}", Pattern::exact(key))
}
