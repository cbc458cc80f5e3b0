//! What agents on hosts tell, as it is kept and let go. The same span told
//! twice, by a client that tries again or by a replay, is kept once.

use hotspan_model::agent::{AgentFetch, AgentLookups, AgentReport, AgentRole};
use hotspan_model::{AgentNews, UnixNanos};
use rusqlite::{Transaction, params};

use super::{BookError, During};

/// The most rows of one kind; the oldest go first. A host with ten consumers
/// tells 14,400 a day.
const ROWS_MAX: i64 = 2_000_000;
/// Of so many of the newest lookups it is known which traces asked.
const TRACED_ROWS_MAX: i64 = 200_000;
/// Rows of a kind that go in one transaction.
const GONE_AT_ONCE: i64 = 5_000;
/// The tables of what agents tell, with the column that says when.
const TABLES: [(&str, &str); 3] =
    [("agent_lookup", "at"), ("agent_fetch", "start"), ("agent_role", "at")];

/// Keeps reports.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    reports: &[AgentReport],
) -> Result<(), BookError> {
    for report in reports {
        match &report.news {
            AgentNews::Lookups(lookups) => keep_lookups(transaction, report, lookups),
            AgentNews::Fetch(fetch) => keep_fetch(transaction, report, fetch),
            AgentNews::Role(role) => keep_role(transaction, report, role),
        }
        .during("keep what an agent told")?;
    }
    Ok(())
}

fn keep_lookups(
    transaction: &Transaction<'_>,
    report: &AgentReport,
    lookups: &AgentLookups,
) -> rusqlite::Result<()> {
    let caller = &lookups.caller;
    let added = transaction
        .prepare_cached(
            "INSERT INTO agent_lookup (project, trace_id, span_id, at, host, door, role, \
             consumer, uid, cgroup, executable, answer, count, sum_ns, max_ns) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            report.project,
            report.trace_id.0,
            report.span_id.0,
            lookups.at.0,
            report.host,
            caller.door,
            caller.role,
            caller.consumer,
            caller.uid,
            caller.cgroup,
            caller.executable,
            lookups.answer,
            whole(lookups.count),
            lookups.sum_ns,
            lookups.max_ns,
        ])?;
    if added == 0 {
        return Ok(());
    }
    let id = transaction.last_insert_rowid();
    let mut statement = transaction.prepare_cached(
        "INSERT INTO agent_caller (lookup_id, trace_id, span_id, count) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (trace_id, span_id, count) in &lookups.traces {
        statement.execute(params![id, trace_id.0, span_id.0, whole(*count)])?;
    }
    Ok(())
}

fn keep_fetch(
    transaction: &Transaction<'_>,
    report: &AgentReport,
    fetch: &AgentFetch,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO agent_fetch (project, trace_id, span_id, start, end, host, role, \
             outcome, reason, key_last_four) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            report.project,
            report.trace_id.0,
            report.span_id.0,
            fetch.start.0,
            fetch.end.0,
            report.host,
            fetch.role,
            fetch.outcome,
            fetch.reason,
            fetch.key_last_four,
        ])?;
    Ok(())
}

fn keep_role(
    transaction: &Transaction<'_>,
    report: &AgentReport,
    role: &AgentRole,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO agent_role (project, trace_id, span_id, at, host, role, upstream, \
             standing, reason, seconds_left, life_seconds, attempts, failures, renewals, \
             clock_skew_seconds, started_seconds, answered_from_memory, passed_to_upstream, \
             dropped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18, ?19) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            report.project,
            report.trace_id.0,
            report.span_id.0,
            role.at.0,
            report.host,
            role.role,
            role.upstream,
            role.standing,
            role.reason,
            role.seconds_left,
            role.life_seconds,
            role.attempts,
            role.failures,
            role.renewals,
            role.clock_skew_seconds,
            role.started_seconds,
            role.answered_from_memory,
            role.passed_to_upstream,
            role.dropped,
        ])?;
    Ok(())
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Lets go of some of what is older than `before`, and of the oldest beyond the
/// cap: not of all at once, because commits wait for it. Returns how many rows
/// went; none when nothing is left to do.
pub(super) fn expire(transaction: &Transaction<'_>, before: UnixNanos) -> rusqlite::Result<u64> {
    let mut rows = 0;
    for (table, when) in TABLES {
        let newest: i64 = transaction
            .prepare_cached(&format!("SELECT coalesce(max(id), 0) FROM {table}"))?
            .query_row([], |row| row.get(0))?;
        let beyond = newest.saturating_sub(ROWS_MAX);
        for (condition, bound) in
            [(format!("{when} < ?1"), before.0), ("id <= ?1".to_owned(), beyond)]
        {
            rows += transaction
                .prepare_cached(&format!(
                    "DELETE FROM {table} WHERE id IN \
                     (SELECT id FROM {table} WHERE {condition} LIMIT ?2)"
                ))?
                .execute(params![bound, GONE_AT_ONCE])? as u64;
        }
        if table == "agent_lookup" {
            rows += transaction
                .prepare_cached(
                    "DELETE FROM agent_caller WHERE rowid IN \
                     (SELECT rowid FROM agent_caller WHERE lookup_id <= ?1 LIMIT ?2)",
                )?
                .execute(params![newest.saturating_sub(TRACED_ROWS_MAX), GONE_AT_ONCE])?
                as u64;
        }
    }
    Ok(rows)
}
