//! Databases of every earlier format become what a new one is.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::book::{Book, migrations};

/// Name and definition of everything in a database.
fn tables(connection: &Connection) -> BTreeMap<String, Option<String>> {
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("readable")
}

#[test]
fn every_earlier_format_is_brought_to_the_newest() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let new = dir.path().join("new.db");
    drop(Book::open(&new, crate::book::sample::START).expect("a new book"));
    let expected = tables(&Connection::open(&new).expect("it opens"));
    for format in 0..migrations::STEPS.len() {
        let path = dir.path().join(format!("{format}.db"));
        let old = Connection::open(&path).expect("a new file");
        for step in &migrations::STEPS[..format] {
            old.execute_batch(step).expect("an old step");
        }
        old.pragma_update(None, "user_version", format as i64).expect("written");
        drop(old);
        let book = Book::open(&path, crate::book::sample::START).expect("an old book opens");
        assert!(book.projects().expect("readable").iter().any(|project| project.name == "default"));
        drop(book);
        let migrated = Connection::open(&path).expect("it opens");
        assert_eq!(tables(&migrated), expected, "from format {format}");
        let reached: i64 =
            migrated.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number");
        assert_eq!(reached, migrations::FORMAT);
    }
}
