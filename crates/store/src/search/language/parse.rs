//! Text to filter: how conditions are joined. What one condition says is read
//! in [`condition`].

use super::condition;
use super::fault::FilterError;
use super::lexer::Lexer;
use super::syntax::SpanFilter;

/// Bytes of a filter's text at most.
pub const FILTER_BYTES_MAX: usize = 4_096;
/// Conditions in a filter at most.
const CONDITIONS_MAX: usize = 100;
/// Brackets and negations within each other at most.
const DEPTH_MAX: usize = 32;

const CONDITION: &str = "a condition such as service:api, duration:>2s or a part of a name";

/// Reads a filter. Empty text is every span.
///
/// # Errors
/// Where the text stops making sense, and what could stand there.
pub fn parse(text: &str) -> Result<SpanFilter, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        let mut end = FILTER_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        return Err(FilterError {
            found: format!("{} bytes", text.len()),
            ..FilterError::new(text, end, end, format!("at most {FILTER_BYTES_MAX} bytes"))
        });
    }
    let mut parser = Parser { lexer: Lexer::new(text), conditions: 0 };
    parser.lexer.skip_blanks();
    if parser.lexer.is_at_end() {
        return Ok(SpanFilter::ALL);
    }
    let filter = parser.any_of(0)?;
    match parser.lexer.peek() {
        None => Ok(filter),
        Some(letter) => {
            let at = parser.lexer.at();
            let closes = matches!(letter, ')' | '}');
            let error = FilterError::new(text, at, at + letter.len_utf8(), CONDITION);
            Err(if closes { error.hint("there is no bracket open here") } else { error })
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    conditions: usize,
}

impl Parser<'_> {
    /// `a OR b || c`
    fn any_of(&mut self, depth: usize) -> Result<SpanFilter, FilterError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.lexer.take_word("OR") || self.lexer.take("||") {
            parts.push(self.all_of(depth)?);
        }
        Ok(joined(parts, SpanFilter::Or))
    }

    /// `a b AND c && d`
    fn all_of(&mut self, depth: usize) -> Result<SpanFilter, FilterError> {
        let mut parts = vec![self.one(depth)?];
        loop {
            self.lexer.skip_blanks();
            if self.lexer.take_word("AND") || self.lexer.take("&&") {
                parts.push(self.one(depth)?);
                continue;
            }
            let mut ahead = self.lexer.clone();
            let ends = ahead.peek().is_none_or(|letter| matches!(letter, ')' | '}'));
            if ends || ahead.take_word("OR") || ahead.take("||") {
                return Ok(joined(parts, SpanFilter::And));
            }
            parts.push(self.one(depth)?);
        }
    }

    /// A condition, a negated one, or a group in brackets.
    fn one(&mut self, depth: usize) -> Result<SpanFilter, FilterError> {
        self.lexer.skip_blanks();
        let at = self.lexer.at();
        if depth >= DEPTH_MAX {
            return Err(FilterError::new(
                self.lexer.text(),
                at,
                at,
                format!("at most {DEPTH_MAX} brackets and negations within each other"),
            ));
        }
        if self.take_negation() {
            return Ok(SpanFilter::Not(Box::new(self.one(depth + 1)?)));
        }
        for (open, close) in [("(", ")"), ("{", "}")] {
            if self.lexer.take(open) {
                return self.group(depth, at, close);
            }
        }
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            let expected = format!("at most {CONDITIONS_MAX} conditions");
            return Err(FilterError::new(self.lexer.text(), at, at, expected));
        }
        self.refuse_stray_sign(at)?;
        condition::read(&mut self.lexer)
    }

    /// `!`, `NOT`, or a dash right before a condition.
    fn take_negation(&mut self) -> bool {
        let rest = self.lexer.rest();
        let mut letters = rest.chars();
        let (first, next) = (letters.next(), letters.next());
        match (first, next) {
            (Some('!'), next) if !matches!(next, Some('=' | '~')) => self.lexer.take("!"),
            (Some('-'), Some(next)) if !next.is_whitespace() => self.lexer.take("-"),
            _ => self.lexer.take_word("NOT"),
        }
    }

    fn group(&mut self, depth: usize, open: usize, close: &str) -> Result<SpanFilter, FilterError> {
        self.lexer.skip_blanks();
        // `{}` is TraceQL's every span.
        if close == "}" && self.lexer.take(close) {
            return Ok(SpanFilter::ALL);
        }
        let filter = self.any_of(depth + 1)?;
        self.lexer.skip_blanks();
        if self.lexer.take(close) {
            return Ok(filter);
        }
        let at = self.lexer.at();
        let end = at + self.lexer.peek().map_or(0, char::len_utf8);
        let column = self.lexer.text().get(..open).unwrap_or_default().chars().count() + 1;
        Err(FilterError::new(self.lexer.text(), at, end, format!("`{close}`"))
            .hint(format!("it closes the bracket at character {column}")))
    }

    fn refuse_stray_sign(&self, at: usize) -> Result<(), FilterError> {
        let word = self.lexer.clone().take_key(false);
        let stray = match self.lexer.peek() {
            None => 0,
            Some(letter) if ")}],|&:=<>!".contains(letter) => letter.len_utf8(),
            Some(_) if matches!(word, "OR" | "AND" | "NOT") => word.len(),
            Some(_) => return Ok(()),
        };
        Err(FilterError::new(self.lexer.text(), at, at + stray, CONDITION))
    }
}

/// One part stands for itself.
fn joined(
    mut parts: Vec<SpanFilter>,
    join: impl FnOnce(Vec<SpanFilter>) -> SpanFilter,
) -> SpanFilter {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}
