//! The tables of `hotspan.db`, as numbered steps from one format to the next.
//!
//! `user_version` says which steps a file has seen. A step is never changed
//! once it was released; a new one is appended.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{BookError, During};

/// Step *n* brings format *n* to format *n + 1*.
pub(super) const STEPS: [&str; 3] = [
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_life.sql"),
    include_str!("migrations/0003_agents.sql"),
];

/// The format this program writes.
pub(super) const FORMAT: i64 = STEPS.len() as i64;

fn format_of(connection: &Connection) -> Result<i64, BookError> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).during("read the format")
}

/// Refuses a file of a newer format before anything in it is touched.
pub(super) fn refuse_newer(connection: &Connection, path: &Path) -> Result<(), BookError> {
    let found = format_of(connection)?;
    if found > FORMAT {
        return Err(BookError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

/// Runs the steps that are missing, each in a transaction of its own, so that
/// a crash between two leaves a file that the next start brings further.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), BookError> {
    loop {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .during("migrate")?;
        refuse_newer(&transaction, path)?;
        let format = format_of(&transaction)?;
        let Some(step) = usize::try_from(format).ok().and_then(|index| STEPS.get(index)) else {
            return Ok(());
        };
        transaction.execute_batch(step).during("migrate")?;
        transaction.pragma_update(None, "user_version", format + 1).during("migrate")?;
        transaction.commit().during("migrate")?;
    }
}
