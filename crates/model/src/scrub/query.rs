//! Values inside database statements: SQL literals, arguments of commands,
//! JSON documents. Which text of a span is a statement is decided here too.

use std::borrow::Cow;

use crate::attribute::{Attributes, Value, ValueRef};
use crate::normalise::key::key_template;
use crate::normalise::sql::{self, Quotes};
use crate::span::Span;

/// Attributes that hold a statement, by every name in use.
const STATEMENTS: &[&str] = &["db.statement", "db.query.text", "db.query", "db.sql", "sql.query"];

/// How a database writes values.
#[derive(Clone, Copy)]
enum Language {
    Sql(Quotes),
    /// A command and its arguments, the first of which is the key.
    Command,
    Json,
}

/// Takes the values out of a span's statements; returns how many texts changed.
pub(super) fn scrub_queries(span: &mut Span) -> usize {
    let Some(language) = Told::of(&span.attributes).language() else {
        return 0;
    };
    let mut changed = span.attributes.replace_values(|key, value| {
        let text = value.as_str().filter(|_| STATEMENTS.contains(&key))?;
        mask(text, language).map(Value::Str)
    });
    if let Some(masked) = mask(&span.name, language) {
        span.name = masked;
        changed += 1;
    }
    changed
}

/// What attributes tell about the database a span calls.
#[derive(Default)]
struct Told<'a> {
    op: Option<ValueRef<'a>>,
    system_name: Option<ValueRef<'a>>,
    system: Option<ValueRef<'a>>,
    has_statement: bool,
}

impl<'a> Told<'a> {
    /// One pass: most spans call no database.
    fn of(attributes: &'a Attributes) -> Self {
        let mut told = Self::default();
        for (key, value) in attributes.iter() {
            let slot = match key {
                "sentry.op" => &mut told.op,
                "db.system.name" => &mut told.system_name,
                "db.system" => &mut told.system,
                _ => {
                    told.has_statement |=
                        STATEMENTS.contains(&key) && text_of(Some(value)).is_some();
                    continue;
                }
            };
            // Of a repeated key the first counts.
            slot.get_or_insert(value);
        }
        told
    }

    /// The query language of a database span; `None` for any other span.
    fn language(&self) -> Option<Language> {
        let op = text_of(self.op).unwrap_or_default();
        let database_op = op == "db" || op.starts_with("db.");
        let system = text_of(self.system_name)
            .or(text_of(self.system))
            .or_else(|| database_op.then(|| op.strip_prefix("db.").unwrap_or_default()));
        if system.is_none() && !self.has_statement {
            return None;
        }
        let system = system.unwrap_or_default().to_ascii_lowercase();
        let named = |names: &[&str]| names.iter().any(|name| system.contains(name));
        Some(if named(&["redis", "valkey", "memcache"]) {
            Language::Command
        } else if named(&["mongo", "elasticsearch", "opensearch", "couch", "cosmos", "dynamo"]) {
            Language::Json
        } else if named(&["mysql", "maria"]) {
            Language::Sql(Quotes::Text)
        } else if named(&["postgres", "cockroach"]) {
            Language::Sql(Quotes::Name)
        } else {
            Language::Sql(Quotes::Guess)
        })
    }
}

fn text_of(value: Option<ValueRef<'_>>) -> Option<&str> {
    value.and_then(ValueRef::as_str).filter(|text| !text.is_empty())
}

fn mask(text: &str, language: Language) -> Option<String> {
    match language {
        _ if text.trim_start().starts_with(['{', '[']) => mask_json(text),
        Language::Sql(quotes) => sql::mask(text, quotes),
        Language::Command => mask_commands(text),
        Language::Json => mask_json(text),
    }
}

/// `SET key ?`: a command keeps its name and key, one command a line.
fn mask_commands(text: &str) -> Option<String> {
    let masked: Vec<String> = text.split('\n').map(mask_command).collect();
    let masked = masked.join("\n");
    (masked != text).then_some(masked)
}

fn mask_command(line: &str) -> String {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    let has_no_key = ["AUTH", "HELLO", "EVAL", "CONFIG", "ACL"]
        .iter()
        .any(|command| name.eq_ignore_ascii_case(command));
    let shown = if has_no_key { 0 } else { 1 };
    let arguments = words.enumerate().map(
        |(index, word)| {
            if index < shown { shown_key(word) } else { "?".into() }
        },
    );
    std::iter::once(Cow::Borrowed(name)).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// A key as it stands. Some SDKs quote keys and values alike, so that a key in
/// quotes may be a value: of that only the pattern stays.
fn shown_key(word: &str) -> Cow<'_, str> {
    let Some(quote) = word.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return word.into();
    };
    match word[1..].strip_suffix(quote) {
        Some(key) if !key.is_empty() && !key.contains(quote) => key_template(key).into(),
        _ => "?".into(),
    }
}

/// Fields whose value is a collection's name, as MongoDB's commands have them.
const COLLECTIONS: &[&str] = &[
    "aggregate",
    "collection",
    "count",
    "delete",
    "distinct",
    "find",
    "findAndModify",
    "insert",
    "update",
];

/// A JSON document (or what looks like one) with `?` for its values: strings
/// and numbers that are no keys. Operators such as `$gt` are keys, so they
/// stay, and so does the collection in the first field or in `collection`.
fn mask_json(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let (mut fields, mut named) = (0_usize, false);
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' | '\'' => string_len(rest, first),
            '0'..='9' | '-' if !out.ends_with(char::is_alphanumeric) => number_len(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(len);
        rest = after;
        let is_text = matches!(first, '"' | '\'');
        let key = is_text && rest.trim_start().starts_with(':');
        let number = token.bytes().any(|b| b.is_ascii_digit()) && !is_text;
        if key {
            fields += 1;
            let field = token.trim_matches(['"', '\'']);
            named = COLLECTIONS.contains(&field) && (fields == 1 || field == "collection");
        }
        match (is_text && !key, number) {
            (true, _) if named && is_collection_name(token) => out.push_str(token),
            (true, _) => out.push_str("\"?\""),
            (false, true) if len > 1 || first.is_ascii_digit() => out.push('?'),
            _ => out.push_str(token),
        }
        named &= key || !is_text && matches!(first, ':' | ' ');
    }
    (out != text).then_some(out)
}

fn is_collection_name(quoted: &str) -> bool {
    let name = quoted.trim_matches(['"', '\'']);
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(part)
}

fn string_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn number_len(text: &str) -> usize {
    let in_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    text.find(|c| !in_number(c)).unwrap_or(text.len()).max(1)
}
