//! Commands of caches: `GET user:{id}`. Redis and its kin, Memcached, and the
//! spans that Sentry's SDKs make around any cache.

use hotspan_model::normalise::key::key_template;

use super::database::{Store, text_of};
use crate::conventions::{Key, ToldSpan};

/// Commands whose first argument is no key.
const KEYLESS: [&str; 20] = [
    "ACL", "AUTH", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "ECHO", "EVAL", "EVALSHA", "EXEC",
    "FCALL", "FLUSHALL", "FLUSHDB", "HELLO", "INFO", "MULTI", "PING", "SCAN", "SCRIPT", "SELECT",
];

/// So many commands of a pipeline are told.
const PIPELINE_COMMANDS_MAX: usize = 3;

/// The command with its key as a template; the rest are values.
pub(super) fn operation(span: &ToldSpan<'_>, store: &Store<'_>) -> String {
    if let Some(op) = store.cache_op {
        return of_cache(span, op);
    }
    let told = span.attributes.first_str(&[Key::DbOperationName, Key::DbOperation]);
    match text_of(span) {
        Some(text) if is_pipeline(text, told) => pipeline(text),
        Some(text) => command(text, told),
        None => command(&span.name, told),
    }
}

/// Sentry's `cache.get` has the key in an attribute or for a name.
fn of_cache(span: &ToldSpan<'_>, op: &str) -> String {
    let verb = match op {
        "get" | "get_item" | "read" => "GET",
        "put" | "set" | "set_item" | "write" => "SET",
        "remove" | "delete" | "remove_item" => "DEL",
        "flush" | "clear" => "FLUSH",
        other => other,
    };
    let told = span.attributes.first_listed(&[Key::CacheItem]);
    // Several keys stand in the name with commas between.
    let key = told.or_else(|| span.told_name().split([',', ' ']).next());
    format!("{verb} {}", key_template(key.unwrap_or_default())).trim_end().to_owned()
}

/// `GET user:7` as `GET user:{id}`.
fn command(text: &str, told: Option<&str>) -> String {
    let mut words = text.split_whitespace();
    let written = words.next().unwrap_or_default();
    let verb = told.unwrap_or(written).to_ascii_uppercase();
    let key = match told {
        // A name such as `redis.get` or an address is no command with a key.
        Some(told) if !written.eq_ignore_ascii_case(told) => None,
        _ => words.next().map(|word| word.trim_matches(['\'', '"'])),
    };
    let is_key = |key: &&str| !matches!(*key, "" | "?" | "[Filtered]") && !key.starts_with('[');
    match key.filter(is_key) {
        Some(key) if !KEYLESS.contains(&verb.as_str()) => format!("{verb} {}", key_template(key)),
        _ => verb,
    }
}

fn is_pipeline(text: &str, told: Option<&str>) -> bool {
    let marked = |text: &str| {
        let start = text.get(..8).unwrap_or_default();
        start.eq_ignore_ascii_case("pipeline") || text.starts_with("redis.pipeline")
    };
    text.trim().contains('\n') || marked(text) || told.is_some_and(marked)
}

/// `PIPELINE SET EXPIRE`: each command once, in the order of the text.
fn pipeline(text: &str) -> String {
    let mut operation = "PIPELINE".to_owned();
    let mut verbs: Vec<String> = Vec::new();
    for line in text.lines() {
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let is_command = !verb.is_empty() && verb.bytes().all(|b| b.is_ascii_alphabetic());
        if is_command && verb != "PIPELINE" && !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    for verb in verbs.iter().take(PIPELINE_COMMANDS_MAX) {
        operation.push(' ');
        operation.push_str(verb);
    }
    operation
}
