//! One condition: a key, how it compares, and to what. [`value`] reads what
//! each kind of field can be compared with.

use hotspan_model::TraceId;

use super::fault::FilterError;
use super::lexer::{Lexer, Piece};
use super::syntax::{AttributeTerm, AttributeTest, Pattern, Place, SpanFilter, Term};
use super::value::{self, Asked, Sign};
use super::words::{self, Key};

/// Words after `span:`, `trace:` and `instrumentation:` that name a field
/// instead of being a value, when a sign follows.
const INTRINSICS: [&str; 7] =
    ["duration", "name", "kind", "status", "id", "statusMessage", "parentID"];

/// Values of a list at most.
const LIST_MAX: usize = 100;

/// Reads a condition; the lexer stands at its first letter.
pub(super) fn read(lexer: &mut Lexer<'_>) -> Result<SpanFilter, FilterError> {
    let start = lexer.clone();
    let Some((key, key_end)) = take_key(lexer)? else {
        *lexer = start;
        return free_text(lexer);
    };
    let from = start.at();
    let Some(sign) = take_sign(lexer)? else {
        *lexer = start;
        return free_text(lexer);
    };
    // `http://…` is an address, not a field.
    if matches!(lexer.text().get(from..key_end), Some("http" | "https"))
        && lexer.rest().starts_with("//")
    {
        *lexer = start;
        return free_text(lexer);
    }
    let written = lexer.text().get(from..key_end).unwrap_or_default();
    let key = match key {
        Written::Plain(word) => words::key(word).map_err(|meant| {
            FilterError::new(lexer.text(), from, key_end, "a field or an attribute")
                .hint(format!("did you mean `{meant}`? An attribute of this name is `span.{word}`"))
        })?,
        Written::Attribute(place, name) => Key::Attribute(place, name),
    };
    let values = take_values(lexer, &key, sign)?;
    let asked = Asked { text: lexer.text(), from, to: lexer.at(), key: written, sign };
    value::filter(&asked, key, values)
}

/// How a key was written.
enum Written<'a> {
    /// As a word, which may be a field.
    Plain(&'a str),
    /// In quotes, which is always an attribute.
    Attribute(Place, String),
}

/// A key and its end; `None` when what stands here cannot be one.
fn take_key<'a>(lexer: &mut Lexer<'a>) -> Result<Option<(Written<'a>, usize)>, FilterError> {
    let from = lexer.at();
    let word = match lexer.peek() {
        Some('"') => "",
        _ => lexer.take_key(false),
    };
    if lexer.peek() == Some('"') {
        let place = match word {
            "" | "." => Some(Place::Either),
            _ => words::PLACES.iter().find(|(prefix, _)| *prefix == word).map(|(_, place)| *place),
        };
        let Some(place) = place else { return Ok(None) };
        let piece = lexer.take_piece(false)?;
        let mut ahead = lexer.clone();
        if take_sign(&mut ahead)?.is_none() {
            return Ok(None);
        }
        let name = piece.pattern.as_exact().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            FilterError::new(
                lexer.text(),
                from,
                lexer.at(),
                "an attribute's name without wildcards",
            )
        })?;
        return Ok(Some((Written::Attribute(place, name.to_owned()), lexer.at())));
    }
    if word.is_empty() {
        return Ok(None);
    }
    take_intrinsic(lexer, word);
    let end = lexer.at();
    let word = lexer.text().get(from..end).unwrap_or(word);
    Ok(Some((Written::Plain(word), end)))
}

/// Goes on over `:duration` after `span`, if a sign follows.
fn take_intrinsic(lexer: &mut Lexer<'_>, word: &str) {
    if !matches!(word, "span" | "trace" | "instrumentation") {
        return;
    }
    let mut ahead = lexer.clone();
    if !ahead.take(":") {
        return;
    }
    let field = ahead.take_key(false);
    let mut after = ahead.clone();
    let follows = after.take(":") || {
        after.skip_blanks();
        after.take_operator().is_some()
    };
    if follows && INTRINSICS.contains(&field) {
        *lexer = ahead;
    }
}

/// `:`, `:>`, `=`, ` >= `; `None` when no sign follows.
fn take_sign(lexer: &mut Lexer<'_>) -> Result<Option<Sign>, FilterError> {
    let before = lexer.clone();
    let has_colon = lexer.take(":");
    if !has_colon {
        lexer.skip_blanks();
    }
    let at = lexer.at();
    let operator = lexer.take_operator();
    let sign = match operator {
        None if has_colon => Sign::Is,
        None => {
            *lexer = before;
            return Ok(None);
        }
        Some("=") => Sign::Is,
        Some("!=") => Sign::IsNot,
        Some("<") => Sign::Compares(super::syntax::Comparison::Less),
        Some("<=") => Sign::Compares(super::syntax::Comparison::AtMost),
        Some(">") => Sign::Compares(super::syntax::Comparison::More),
        Some(">=") => Sign::Compares(super::syntax::Comparison::AtLeast),
        Some(_) => {
            return Err(FilterError::new(lexer.text(), at, at + 2, "`:` or a sign that compares")
                .hint("there are no regular expressions here; `*` stands for any text, as in http.url:*169.254*"));
        }
    };
    if operator.is_some() {
        lexer.skip_blanks();
    }
    Ok(Some(sign))
}

/// The value, or the values of a list.
fn take_values(lexer: &mut Lexer<'_>, key: &Key, sign: Sign) -> Result<Vec<Piece>, FilterError> {
    let at = lexer.at();
    if !lexer.take("[") {
        return take_value(lexer, key, false).map(|piece| vec![piece]);
    }
    if matches!(sign, Sign::Compares(_)) {
        return Err(FilterError::new(lexer.text(), at, at + 1, "one value to compare with"));
    }
    let mut values = Vec::new();
    loop {
        lexer.skip_blanks();
        values.push(take_value(lexer, key, true)?);
        lexer.skip_blanks();
        if lexer.take("]") {
            return Ok(values);
        }
        let here = lexer.at();
        if values.len() >= LIST_MAX {
            let expected = format!("at most {LIST_MAX} values");
            return Err(FilterError::new(lexer.text(), here, here, expected));
        }
        if !lexer.take(",") {
            let end = here + lexer.peek().map_or(0, char::len_utf8);
            return Err(FilterError::new(lexer.text(), here, end, "`,` or `]`"));
        }
    }
}

fn take_value(lexer: &mut Lexer<'_>, key: &Key, in_list: bool) -> Result<Piece, FilterError> {
    let at = lexer.at();
    let piece = lexer.take_piece(in_list)?;
    if piece.to > piece.from {
        return Ok(piece);
    }
    let end = at + lexer.peek().map_or(0, char::len_utf8);
    let error = FilterError::new(lexer.text(), at, end, value::expected(key));
    let is_blank = lexer.peek().is_some_and(char::is_whitespace);
    Err(if is_blank {
        error.hint("no blank after the colon; quotes keep blanks within a value")
    } else {
        error
    })
}

/// A part of the span's name; 32 hex digits are a trace.
fn free_text(lexer: &mut Lexer<'_>) -> Result<SpanFilter, FilterError> {
    let piece = lexer.take_piece(false)?;
    if piece.to == piece.from {
        let end = piece.from + lexer.peek().map_or(0, char::len_utf8);
        return Err(FilterError::new(lexer.text(), piece.from, end, "a condition"));
    }
    if !piece.is_quoted
        && let Some(text) = piece.pattern.as_exact()
        && text.len() == 32
        && let Ok(trace) = text.parse::<TraceId>()
    {
        return Ok(SpanFilter::Term(Term::Trace(vec![trace])));
    }
    Ok(SpanFilter::Term(Term::NameHas(piece.pattern)))
}

/// What `has:` and `*` ask of an attribute.
pub(super) fn present(place: Place, key: String) -> Term {
    Term::Attribute(AttributeTerm { place, key, test: AttributeTest::Present })
}

/// True for a lone `*`.
pub(super) fn is_anything(pattern: &Pattern) -> bool {
    matches!(pattern.pieces(), [first, last] if first.is_empty() && last.is_empty())
}
