//! What a call asked for, values included, as one number: so that calls that
//! look alike can be told to be the same or to differ.
//!
//! It is taken before values are removed from the span and never stored: whoever
//! has the hash of a statement can try what values make it.

use hotspan_model::normalise::{sql, url};
use hotspan_model::{Span, SpanKind};
use twox_hash::XxHash3_128;

use crate::classify::database::{Form, Store, store_of, text_of};
use crate::classify::http::{Request, parts_of};
use crate::conventions::{Key, ToldSpan};

/// Where instrumentations put the values that were bound to a statement.
const PARAMETERS: [&str; 6] = [
    "db.query.parameter.",
    "db.operation.parameter.",
    "db.statement.parameters",
    "db.params",
    "db.sql.bindings",
    "db.postgresql.values",
];

/// What shows that something was taken out of a text by its SDK or by us.
const TAKEN_OUT: [&str; 4] = ["[Filtered]", "[scrubbed]", "REDACTED", " other arguments]"];

/// A hash of what a client span asked for: of the URL with its query, the
/// statement with its literals and recorded parameters, the key. Equal spans
/// have equal hashes on every machine. 0 when the span does not tell, as with
/// placeholders without parameters, messages, and remote procedures.
pub fn asked(span: &Span) -> u64 {
    if span.kind != SpanKind::Client {
        return 0;
    }
    let span = &ToldSpan::of(span);
    if span.attributes.first_str(&[Key::RpcSystemName, Key::RpcSystem]).is_some() {
        return object(span);
    }
    match store_of(span) {
        Some(store) => query(span, &store),
        None => parts_of(span).map_or(0, |request| address(&request)),
    }
}

/// Hashes one part after the other; never 0 once there was one.
#[derive(Default)]
struct Question(u64);

impl Question {
    fn add(mut self, part: &str) -> Self {
        let wide = XxHash3_128::oneshot_with_seed(self.0, part.as_bytes());
        self.0 = (wide as u64).max(1);
        self
    }
}

/// The object of an AWS operation, which S3 and Secrets Manager tell.
fn object(span: &ToldSpan<'_>) -> u64 {
    let told = |key| span.attributes.first_str(&[key]);
    if let Some(secret) = told(Key::AwsSecretArn) {
        let method = told(Key::RpcMethod).unwrap_or(&span.name);
        return Question::default().add(method).add(secret).0;
    }
    match (told(Key::AwsS3Bucket), told(Key::AwsS3Object)) {
        (Some(bucket), Some(key)) => {
            let method = told(Key::RpcMethod).unwrap_or(&span.name);
            Question::default().add(method).add(bucket).add(key).0
        }
        _ => 0,
    }
}

/// The address without what only signs it.
fn address(request: &Request<'_>) -> u64 {
    let Some(path) = request.path else {
        return 0;
    };
    let mut question = Question::default().add(request.method).add(request.host).add(path);
    if let Some(port) = request.port {
        question.0 = question.0.rotate_left(16) ^ u64::from(port);
    }
    let pairs = request.query.split(['&', ';']).filter(|pair| !pair.is_empty());
    let told = pairs.filter(|pair| !url::signs(pair.split('=').next().unwrap_or_default()));
    told.fold(question, Question::add).0
}

fn query(span: &ToldSpan<'_>, store: &Store<'_>) -> u64 {
    if let Some(op) = store.cache_op {
        return cached(span, op);
    }
    let text = text_of(span).filter(|text| is_whole(text));
    match (store.form, text) {
        (Form::Search, text) => search(span, text),
        (_, None) => 0,
        (Form::Command, Some(text)) if names_values(text) => Question::default().add(text).0,
        (Form::Command, Some(_)) => 0,
        (_, Some(text)) => statement(span, text),
    }
}

/// A cache is asked for a key; what is written into it no span tells.
fn cached(span: &ToldSpan<'_>, op: &str) -> u64 {
    if !matches!(op, "get" | "get_item" | "read") {
        return 0;
    }
    let key = span.attributes.first_listed(&[Key::CacheItem]).unwrap_or(span.told_name());
    if key.is_empty() { 0 } else { Question::default().add(op).add(key).0 }
}

/// A search is its address and its body, if it has one.
fn search(span: &ToldSpan<'_>, body: Option<&str>) -> u64 {
    let Some(request) = parts_of(span) else {
        return 0;
    };
    let body_told = span.attributes.first_str(&[Key::DbQueryText, Key::DbStatement]);
    match (body_told, body.filter(|body| !has_placeholder(body))) {
        (Some(_), None) => 0,
        (Some(_), Some(body)) => Question(address(&request)).add(body).0,
        (None, _) if request.method == "GET" && !request.host.is_empty() => address(&request),
        (None, _) => 0,
    }
}

/// The text alone when all its values stand in it, else with the parameters.
fn statement(span: &ToldSpan<'_>, text: &str) -> u64 {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let bound = if is_json { has_placeholder(text) } else { sql::has_parameters(text) };
    let question = match is_json {
        true => Question::default().add(text),
        false => Question::default().add(&sql::without_comments(text)),
    };
    if !bound {
        return question.0;
    }
    match parameters(span) {
        0 => 0,
        parameters => question.0.wrapping_add(parameters).max(1),
    }
}

/// All recorded parameters, in any order; 0 when none is.
fn parameters(span: &ToldSpan<'_>) -> u64 {
    let mut sum = 0_u64;
    for (key, value) in span.all_attributes().iter() {
        if !PARAMETERS.iter().any(|start| key.starts_with(start)) {
            continue;
        }
        let value = value.to_string();
        // One that was taken out leaves the whole unknown.
        if !is_whole(&value) {
            return 0;
        }
        sum = sum.wrapping_add(Question::default().add(key).add(&value).0);
    }
    sum
}

/// False for a text that was cut or from which something was taken.
fn is_whole(text: &str) -> bool {
    let cut = text.ends_with("...") || text.ends_with('…');
    !cut && !TAKEN_OUT.iter().any(|mark| text.contains(mark))
}

/// True when every word of a command behind the first is there.
fn names_values(text: &str) -> bool {
    let mut words = text.split_whitespace().skip(1).peekable();
    words.peek().is_some() && words.all(|word| word.trim_matches(['\'', '"']) != "?")
}

/// True for JSON in which `?` or `%s` stands for a value.
fn has_placeholder(json: &str) -> bool {
    let words = json.split(|c: char| c.is_whitespace() || ",:[]{}".contains(c));
    words.map(|word| word.trim_matches(['\'', '"'])).any(|word| matches!(word, "?" | "%s"))
}
