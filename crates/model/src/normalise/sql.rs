//! SQL statements: literals taken out (for people and for storage), and reduced
//! to what makes two statements the same query. Not a parser: dialects are only
//! told apart where a literal hides in one of them.

mod lexer;
mod summary;

pub use lexer::Quotes;
pub use summary::{operation, summary};

use std::borrow::Cow;

use lexer::{Kind, Token, tokens};

/// Longer fingerprints are cut at a token: the start tells queries apart.
const FINGERPRINT_BYTES_MAX: usize = 2_048;

/// What two statements have in common when they differ only in values:
/// literals and parameters are `?`, lists of them one `?`, rows of `VALUES`
/// one row, white space and comments one space, keywords in capitals.
pub fn fingerprint(sql: &str) -> String {
    let tokens: Vec<Token<'_>> = tokens(sql, Quotes::Guess).collect();
    let mut out = String::with_capacity(sql.len().min(FINGERPRINT_BYTES_MAX));
    let mut spaced = false;
    for token in one_row_of_values(one_of_each_list(tokens)) {
        let text = match token.kind {
            Kind::Space => {
                spaced = true;
                continue;
            }
            Kind::Literal | Kind::Parameter => "?".to_owned(),
            Kind::Word if lexer::is_keyword(token.text) => token.text.to_ascii_uppercase(),
            _ => token.text.to_owned(),
        };
        if out.len() + text.len() + 1 > FINGERPRINT_BYTES_MAX {
            break;
        }
        // Garbage such as `''0` must not read as a numbered parameter.
        spaced |= out.ends_with('?') && lexer::joins_parameter(&text);
        let tight = matches!(text.as_str(), ")" | "," | ";") || out.ends_with('(');
        if spaced && !tight && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&text);
        // A comma is followed by one space however it was written.
        spaced = text == ",";
    }
    let kept = out.trim_end_matches([';', ' ']).len();
    out.truncate(kept);
    out
}

/// The statement as written, with `?` in place of every literal and without
/// comments, as OpenTelemetry wants `db.query.text`; `None` when it has neither.
pub fn mask(sql: &str, quotes: Quotes) -> Option<String> {
    let mut out = String::with_capacity(sql.len());
    let (mut changed, mut comment_before) = (false, false);
    for token in tokens(sql, quotes) {
        if is_comment(&token) {
            (changed, comment_before) = (true, true);
            continue;
        }
        let text = if token.kind == Kind::Literal { "?" } else { token.text };
        changed |= token.kind == Kind::Literal;
        // What only a comment kept apart must not become one word or an operator.
        let joins = comment_before && !out.is_empty() && !out.ends_with(char::is_whitespace);
        let numbers = out.ends_with('?') && lexer::joins_parameter(text);
        if (joins && !text.starts_with(char::is_whitespace)) || numbers {
            out.push(' ');
        }
        out.push_str(text);
        comment_before = false;
    }
    changed.then_some(out)
}

/// The statement without comments, which differ from call to call where a
/// driver writes its trace into them.
pub fn without_comments(sql: &str) -> Cow<'_, str> {
    if !sql.contains("/*") && !sql.contains("--") {
        return sql.into();
    }
    let kept = tokens(sql, Quotes::Guess).filter(|token| !is_comment(token));
    let kept = kept.map(|token| token.text);
    kept.collect::<String>().trim().to_owned().into()
}

/// True when values are bound to the statement from outside, or were taken out
/// of it, so that its text does not tell what it asks for.
pub fn has_parameters(sql: &str) -> bool {
    // Most statements either have none of these signs or a parameter soon.
    sql.contains(['?', '$', ':', '@', '%'])
        && tokens(sql, Quotes::Guess).any(|token| token.kind == Kind::Parameter)
}

fn is_comment(token: &Token<'_>) -> bool {
    token.kind == Kind::Space && !token.text.trim().is_empty()
}

fn is_value(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Literal | Kind::Parameter)
}

/// `?, ?, ?` becomes `?`.
fn one_of_each_list(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut kept: Vec<Token<'_>> = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while index < tokens.len() {
        kept.push(tokens[index]);
        let value = is_value(&tokens[index]);
        index += 1;
        while value && let Some(next) = after_comma(&tokens, index) {
            if !is_value(&tokens[next]) {
                break;
            }
            index = next + 1;
        }
    }
    kept
}

/// After `VALUES`, the rows beyond the first are left out.
fn one_row_of_values(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut kept: Vec<Token<'_>> = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while index < tokens.len() {
        let row_starts = tokens[index].text.eq_ignore_ascii_case("values");
        kept.push(tokens[index]);
        index += 1;
        if !row_starts {
            continue;
        }
        let first_end = row_end(&tokens, skip_space(&tokens, index));
        kept.extend_from_slice(&tokens[index..first_end]);
        index = first_end;
        while let Some(next) = after_comma(&tokens, index) {
            let end = row_end(&tokens, next);
            if end == next {
                break;
            }
            index = end;
        }
    }
    kept
}

/// The index after the bracketed group that starts at `from`; `from` when none does.
fn row_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text {
            "(" => depth += 1,
            ")" if depth > 0 => depth -= 1,
            _ if depth == 0 => return from,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    if depth == 0 { from.min(tokens.len()) } else { tokens.len() }
}

fn skip_space(tokens: &[Token<'_>], from: usize) -> usize {
    let spaces = tokens.iter().skip(from).take_while(|token| token.kind == Kind::Space);
    (from + spaces.count()).min(tokens.len())
}

/// The index of what follows a comma at or after `from`, spaces aside.
fn after_comma(tokens: &[Token<'_>], from: usize) -> Option<usize> {
    let comma = skip_space(tokens, from);
    if tokens.get(comma)?.text != "," {
        return None;
    }
    let next = skip_space(tokens, comma + 1);
    (next < tokens.len()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_that_differ_in_values_have_one_fingerprint() {
        for (sql, expected) in [
            ("select * from orders where id = 42", "SELECT * FROM orders WHERE id = ?"),
            ("SELECT  *\n FROM orders -- all\n WHERE id=$1 ;", "SELECT * FROM orders WHERE id=?"),
            (
                "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"name\" = 'O''Hara' LIMIT 1",
                "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"name\" = ? LIMIT ?",
            ),
            ("SELECT a FROM t WHERE b IN (1, 2,3 , 'x')", "SELECT a FROM t WHERE b IN (?)"),
            ("SELECT a FROM t WHERE b IN ( :one,:two )", "SELECT a FROM t WHERE b IN (?)"),
            (
                "INSERT INTO t (a, b) VALUES (1, now()), (2, now()) RETURNING id",
                "INSERT INTO t (a, b) VALUES (?, now()) RETURNING id",
            ),
            ("UPDATE t SET a = -1.5e3, b = \"x y\"", "UPDATE t SET a = ?, b = ?"),
            ("SELECT a::text FROM t /* c */ WHERE d = %(d)s", "SELECT a::text FROM t WHERE d = ?"),
            ("SELECT $$it's$$, 0xFF, E'\\'x'", "SELECT ?"),
            ("SELECT 'never closed", "SELECT ?"),
            ("SELECT a1 FROM t2 WHERE c3 IS NULL", "SELECT a1 FROM t2 WHERE c3 IS NULL"),
            ("", ""),
        ] {
            assert_eq!(fingerprint(sql), expected, "{sql}");
        }
    }

    #[test]
    fn parameters_are_seen() {
        for (sql, bound) in [
            ("SELECT * FROM t WHERE id = 7 AND a = '?'", false),
            ("SELECT a::text, '$1', \"x?\" FROM t", false),
            ("SELECT * FROM t WHERE id = $1", true),
            ("SELECT * FROM t WHERE id = ?", true),
            ("SELECT * FROM t WHERE id = :id AND b = 5", true),
            ("SELECT * FROM t WHERE id = %s", true),
            ("SELECT * FROM t WHERE id = @P1", true),
        ] {
            assert_eq!(has_parameters(sql), bound, "{sql}");
        }
    }

    #[test]
    fn masks_keep_the_statement_as_written() {
        for (sql, quotes, expected) in [
            ("SELECT * FROM t WHERE id = $1", Quotes::Guess, None),
            (
                "SELECT  * FROM t WHERE a IN (1,2) -- bob",
                Quotes::Guess,
                Some("SELECT  * FROM t WHERE a IN (?,?) "),
            ),
            (
                "/* app */ SELECT a/**/b -- c\n, -/**/-d",
                Quotes::Guess,
                Some(" SELECT a b \n, - -d"),
            ),
            ("SELECT a-1, -1, 2-1, b -1", Quotes::Guess, Some("SELECT a-?, ?, ??, b -?")),
            ("SELECT \"a\" FROM t", Quotes::Text, Some("SELECT ? FROM t")),
            ("SELECT \"a\" FROM t", Quotes::Name, None),
            ("VALUES (\"a\", 'b')", Quotes::Guess, Some("VALUES (?, ?)")),
            ("SELECT N'x', `1`.`2`", Quotes::Guess, Some("SELECT ?, `1`.`2`")),
        ] {
            assert_eq!(mask(sql, quotes).as_deref(), expected, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn fingerprints_are_stable(sql in sql_like()) {
            let once = fingerprint(&sql);
            prop_assert_eq!(fingerprint(&once), once.clone(), "of {}", sql);
            prop_assert!(once.len() <= sql.len() * 2 + 2);
        }

        #[test]
        fn masking_twice_changes_nothing(sql in sql_like()) {
            if let Some(masked) = mask(&sql, Quotes::Guess) {
                prop_assert_eq!(mask(&masked, Quotes::Guess), None, "{}", masked);
            }
        }

        #[test]
        fn nothing_panics(sql in "\\PC{0,120}") {
            let _ = (fingerprint(&sql), summary(&sql));
            let _ = (mask(&sql, Quotes::Text), mask(&sql, Quotes::Name));
        }

        #[test]
        fn values_never_survive(value in "[a-z]{9}", number in 1_000_000u32..) {
            let sql = format!("SELECT a FROM t WHERE b = '{value}' AND c={number} AND d LIKE \"{value}\"");
            prop_assert!(!fingerprint(&sql).contains(&value));
            let masked = mask(&sql, Quotes::Guess).expect("it has literals");
            prop_assert!(!masked.contains(&value) && !masked.contains(&number.to_string()));
        }
    }

    fn sql_like() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("SELECT".to_owned()),
            Just("values".to_owned()),
            Just("IN".to_owned()),
            Just("like".to_owned()),
            "[a-z]{1,4}",
            "[0-9]{1,3}",
            "'[a-z ]{0,4}'",
            "\"[a-z ]{0,4}\"",
            "[-(),;=.$:?@%#*/'\"`]{1,3}",
            "[ \n]{1,2}",
        ];
        prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
    }
}
