//! Databases: which store a span talks to, and its statement as an operation.
//! Commands of caches and requests to search engines stand in files of their own.

use hotspan_model::normalise::sql;
use hotspan_model::{Call, CallKind, Class, Door, SpanKind};

use super::{cache, call, op, peer, search};
use crate::conventions::{Key, ToldSpan};

/// How a store is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// SQL and its dialects, CQL included.
    Sql,
    /// A command, a key, values.
    Command,
    /// JSON documents.
    Document,
    /// HTTP requests whose path names an index.
    Search,
}

/// What a span tells about the store it calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Store<'a> {
    /// The system's name as told; may be empty.
    system: &'a str,
    pub(crate) form: Form,
    /// The part of Sentry's op behind `cache.`; `None` for other spans.
    pub(crate) cache_op: Option<&'a str>,
}

/// Parts of system names that tell the form; of any other it is SQL. What
/// takes commands is a cache to the services using it.
const FORMS: [(&str, Form); 13] = [
    ("redis", Form::Command),
    ("valkey", Form::Command),
    ("memcache", Form::Command),
    ("dragonfly", Form::Command),
    ("keydb", Form::Command),
    ("mongo", Form::Document),
    ("documentdb", Form::Document),
    ("couch", Form::Document),
    ("cosmos", Form::Document),
    ("dynamo", Form::Document),
    ("firestore", Form::Document),
    ("elastic", Form::Search),
    ("opensearch", Form::Search),
];

/// The store that `span` calls, if it calls one.
pub(crate) fn store_of<'a>(span: &ToldSpan<'a>) -> Option<Store<'a>> {
    let op = op(span);
    let system = span.attributes.first_str(&[Key::DbSystemName, Key::DbSystem]);
    let cache_op = op.strip_prefix("cache.");
    // Sentry's ops are `db`, `db.redis`, `db.sql.query`; older SDKs begin with the system.
    let named = op.strip_prefix("db.").unwrap_or(op);
    let form_of_op = (!op.is_empty()).then(|| form_of(named)).flatten();
    let database = system.is_some() || op == "db" || op.starts_with("db.");
    // Internal spans with `db.*` attributes wrap the real statement.
    let exit = span.kind == SpanKind::Client || !op.is_empty();
    let bare_op = form_of_op.is_some() && !op.starts_with("http");
    if !(database || cache_op.is_some() || bare_op) || !exit {
        return None;
    }
    let form = system.and_then(form_of).or(form_of_op).unwrap_or(match cache_op {
        Some(_) => Form::Command,
        None => Form::Sql,
    });
    Some(Store { system: system.unwrap_or_default(), form, cache_op })
}

fn form_of(system: &str) -> Option<Form> {
    let has = |part: &str| {
        let mut windows = system.as_bytes().windows(part.len());
        windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    FORMS.into_iter().find(|(part, _)| has(part)).map(|(_, form)| form)
}

/// The text of a span's statement: an attribute, or the name of Sentry's spans.
pub(crate) fn text_of<'a>(span: &ToldSpan<'a>) -> Option<&'a str> {
    let named = || (span.door == Door::Sentry).then(|| span.told_name());
    span.attributes
        .first_str(&[Key::DbQueryText, Key::DbStatement])
        .or_else(named)
        .filter(|text| !text.is_empty())
}

/// The statement or command that `span` runs.
pub(super) fn statement(span: &ToldSpan<'_>) -> Option<Call> {
    let store = store_of(span)?;
    let attributes = &span.attributes;
    let is_name = |text: &&str| !text.bytes().all(|byte| byte.is_ascii_digit());
    let target = attributes
        .first_str(&[Key::DbNamespace, Key::DbName])
        // Redis has numbers, which tell nothing.
        .filter(is_name)
        .or(Some(store.system).filter(|text| !text.is_empty()))
        .unwrap_or_else(|| peer(attributes));
    let (kind, class, operation) = match store.form {
        _ if store.cache_op.is_some() => {
            (CallKind::Cache, Class::Cache, cache::operation(span, &store))
        }
        Form::Command => (CallKind::Cache, Class::Cache, cache::operation(span, &store)),
        Form::Search => (CallKind::Database, Class::Database, search::operation(span)),
        Form::Document => (CallKind::Database, Class::Database, document(span)),
        Form::Sql => (CallKind::Database, Class::Database, statement_operation(span)),
    };
    Some(call(kind, class, target, operation))
}

fn statement_operation(span: &ToldSpan<'_>) -> String {
    let attributes = &span.attributes;
    if let Some(summary) = attributes.first_str(&[Key::DbQuerySummary]) {
        return summary.to_owned();
    }
    if let Some(text) = attributes.first_str(&[Key::DbQueryText, Key::DbStatement]) {
        return sql::operation(text);
    }
    if let Some(procedure) = attributes.first_str(&[Key::DbStoredProcedureName]) {
        return format!("CALL {procedure}");
    }
    match (verb(span), collection(span)) {
        (Some(verb), Some(table)) => format!("{verb} {table}"),
        _ if span.door == Door::Sentry => sql::operation(&span.name),
        (Some(verb), None) => verb.to_owned(),
        _ => span.name.clone(),
    }
}

/// `find users`: the command and the collection, by attributes or by the
/// command itself, whose first field they are.
fn document(span: &ToldSpan<'_>) -> String {
    if let Some(summary) = span.attributes.first_str(&[Key::DbQuerySummary]) {
        return summary.to_owned();
    }
    let written = text_of(span).and_then(first_field);
    let verb = verb(span).or(written.map(|(verb, _)| verb));
    let collection = collection(span).or(written.and_then(|(_, collection)| collection));
    match (verb, collection) {
        (Some(verb), Some(collection)) => format!("{verb} {collection}"),
        (Some(verb), None) => verb.to_owned(),
        // Text that is no JSON is PartiQL or the SQL of Cosmos DB.
        _ => match text_of(span).map(sql::operation) {
            Some(operation) if operation.contains(' ') => operation,
            _ => span.name.clone(),
        },
    }
}

/// The command and the collection of `{"find": "users", …}`.
fn first_field(text: &str) -> Option<(&str, Option<&str>)> {
    let quoted = text.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?;
    let (verb, rest) = quoted.split_once('"')?;
    let is_verb = !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_alphabetic());
    let collection = quoted_value(rest)
        .or_else(|| text.split_once("\"collection\"").and_then(|(_, rest)| quoted_value(rest)))
        .filter(|name| *name != "?" && !name.is_empty());
    is_verb.then_some((verb, collection))
}

fn quoted_value(rest: &str) -> Option<&str> {
    let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split('"').next()
}

fn verb<'a>(span: &ToldSpan<'a>) -> Option<&'a str> {
    span.attributes.first_str(&[Key::DbOperationName, Key::DbOperation])
}

pub(super) fn collection<'a>(span: &ToldSpan<'a>) -> Option<&'a str> {
    let told = span.attributes.first_str(&[
        Key::DbCollectionName,
        Key::DbSqlTable,
        Key::DbMongodbCollection,
        Key::DbCassandraTable,
    ]);
    told.or_else(|| span.attributes.first_listed(&[Key::AwsDynamodbTableNames]))
}
