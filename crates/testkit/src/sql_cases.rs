//! The statements that OpenTelemetry publishes for those who take values out of
//! SQL and summarise it. Reads `fixtures/semconv`; what is expected of each is
//! as published.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// How many cases the list began with; the rest were added later.
pub const FIRST_PUBLISHED: usize = 24;

/// A statement and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlCase {
    /// Its name upstream.
    pub name: String,
    /// `db.system.name`.
    pub system: String,
    /// The statement with its values.
    pub query: String,
    /// Any of these is right for `db.query.text`.
    pub texts: Vec<String>,
    /// `db.query.summary`.
    pub summary: String,
}

/// Every case in the order of the file. Panics when the file is missing or not
/// as it was published: that is a fault of the checkout.
pub fn sql_cases() -> Vec<SqlCase> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/semconv/db-sql-test-cases.json");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = |case: &Value, place: &str| {
        let found = case.pointer(place).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{}: no {place} in {case}", path.display())).to_owned()
    };
    let texts = |case: &Value| -> Vec<String> {
        let list = case.pointer("/expected/db.query.text").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let read = |case: &Value| SqlCase {
        name: text(case, "/name"),
        system: text(case, "/input/db.system.name"),
        query: text(case, "/input/query"),
        texts: texts(case),
        summary: text(case, "/expected/db.query.summary"),
    };
    cases.iter().map(read).collect()
}
