//! Secrets in free text: parameters of URLs and forms, JSON fields, userinfo,
//! `Bearer` words, and values that look like AWS secrets or tokens. Finds
//! stretches of text; replaces them all at once.

use std::ops::Range;

use super::SCRUBBED;
use super::keys::is_secret;
use crate::normalise::random::is_hash;

/// Shorter texts hold no secret in any of the shapes looked for.
const TEXT_BYTES_MIN: usize = 5;

/// Secrets nest (a token inside a quoted cookie inside a header map), and what
/// replaces an inner one can show an outer one's true length. Real text settles
/// after one pass, invented text after a few.
const PASSES_MAX: usize = 8;

/// The text without its secrets; `None` when it has none.
pub(super) fn scrubbed(text: &str) -> Option<String> {
    let mut clean = scrubbed_once(text)?;
    for _ in 1..PASSES_MAX {
        match scrubbed_once(&clean) {
            Some(cleaner) => clean = cleaner,
            None => break,
        }
    }
    Some(clean)
}

fn scrubbed_once(text: &str) -> Option<String> {
    if text.len() < TEXT_BYTES_MIN {
        return None;
    }
    let signs = signs_of(text);
    let has = |needed: u8| signs & needed == needed;
    let mut secrets: Vec<Range<usize>> = Vec::new();
    if has(AT | COLON) {
        userinfo(text, &mut secrets);
    }
    if has(EQUALS) {
        parameters(text, "=", &mut secrets);
    }
    if has(PERCENT) {
        parameters(text, "%3D", &mut secrets);
        parameters(text, "%3d", &mut secrets);
    }
    if has(QUOTE | COLON) {
        fields(text, &mut secrets);
    }
    if has(SPACE) {
        schemes(text, &mut secrets);
    }
    if text.len() >= WORD_BYTES_MIN {
        bare_values(text, &mut secrets);
    }
    secrets.retain(|range| !range.is_empty() && &text[range.clone()] != SCRUBBED);
    if secrets.is_empty() {
        return None;
    }
    secrets.sort_by_key(|range| range.start);
    Some(replaced(text, &secrets))
}

/// The shortest value that [`bare_values`] recognises.
const WORD_BYTES_MIN: usize = 40;

// Characters without which a kind of secret cannot be there. Nearly every text
// of every span is scanned and has none, so one pass over it decides.
const AT: u8 = 1;
const COLON: u8 = 1 << 1;
const EQUALS: u8 = 1 << 2;
const PERCENT: u8 = 1 << 3;
const QUOTE: u8 = 1 << 4;
const SPACE: u8 = 1 << 5;

const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    signs[b'@' as usize] = AT;
    signs[b':' as usize] = COLON;
    signs[b'=' as usize] = EQUALS;
    signs[b'%' as usize] = PERCENT;
    signs[b'"' as usize] = QUOTE;
    signs[b'\'' as usize] = QUOTE;
    signs[b' ' as usize] = SPACE;
    signs
};

fn signs_of(text: &str) -> u8 {
    text.bytes().fold(0, |signs, byte| signs | SIGNS[usize::from(byte)])
}

/// The characters of base64 in both alphabets and of web tokens.
fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'.')
}

/// Replaces the ranges, those that touch as one.
fn replaced(text: &str, secrets: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        if secret.start > done || done == 0 {
            out.push_str(&text[done..secret.start]);
            out.push_str(SCRUBBED);
        }
        done = done.max(secret.end);
    }
    out.push_str(&text[done..]);
    out
}

/// `scheme://user:password@host`.
fn userinfo(text: &str, secrets: &mut Vec<Range<usize>>) {
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let authority = &text[start..];
        let end = authority
            .find(|c: char| c.is_whitespace() || "/?#\"'<>\\".contains(c))
            .unwrap_or(authority.len());
        if let Some(name_end) = authority[..end].rfind('@') {
            secrets.push(start..start + name_end);
        }
    }
}

/// `name=value` in queries, fragments, forms, connection strings and plain
/// text; with `%3D` for one URL inside another.
fn parameters(text: &str, equals: &str, secrets: &mut Vec<Range<usize>>) {
    let mut covered = 0;
    for (at, _) in text.match_indices(equals) {
        let start = at + equals.len();
        // What begins inside a value that goes ends with it. Without this and
        // the bound on names, hostile text would be read over and over.
        if start < covered {
            continue;
        }
        let before = &text[text.floor_char_boundary(at.saturating_sub(NAME_BYTES_MAX))..at];
        let name_start = before
            .rfind(|c: char| c.is_whitespace() || "?&;#,\"'(/<>=".contains(c))
            .map_or(0, |found| found + next_char_len(before, found));
        let name = &before[name_start..];
        let name = ["%3F", "%3f", "%26"]
            .iter()
            .filter_map(|mark| name.rfind(mark).map(|found| &name[found + mark.len()..]))
            .min_by_key(|name| name.len())
            .unwrap_or(name);
        if is_secret(name) {
            covered = start + value_len(&text[start..], equals != "=");
            secrets.push(start..covered);
        }
    }
}

/// Of a longer name only the end is looked at; it is encoded, so this is more
/// than [`is_secret`] needs.
const NAME_BYTES_MAX: usize = 256;

fn next_char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// How far a parameter's value goes. A replaced value ends where it did before.
fn value_len(value: &str, encoded: bool) -> usize {
    if value.starts_with(SCRUBBED) {
        return SCRUBBED.len();
    }
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return value[1..].find(quote).map_or(value.len(), |end| end + 2);
    }
    let end = value
        .find(|c: char| c.is_whitespace() || "&;#\"'<>()\\,".contains(c))
        .unwrap_or(value.len());
    match value[..end].find("%26") {
        Some(encoded_end) if encoded => encoded_end,
        _ => end,
    }
}

/// `"name": "value"` in JSON kept as text, whatever the value is.
fn fields(text: &str, secrets: &mut Vec<Range<usize>>) {
    for mark in ["\":", "':"] {
        fields_marked(text, mark, secrets);
    }
}

fn fields_marked(text: &str, mark: &str, secrets: &mut Vec<Range<usize>>) {
    let quote = &mark[..1];
    let mut covered = 0;
    for (at, _) in text.match_indices(mark) {
        // As in [`parameters`].
        if at < covered {
            continue;
        }
        let name = text[..at].rsplit(quote).next().unwrap_or_default();
        if !is_secret(name) {
            continue;
        }
        let after = &text[at + mark.len()..];
        let start = at + mark.len() + (after.len() - after.trim_start().len());
        let range = start..start + json_value_len(&text[start..]);
        let inner = match text[range.clone()].as_bytes() {
            [b'"', .., b'"'] | [b'\'', .., b'\''] => range.start + 1..range.end - 1,
            b"null" | b"true" | b"false" => continue,
            _ => range,
        };
        covered = inner.end;
        secrets.push(inner);
    }
}

fn json_value_len(value: &str) -> usize {
    if value.starts_with(SCRUBBED) {
        return SCRUBBED.len();
    }
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => {
                quote = None;
                if depth == 0 {
                    return at + 1;
                }
            }
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            (None, ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => return at,
            _ => {}
        }
    }
    value.len()
}

/// `Authorization: Bearer …` quoted in a message.
fn schemes(text: &str, secrets: &mut Vec<Range<usize>>) {
    for (after, _) in text.match_indices(' ') {
        if !ends_with_word(&text[..after], "bearer") && !ends_with_word(&text[..after], "basic") {
            continue;
        }
        let value = &text[after + 1..];
        let len = value
            .find(|c: char| c.is_whitespace() || "\"',;<>\\".contains(c))
            .unwrap_or(value.len());
        // Prose has such words too ("basic auth failed"); credentials are longer.
        if len >= 8
            && value[..len]
                .bytes()
                .any(|b| b.is_ascii_digit() || b == b'=' || b.is_ascii_uppercase())
        {
            secrets.push(after + 1..after + 1 + len);
        }
    }
}

/// True when the last run of [`in_word`] characters is this word in any case.
fn ends_with_word(text: &str, word: &str) -> bool {
    let split = text.len().checked_sub(word.len()).map(|at| text.as_bytes().split_at(at));
    split.is_some_and(|(before, last)| {
        last.eq_ignore_ascii_case(word.as_bytes()) && !before.last().is_some_and(|b| in_word(*b))
    })
}

/// Values that give themselves away wherever they stand.
fn bare_values(text: &str, secrets: &mut Vec<Range<usize>>) {
    for (at, word) in words(text).filter(|(_, word)| word.len() >= WORD_BYTES_MIN) {
        if is_session_token(word) || is_web_token(word) || is_secret_key(word) {
            secrets.push(at..at + word.len());
        }
    }
}

/// Runs of [`in_word`] characters and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + bytes[from..].iter().position(|byte| in_word(*byte))?;
        let rest = &bytes[start..];
        let len = rest.iter().position(|byte| !in_word(*byte));
        from = start + len.unwrap_or(rest.len());
        Some((start, &text[start..from]))
    })
}

/// What STS and IMDS hand out begins with one of a few words in base64.
fn is_session_token(word: &str) -> bool {
    let sts =
        ["IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz", "FQoDYXdz", "AQoDYXdz", "AQoEXAMPLE"];
    let imds = word.len() == 56 && word.starts_with("AQA") && word.ends_with("==");
    imds || (word.len() >= 60 && sts.iter().any(|start| word.starts_with(start)))
}

/// A JSON web token: three parts, the first of which is `{"…` in base64.
fn is_web_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.matches('.').count() >= 2
}

/// 40 characters of base64 in which letters and digits change places as they
/// do in noise. Git's hashes have no capitals, paths have long lower-case runs.
fn is_secret_key(word: &str) -> bool {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'/' || b == b'+';
    let count = |class: fn(&u8) -> bool| word.bytes().filter(class).count();
    word.len() == 40
        && word.bytes().all(base64)
        && !is_hash(word, 40)
        && count(u8::is_ascii_lowercase) >= 5
        && count(u8::is_ascii_uppercase) >= 5
        && count(u8::is_ascii_digit) >= 1
        && longest_lower_run(word) <= 6
        && word.bytes().filter(|b| *b == b'/').count() <= 4
}

fn longest_lower_run(word: &str) -> usize {
    word.split(|c: char| !c.is_ascii_lowercase()).map(str::len).max().unwrap_or_default()
}
