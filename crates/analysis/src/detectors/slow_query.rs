//! Looks for a statement that takes long by itself.
//!
//! ```text
//! GET /orders ├──────────────────────────────────┤
//!   SELECT orders  ├───────────────────────┤        half a second or more, and
//!                                                   a good part of the request
//! ```
//!
//! Also several runs of one statement that together take so long, each of them
//! slow. What the text shows of why is told as what to look at first: only the
//! database's plan decides. Not meant are statements that build or move tables,
//! that wait by their nature (locks, sleeps, change streams, cursors), that
//! failed, and whatever jobs do.

use hotspan_model::{CallKind, Confidence};

use super::Detector;
use super::heavy::{Heavy, by_operation, is_waited_for, wall_ns_of};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::figures;
use crate::form::{Clause, StatementForm};
use crate::repeats::is_write;
use crate::thresholds::SlowQueryThresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "slow-query",
    title: "A statement that takes long by itself",
    unit: ("query", "queries"),
    in_segment,
    uses: None,
    in_profile: None,
};

fn in_segment(scene: &mut Scene<'_, '_>) {
    if !is_waited_for(scene) {
        return;
    }
    let limits = scene.thresholds.slow_query;
    for calls in by_operation(scene, |span| is_slow(span, &limits)) {
        let wall_ns = wall_ns_of(scene, &calls);
        let share = scene.share_of(wall_ns);
        if wall_ns >= limits.wall_ns_min && share >= limits.share_min && scene.is_worth(wall_ns) {
            report(scene, &calls, wall_ns, &limits);
        }
    }
}

fn is_slow(span: &SpanDigest, limits: &SlowQueryThresholds) -> bool {
    let Some(form) = &span.form else { return false };
    let natural = &hotspan_knowledge::knowledge().natural;
    span.duration_ns() >= limits.run_ns_min
        && !form.waits
        && !span.failed()
        && span.call.as_ref().is_some_and(|call| {
            call.kind == CallKind::Database
                && !natural.is_statement(&call.operation)
                && !natural.is_long_statement(&call.operation)
        })
}

fn report(scene: &mut Scene<'_, '_>, calls: &[usize], wall_ns: i64, limits: &SlowQueryThresholds) {
    let spans = &scene.study.segment.spans;
    // The longest run tells: the others may have found its pages in memory.
    let longest = calls.iter().max_by_key(|&&call| spans[call].duration_ns());
    let Some(longest) = longest.map(|&call| &spans[call]) else { return };
    let Some(form) = longest.form.as_deref() else { return };
    let heavy = Heavy {
        detector: DETECTOR.slug,
        heading: "Slow query",
        cause: cause_of(longest, form, limits),
        calls,
        wall_ns,
        figures: told(form),
        facts: facts(form),
    };
    if let Some(finding) = heavy.finding(scene) {
        scene.report(finding, calls.iter().copied());
    }
}

/// What the form shows, the plainest first.
fn cause_of(
    span: &SpanDigest,
    form: &StatementForm,
    limits: &SlowQueryThresholds,
) -> (&'static str, Confidence) {
    let is_many = |rows: u32| rows >= limits.rows_min;
    let aggregate = form.has(Clause::Aggregate);
    let bounds = [Clause::Where, Clause::Limit, Clause::Function];
    let unbounded = form.has(Clause::Select) && !bounds.iter().any(|clause| form.has(*clause));
    match form.rows.map(is_many) {
        _ if is_plain_write(span) => ("slow_write", Confidence::Possible),
        Some(true) => ("slow_many_rows", Confidence::Likely),
        _ if unbounded && aggregate => ("slow_over_all_rows", Confidence::Likely),
        None if unbounded => ("slow_whole_table", Confidence::Likely),
        _ if form.has(Clause::Offset) => ("slow_offset", Confidence::Possible),
        _ if form.has(Clause::Pattern) => ("slow_pattern", Confidence::Possible),
        _ if !form.filters.is_empty() || !form.orders.is_empty() => {
            ("slow_filter", Confidence::Possible)
        }
        _ => ("slow_statement", Confidence::Undetermined),
    }
}

/// Procedures write as well, and much else.
fn is_plain_write(span: &SpanDigest) -> bool {
    let verb = span.call.as_ref().and_then(|call| call.operation.split(' ').next());
    is_write(span) && matches!(verb, Some("INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE"))
}

fn told(form: &StatementForm) -> Vec<(&'static str, String)> {
    let rows = form.rows.map_or(String::new(), |rows| figures::count(u64::from(rows)));
    let brought = match form.rows {
        Some(rows) => format!("It brought {} rows.", figures::count(u64::from(rows))),
        None => "How many rows it brought is not told.".to_owned(),
    };
    vec![("columns", columns(form)), ("rows", rows), ("brought", brought)]
}

/// `WHERE state, created_at ORDER BY id`.
fn columns(form: &StatementForm) -> String {
    let lists = [("WHERE", &form.filters), ("ORDER BY", &form.orders)].into_iter();
    let lists = lists.filter(|(_, columns)| !columns.is_empty());
    lists
        .map(|(word, columns)| format!("{word} {}", columns.join(", ")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn facts(form: &StatementForm) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(rows) = form.rows {
        facts.push((figures::count(u64::from(rows)), "rows in its answer".to_owned()));
    }
    let columns = columns(form);
    if !columns.is_empty() {
        facts.push((columns, "columns that it compares with values and orders by".to_owned()));
    }
    let signs = [
        (Clause::AllColumns, "SELECT *", "every column is read and sent"),
        (Clause::Offset, "OFFSET", "rows before it are read and thrown away"),
        (Clause::Pattern, "LIKE", "a pattern: an index helps only where its beginning is known"),
        (Clause::Aggregate, "GROUP BY", "or the like: all rows it is about are gone through"),
    ];
    for (clause, sign, meaning) in signs {
        if form.has(clause) {
            facts.push((sign.to_owned(), meaning.to_owned()));
        }
    }
    let reads = form.has(Clause::Select);
    for (clause, sign, meaning) in [
        (Clause::Where, "no WHERE", "nothing narrows the rows"),
        (Clause::Limit, "no LIMIT", "nothing bounds the answer"),
    ] {
        if reads && !form.has(clause) {
            facts.push((sign.to_owned(), meaning.to_owned()));
        }
    }
    facts
}
