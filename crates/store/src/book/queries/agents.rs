//! What agents on hosts told: roles, callers, and the traces that asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hotspan_model::agent::{AgentCaller, AgentFetch, AgentRole};
use hotspan_model::{SpanId, TraceId, UnixNanos};
use rusqlite::{Row, Transaction, params};

use super::super::agent_rows::{
    AgentCallerRow, AgentRoleRow, AgentTotals, AgentTraceRow, AgentsAsked,
};
use super::super::connection::Book;
use super::super::rows::{Filter, TimeWindow};
use super::super::{BookError, During};

/// The consumer under which callers are added up that are not told apart.
const OTHER: &str = "(other)";
/// Points of a sparkline.
const STEPS: i64 = 48;
/// Fetches of a role that are shown, the last ones.
const FETCHES_MAX: usize = 120;
/// Callers and traces that are shown.
const CALLERS_MAX: usize = 200;
const TRACES_MAX: i64 = 25;
/// The newest lookups, among whose traces those are looked for that asked most.
const TRACED_MAX: i64 = 20_000;
/// Roles that are shown, those first that have the least life left.
const ROLES_MAX: usize = 500;
/// Roles and callers that are told apart while reports are read. Who sends spans
/// can make up any number of names.
const APART_MAX: usize = 10_000;

/// Equal steps over a window.
#[derive(Clone, Copy)]
struct Steps {
    from: i64,
    width: i64,
}

impl Steps {
    fn over(window: TimeWindow) -> Self {
        Self { from: window.from.0, width: (window.length_ns() / STEPS).max(1) }
    }

    fn of(self, at: UnixNanos) -> usize {
        let step = (at.0 - self.from).div_euclid(self.width);
        usize::try_from(step.clamp(0, STEPS - 1)).unwrap_or_default()
    }
}

impl Book {
    /// What agents told over a window.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn agents(&self, window: TimeWindow, filter: &Filter) -> Result<AgentsAsked, BookError> {
        let steps = Steps::over(window);
        self.read("read what agents told", |transaction| {
            let mut answer = AgentsAsked::default();
            roles(transaction, window, filter, steps, &mut answer)
                .and_then(|()| fetches(transaction, window, filter, &mut answer.roles))
                .and_then(|()| callers(transaction, window, filter, steps, &mut answer))
                .during("read what agents told")?;
            answer.traces = traces(transaction, window, filter).during("list who asked")?;
            Ok(answer)
        })
    }

    /// Lookups that agents answered for a trace.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn agent_lookups_of(&self, trace_id: TraceId) -> Result<Vec<AgentTraceRow>, BookError> {
        self.read("list who asked", |transaction| {
            transaction
                .prepare_cached(&format!(
                    "SELECT {TRACE_COLUMNS} FROM agent_caller c \
                     JOIN agent_lookup l ON l.id = c.lookup_id WHERE c.trace_id = ?1 AND l.answer = 'given' \
                     GROUP BY l.host, l.door, l.role, l.consumer ORDER BY 3 DESC LIMIT ?2"
                ))
                .and_then(|mut statement| {
                    statement.query_map(params![trace_id.0, TRACES_MAX], trace_row)?.collect()
                })
                .during("list who asked")
        })
    }
}

const ROLE_COLUMNS: &str = "project, host, role, upstream, standing, reason, seconds_left, \
     life_seconds, attempts, failures, renewals, clock_skew_seconds, started_seconds, \
     answered_from_memory, passed_to_upstream, dropped, at";

fn roles(
    transaction: &Transaction<'_>,
    window: TimeWindow,
    filter: &Filter,
    steps: Steps,
    answer: &mut AgentsAsked,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {ROLE_COLUMNS} FROM agent_role WHERE at >= ?1 AND at < ?2 \
         AND (?3 IS NULL OR project = ?3) ORDER BY at"
    ))?;
    let mut found: BTreeMap<(String, String, String), RoleOverTime> = BTreeMap::new();
    let mut agents: BTreeMap<(String, i64), Grown<2>> = BTreeMap::new();
    let mut rows = statement.query(params![window.from.0, window.to.0, filter.project])?;
    while let Some(row) = rows.next()? {
        let (project, host) = (row.get(0)?, row.get::<_, String>(1)?);
        let role = role_at(row)?;
        // A start within the window began to count at nothing.
        let is_new = role.started_seconds.saturating_mul(1_000_000_000) >= window.from.0;
        agents
            .entry((host.clone(), role.started_seconds))
            .or_insert_with(|| Grown::new(is_new))
            .see([role.answered_from_memory, role.dropped]);
        let key = (project, host, role.role.clone());
        if found.len() < APART_MAX || found.contains_key(&key) {
            found.entry(key).or_default().see(role, is_new, steps);
        }
    }
    for agent in agents.values() {
        let [answered, dropped] = agent.by();
        answer.totals.answered_from_memory += answered;
        answer.totals.dropped += dropped;
    }
    answer.totals.hosts = agents.keys().map(|(host, _)| host).collect::<BTreeSet<_>>().len() as u64;
    for ((project, host, _), role) in found {
        let row = role.row(project, host);
        answer.totals.attempts += row.attempts;
        answer.totals.failures += row.failures;
        answer.roles.push(row);
    }
    answer.roles.sort_by_key(|row| (row.latest.seconds_left.unwrap_or(-1), row.host.clone()));
    answer.roles.truncate(ROLES_MAX);
    Ok(())
}

/// By how much counters grew that begin anew with each start.
struct Grown<const N: usize> {
    first: Option<[i64; N]>,
    last: [i64; N],
}

impl<const N: usize> Grown<N> {
    fn new(is_new: bool) -> Self {
        Self { first: is_new.then_some([0; N]), last: [0; N] }
    }

    fn see(&mut self, values: [i64; N]) {
        self.first.get_or_insert(values);
        self.last = values;
    }

    fn by(&self) -> [u64; N] {
        let first = self.first.unwrap_or(self.last);
        std::array::from_fn(|at| u64::try_from(self.last[at] - first[at]).unwrap_or_default())
    }
}

/// A role of a host while its reports are read, oldest first.
#[derive(Default)]
struct RoleOverTime {
    latest: AgentRole,
    starts: BTreeMap<i64, Grown<2>>,
    life: Vec<Option<i64>>,
}

impl RoleOverTime {
    fn see(&mut self, role: AgentRole, is_new: bool, steps: Steps) {
        self.life.resize(STEPS as usize, None);
        let point = &mut self.life[steps.of(role.at)];
        let left = role.seconds_left.unwrap_or_default();
        *point = Some(point.map_or(left, |known| known.min(left)));
        self.starts
            .entry(role.started_seconds)
            .or_insert_with(|| Grown::new(is_new))
            .see([role.attempts, role.failures]);
        self.latest = role;
    }

    fn row(self, project: String, host: String) -> AgentRoleRow {
        let grown = self.starts.values().map(Grown::by);
        let [attempts, failures] = grown.fold([0, 0], |sum, by| [sum[0] + by[0], sum[1] + by[1]]);
        let (latest, life) = (self.latest, self.life);
        AgentRoleRow { project, host, latest, attempts, failures, life, fetches: Vec::new() }
    }
}

fn role_at(row: &Row<'_>) -> rusqlite::Result<AgentRole> {
    Ok(AgentRole {
        role: row.get(2)?,
        upstream: row.get(3)?,
        standing: row.get(4)?,
        reason: row.get(5)?,
        seconds_left: row.get(6)?,
        life_seconds: row.get(7)?,
        attempts: row.get(8)?,
        failures: row.get(9)?,
        renewals: row.get(10)?,
        clock_skew_seconds: row.get(11)?,
        started_seconds: row.get(12)?,
        answered_from_memory: row.get(13)?,
        passed_to_upstream: row.get(14)?,
        dropped: row.get(15)?,
        at: UnixNanos(row.get(16)?),
    })
}

/// The last fetches of each role, in one look at all of them.
fn fetches(
    transaction: &Transaction<'_>,
    window: TimeWindow,
    filter: &Filter,
    roles: &mut [AgentRoleRow],
) -> rusqlite::Result<()> {
    let mut found: HashMap<(String, String, String), Vec<AgentFetch>> = HashMap::new();
    for row in roles.iter() {
        let key = (row.project.clone(), row.host.clone(), row.latest.role.clone());
        found.insert(key, Vec::new());
    }
    let mut statement = transaction.prepare_cached(
        "SELECT project, host, role, start, end, outcome, reason, key_last_four \
         FROM agent_fetch WHERE start >= ?1 AND start < ?2 \
         AND (?3 IS NULL OR project = ?3) ORDER BY start DESC",
    )?;
    let mut rows = statement.query(params![window.from.0, window.to.0, filter.project])?;
    while let Some(row) = rows.next()? {
        let key = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some(fetches) = found.get_mut(&key).filter(|known| known.len() < FETCHES_MAX) {
            fetches.push(AgentFetch {
                start: UnixNanos(row.get(3)?),
                end: UnixNanos(row.get(4)?),
                role: key.2,
                outcome: row.get(5)?,
                reason: row.get(6)?,
                key_last_four: row.get(7)?,
            });
        }
    }
    for row in roles {
        let key = (row.project.clone(), row.host.clone(), row.latest.role.clone());
        row.fetches = found.remove(&key).unwrap_or_default();
        row.fetches.reverse();
    }
    Ok(())
}

fn callers(
    transaction: &Transaction<'_>,
    window: TimeWindow,
    filter: &Filter,
    steps: Steps,
    answer: &mut AgentsAsked,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "SELECT door, role, consumer, uid, cgroup, executable, answer, \
         (at - ?4) / ?5 AS step, max(at), sum(count), sum(sum_ns), max(max_ns), host \
         FROM agent_lookup WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR project = ?3) \
         GROUP BY door, role, consumer, uid, cgroup, executable, answer, step, host",
    )?;
    let mut found: BTreeMap<AgentCaller, (AgentCallerRow, BTreeSet<String>)> = BTreeMap::new();
    let bounds = params![window.from.0, window.to.0, filter.project, steps.from, steps.width];
    let mut rows = statement.query(bounds)?;
    while let Some(row) = rows.next()? {
        let mut caller = caller_at(row, 0)?;
        if found.len() >= APART_MAX && !found.contains_key(&caller) {
            caller = AgentCaller { consumer: OTHER.to_owned(), ..AgentCaller::default() };
        }
        let given: String = row.get(6)?;
        let at = UnixNanos(row.get(8)?);
        let count = u64::try_from(row.get::<_, i64>(9)?).unwrap_or_default();
        let (sum_ns, max_ns): (i64, i64) = (row.get(10)?, row.get(11)?);
        let given = if given == "given" { count } else { 0 };
        let (sums, hosts) = found.entry(caller).or_default();
        sums.lookups += count;
        sums.given += given;
        sums.sum_ns = sums.sum_ns.saturating_add(sum_ns);
        sums.max_ns = sums.max_ns.max(max_ns);
        sums.spark.resize(STEPS as usize, 0);
        sums.spark[steps.of(at)] += count;
        hosts.insert(row.get(12)?);
        add(&mut answer.totals, count, given, sum_ns, max_ns);
    }
    answer.callers = found
        .into_iter()
        .map(|(caller, (sums, hosts))| AgentCallerRow { caller, hosts: hosts.len() as u64, ..sums })
        .collect();
    answer.callers.sort_by_key(|row| std::cmp::Reverse(row.lookups));
    answer.callers.truncate(CALLERS_MAX);
    Ok(())
}

fn add(totals: &mut AgentTotals, count: u64, given: u64, sum_ns: i64, max_ns: i64) {
    totals.lookups += count;
    totals.given += given;
    totals.sum_ns = totals.sum_ns.saturating_add(sum_ns);
    totals.max_ns = totals.max_ns.max(max_ns);
}

fn caller_at(row: &Row<'_>, first: usize) -> rusqlite::Result<AgentCaller> {
    Ok(AgentCaller {
        door: row.get(first)?,
        role: row.get(first + 1)?,
        consumer: row.get(first + 2)?,
        uid: row.get(first + 3)?,
        cgroup: row.get(first + 4)?,
        executable: row.get(first + 5)?,
    })
}

/// With one `max` in a group, SQLite takes the other columns from its row.
const TRACE_COLUMNS: &str = "c.trace_id, c.span_id, sum(c.count), max(l.at), l.host, \
                             l.door, l.role, l.consumer, l.uid, l.cgroup, l.executable";

fn trace_row(row: &Row<'_>) -> rusqlite::Result<AgentTraceRow> {
    Ok(AgentTraceRow {
        trace_id: TraceId(row.get(0)?),
        span_id: SpanId(row.get(1)?),
        lookups: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
        at: UnixNanos(row.get(3)?),
        host: row.get(4)?,
        caller: caller_at(row, 5)?,
    })
}

fn traces(
    transaction: &Transaction<'_>,
    window: TimeWindow,
    filter: &Filter,
) -> rusqlite::Result<Vec<AgentTraceRow>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {TRACE_COLUMNS} FROM (SELECT * FROM agent_lookup WHERE at >= ?1 AND at < ?2 \
             AND (?3 IS NULL OR project = ?3) ORDER BY at DESC LIMIT ?5) l \
             JOIN agent_caller c ON c.lookup_id = l.id \
             GROUP BY c.trace_id ORDER BY 3 DESC, 4 DESC LIMIT ?4"
        ))?
        .query_map(
            params![window.from.0, window.to.0, filter.project, TRACES_MAX, TRACED_MAX],
            trace_row,
        )?
        .collect()
}
