//! What a field can be compared with: each kind of field reads its values.

use hotspan_model::{SpanId, TraceId};

use super::condition::{is_anything, present};
use super::fault::FilterError;
use super::lexer::Piece;
use super::syntax::{
    AttributeTerm, AttributeTest, Comparison, NumberField, Optional, Pattern, Place, SpanFilter,
    Term,
};
use super::units;
use super::words::{self, IS_WORDS, KINDS, Key, STATUSES};

/// How key and value stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Is,
    IsNot,
    Compares(Comparison),
}

/// The condition as it was written.
pub(super) struct Asked<'a> {
    pub(super) text: &'a str,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) key: &'a str,
    pub(super) sign: Sign,
}

/// What may stand after a key.
pub(super) fn expected(key: &Key) -> String {
    match key {
        Key::Text(_) => "a text".to_owned(),
        Key::Kind => words::one_of(KINDS.map(|(word, _)| word)),
        Key::Status => words::one_of(STATUSES.map(|(word, _)| word)),
        Key::Number(NumberField::Duration) => "a duration such as 2s, 1.5ms or 300us".to_owned(),
        Key::Number(NumberField::HttpStatus) => "an HTTP status such as 404 or 5xx".to_owned(),
        Key::Start => "a time such as 2026-11-23T14:02 (UTC)".to_owned(),
        Key::Trace => "a trace id of 32 hex digits".to_owned(),
        Key::Span | Key::Parent => "a span id of 16 hex digits".to_owned(),
        Key::Entry => "true or false".to_owned(),
        Key::Is => words::one_of(IS_WORDS),
        Key::Has => "the name of an attribute or a field".to_owned(),
        Key::Attribute(..) => "a text or a number".to_owned(),
    }
}

/// The filter that key, sign and values make.
pub(super) fn filter(
    asked: &Asked<'_>,
    key: Key,
    values: Vec<Piece>,
) -> Result<SpanFilter, FilterError> {
    let comparison = match asked.sign {
        Sign::Compares(comparison) => comparison,
        Sign::Is | Sign::IsNot => Comparison::Equal,
    };
    let filter = match &key {
        Key::Number(field) => {
            one_each(&values, |piece| number(asked, &key, *field, comparison, piece))
        }
        Key::Start => one_each(&values, |piece| start(asked, &key, comparison, piece)),
        Key::Attribute(place, name) => attribute(asked, &key, *place, name, comparison, values),
        _ if comparison != Comparison::Equal => {
            Err(FilterError::new(asked.text, asked.from, asked.to, "`:` or `=` and a value")
                .hint(format!("{} has no order", asked.key)))
        }
        Key::Text(field) => {
            // An optional field that is anything at all is there.
            let anything = values.iter().any(|piece| is_anything(&piece.pattern));
            let term = match words::optional(&key).filter(|_| anything) {
                Some(optional) => Term::Has(optional),
                None => Term::Text(*field, values.into_iter().map(|piece| piece.pattern).collect()),
            };
            Ok(SpanFilter::Term(term))
        }
        Key::Kind => {
            words_of(asked, &key, &values, &KINDS).map(|kinds| SpanFilter::Term(Term::Kind(kinds)))
        }
        Key::Status => words_of(asked, &key, &values, &STATUSES)
            .map(|statuses| SpanFilter::Term(Term::Status(statuses))),
        Key::Trace => {
            ids::<TraceId>(asked, &key, &values).map(|ids| SpanFilter::Term(Term::Trace(ids)))
        }
        Key::Span => {
            ids::<SpanId>(asked, &key, &values).map(|ids| SpanFilter::Term(Term::Span(ids)))
        }
        Key::Parent => {
            ids::<SpanId>(asked, &key, &values).map(|ids| SpanFilter::Term(Term::Parent(ids)))
        }
        Key::Entry => one_each(&values, |piece| entry(asked, &key, piece)),
        Key::Is => one_each(&values, |piece| is(asked, &key, piece)),
        Key::Has => one_each(&values, |piece| has(asked, &key, piece)),
    }?;
    Ok(match asked.sign {
        Sign::IsNot => not(filter),
        _ => filter,
    })
}

fn not(filter: SpanFilter) -> SpanFilter {
    SpanFilter::Not(Box::new(filter))
}

/// A list of values that each make a condition holds when one of them does.
fn one_each(
    values: &[Piece],
    read: impl Fn(&Piece) -> Result<SpanFilter, FilterError>,
) -> Result<SpanFilter, FilterError> {
    let mut parts = values.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ => SpanFilter::Or(parts),
    })
}

fn wrong(asked: &Asked<'_>, key: &Key, piece: &Piece) -> FilterError {
    FilterError::new(asked.text, piece.from, piece.to, expected(key))
}

fn exact<'a>(asked: &Asked<'_>, key: &Key, piece: &'a Piece) -> Result<&'a str, FilterError> {
    piece.pattern.as_exact().ok_or_else(|| wrong(asked, key, piece))
}

fn number(
    asked: &Asked<'_>,
    key: &Key,
    field: NumberField,
    comparison: Comparison,
    piece: &Piece,
) -> Result<SpanFilter, FilterError> {
    if field == NumberField::HttpStatus
        && let Some(hundred) =
            status_class(&piece.pattern).filter(|_| comparison == Comparison::Equal)
    {
        let bound = |comparison, status| SpanFilter::Term(Term::Number(field, comparison, status));
        return Ok(SpanFilter::And(vec![
            bound(Comparison::AtLeast, hundred * 100),
            bound(Comparison::AtMost, hundred * 100 + 99),
        ]));
    }
    let text = exact(asked, key, piece)?;
    let number = match field {
        NumberField::Duration => units::duration_ns(text),
        NumberField::HttpStatus => text.parse().ok(),
    };
    let number = number.ok_or_else(|| wrong(asked, key, piece))?;
    Ok(SpanFilter::Term(Term::Number(field, comparison, number)))
}

/// `5xx` and `5*`.
fn status_class(pattern: &Pattern) -> Option<i64> {
    let digit = match pattern.pieces() {
        [text] => text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"))?,
        [first, last] if last.is_empty() => first,
        _ => return None,
    };
    digit.parse().ok().filter(|hundred| (1..=9).contains(hundred))
}

fn start(
    asked: &Asked<'_>,
    key: &Key,
    comparison: Comparison,
    piece: &Piece,
) -> Result<SpanFilter, FilterError> {
    if comparison == Comparison::Equal {
        return Err(FilterError::new(
            asked.text,
            piece.from,
            piece.to,
            "`>`, `>=`, `<` or `<=` before a time",
        ));
    }
    let moment =
        units::moment(exact(asked, key, piece)?).ok_or_else(|| wrong(asked, key, piece))?;
    Ok(SpanFilter::Term(Term::Start(comparison, moment)))
}

fn words_of<T: Copy>(
    asked: &Asked<'_>,
    key: &Key,
    values: &[Piece],
    known: &[(&str, T)],
) -> Result<Vec<T>, FilterError> {
    let read = |piece: &Piece| {
        let word = exact(asked, key, piece)?.to_lowercase();
        let found = known.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        let nearest = words::nearest(&word, known.iter().map(|(word, _)| *word));
        found.ok_or_else(|| {
            wrong(asked, key, piece)
                .hint_if(nearest.map(|meant| format!("did you mean `{meant}`?")))
        })
    };
    values.iter().map(read).collect()
}

fn ids<T: std::str::FromStr>(
    asked: &Asked<'_>,
    key: &Key,
    values: &[Piece],
) -> Result<Vec<T>, FilterError> {
    let read = |piece: &Piece| {
        let text = exact(asked, key, piece)?;
        text.parse().map_err(|_| wrong(asked, key, piece))
    };
    values.iter().map(read).collect()
}

fn entry(asked: &Asked<'_>, key: &Key, piece: &Piece) -> Result<SpanFilter, FilterError> {
    let entry = SpanFilter::Term(Term::Entry);
    match exact(asked, key, piece)? {
        "true" | "1" => Ok(entry),
        "false" | "0" => Ok(not(entry)),
        _ => Err(wrong(asked, key, piece)),
    }
}

fn is(asked: &Asked<'_>, key: &Key, piece: &Piece) -> Result<SpanFilter, FilterError> {
    match exact(asked, key, piece)? {
        "entry" => Ok(SpanFilter::Term(Term::Entry)),
        "root" => Ok(not(SpanFilter::Term(Term::Has(Optional::Parent)))),
        "error" => Ok(SpanFilter::Term(Term::Status(vec![hotspan_model::Status::Error]))),
        word => Err(wrong(asked, key, piece).hint_if(
            words::nearest(word, IS_WORDS).map(|meant| format!("did you mean `{meant}`?")),
        )),
    }
}

fn has(asked: &Asked<'_>, key: &Key, piece: &Piece) -> Result<SpanFilter, FilterError> {
    let word = exact(asked, key, piece)?;
    let named = match (piece.is_quoted, word) {
        (_, "") => return Err(wrong(asked, key, piece)),
        (true, word) => Key::Attribute(Place::Either, word.to_owned()),
        (false, word) => words::key(word).map_err(|meant| {
            wrong(asked, key, piece)
                .hint(format!("did you mean `{meant}`? An attribute of this name is `span.{word}`"))
        })?,
    };
    if let Some(optional) = words::optional(&named) {
        return Ok(SpanFilter::Term(Term::Has(optional)));
    }
    match named {
        Key::Attribute(place, name) => Ok(SpanFilter::Term(present(place, name))),
        Key::Is | Key::Has => Err(wrong(asked, key, piece)),
        // Every span has these.
        _ => Ok(SpanFilter::ALL),
    }
}

fn attribute(
    asked: &Asked<'_>,
    key: &Key,
    place: Place,
    name: &str,
    comparison: Comparison,
    values: Vec<Piece>,
) -> Result<SpanFilter, FilterError> {
    let is_nil = |piece: &Piece| !piece.is_quoted && piece.pattern.as_exact() == Some("nil");
    let test = match (comparison, values.as_slice()) {
        (Comparison::Equal, [only]) if is_nil(only) => {
            return Ok(not(SpanFilter::Term(present(place, name.to_owned()))));
        }
        (Comparison::Equal, values) if values.iter().any(|piece| is_anything(&piece.pattern)) => {
            AttributeTest::Present
        }
        (Comparison::Equal, _) => {
            AttributeTest::OneOf(values.into_iter().map(|piece| piece.pattern).collect())
        }
        (comparison, values) => {
            // Lists were refused where they begin.
            let Some(piece) = values.first() else { return Ok(SpanFilter::ALL) };
            let text = exact(asked, key, piece)?;
            let number = units::number(text).ok_or_else(|| {
                let error = FilterError::new(asked.text, piece.from, piece.to, "a number");
                let is_duration = units::looks_like_duration(text);
                error.hint_if(is_duration.then(|| {
                    "the unit of an attribute is not known: write the number as it is sent"
                        .to_owned()
                }))
            })?;
            AttributeTest::Compare(comparison, number)
        }
    };
    Ok(SpanFilter::Term(Term::Attribute(AttributeTerm { place, key: name.to_owned(), test })))
}
