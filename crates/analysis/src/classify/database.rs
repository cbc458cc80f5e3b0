//! Database statements and cache commands.

use hotspan_model::normalise::sql;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::{call, op, peer};
use crate::conventions::{Key, ToldSpan};

/// Systems that are caches to the services using them.
const CACHES: [&str; 4] = ["redis", "memcached", "valkey", "dragonfly"];

/// The statement or command that `span` runs.
pub(super) fn statement(span: &ToldSpan<'_>) -> Option<Call> {
    let attributes = &span.attributes;
    let op = op(span);
    let system = attributes.first_str(&[Key::DbSystemName, Key::DbSystem]).unwrap_or_default();
    let cache = op.starts_with("cache.")
        || op.contains("redis")
        || CACHES.iter().any(|name| system.eq_ignore_ascii_case(name));
    let database = !system.is_empty() || op == "db" || op.starts_with("db.");
    // Internal spans with `db.*` attributes wrap the real statement.
    let exit = span.kind == SpanKind::Client || !op.is_empty();
    if !(cache || database) || !exit {
        return None;
    }
    let target = attributes
        .first_str(&[Key::DbNamespace, Key::DbName])
        .or(Some(system).filter(|text| !text.is_empty()))
        .unwrap_or_else(|| peer(attributes));
    if cache {
        let command = command(span);
        return Some(call(CallKind::Cache, Class::Cache, target, command));
    }
    Some(call(CallKind::Database, Class::Database, target, operation(span)))
}

/// The first word of a command: the rest is keys and values.
fn command(span: &ToldSpan<'_>) -> String {
    span.attributes
        .first_str(&[Key::DbOperationName, Key::DbOperation])
        .or_else(|| span.name.split_whitespace().next())
        .unwrap_or_default()
        .to_ascii_uppercase()
}

fn operation(span: &ToldSpan<'_>) -> String {
    let attributes = &span.attributes;
    if let Some(summary) = attributes.first_str(&[Key::DbQuerySummary]) {
        return summary.to_owned();
    }
    if let Some(text) = attributes.first_str(&[Key::DbQueryText, Key::DbStatement]) {
        return sql::summary(text);
    }
    let verb = attributes.first_str(&[Key::DbOperationName, Key::DbOperation]);
    let table = attributes.first_str(&[
        Key::DbCollectionName,
        Key::DbSqlTable,
        Key::DbMongodbCollection,
        Key::DbCassandraTable,
    ]);
    match (verb, table) {
        (Some(verb), Some(table)) => format!("{verb} {table}"),
        _ if span.door == hotspan_model::Door::Sentry => sql::summary(&span.name),
        (Some(verb), None) => verb.to_owned(),
        _ => span.name.clone(),
    }
}
