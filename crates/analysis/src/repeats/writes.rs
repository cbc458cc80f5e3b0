//! Which calls change something where they go to.

use hotspan_model::CallKind;

use crate::digest::SpanDigest;

/// True for a statement (`SELECT orders`, `find users`) that begins by reading.
pub(crate) fn reads(operation: &str) -> bool {
    const READS: [&str; 8] =
        ["SELECT", "WITH", "FIND", "AGGREGATE", "COUNT", "DISTINCT", "GET", "SEARCH"];
    let first = operation.split(' ').next().unwrap_or_default();
    READS.iter().any(|verb| verb.eq_ignore_ascii_case(first))
}

/// True for a call that changes something where it goes to.
pub(crate) fn is_write(span: &SpanDigest) -> bool {
    const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
    const PROCEDURES: [&str; 9] =
        ["put", "update", "delete", "create", "write", "add", "set", "remove", "insert"];
    let Some(call) = &span.call else {
        return false;
    };
    let first = call.operation.split(' ').next().unwrap_or_default();
    match call.kind {
        CallKind::Database => {
            let changes = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CALL", "EXEC"];
            // `SELECT … INSERT x` writes as well; a verb that nobody knows may.
            !reads(&call.operation) || call.operation.split(' ').any(|word| changes.contains(&word))
        }
        CallKind::Http => !SAFE_METHODS.contains(&first),
        _ => {
            let name = call.operation.rsplit(['.', '/']).next().unwrap_or_default();
            let name = name.to_ascii_lowercase();
            PROCEDURES.iter().any(|verb| name.starts_with(verb))
        }
    }
}
