//! Each segment counts once, in its latest form: whatever order commits come
//! in, however often a part of them is replayed, wherever a crash cuts them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use hotspan_model::{SegmentRecord, SpanId, TraceId};
use proptest::prelude::*;
use rusqlite::{Connection, OpenFlags, Row};

use super::super::codec::{shapes, words};
use super::super::sample;
use super::super::{Book, SegmentCommit, SegmentKey, book_path};
use super::{Fixture, START};

/// A batch of records, and how many earlier batches are replayed after it.
type Step = (Vec<SegmentRecord>, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (sample::record(), 1u32..4)
        .prop_map(|(record, trace_spans)| SegmentRecord { trace_spans, ..record });
    let step = (prop::collection::vec(record, 0..4), prop_oneof![2 => Just(0), 1 => 1usize..5]);
    prop::collection::vec(step, 1..8)
}

/// The latest form of every segment, by the rule that less of a trace never
/// replaces more of it.
fn latest(batches: &[Vec<SegmentRecord>]) -> Vec<SegmentRecord> {
    let mut latest: BTreeMap<(TraceId, SpanId), &SegmentRecord> = BTreeMap::new();
    for record in batches.iter().flatten() {
        let known = latest.entry((record.trace_id, record.entry_span)).or_insert(record);
        if record.trace_spans >= known.trace_spans {
            *known = record;
        }
    }
    latest.into_values().cloned().collect()
}

/// Everything that counts, with names instead of numbers.
fn dump(path: &Path) -> String {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opens to read");
    let place = "e.name || ' ' || grain || '/' || bucket";
    let issue = "(SELECT fingerprint FROM issue WHERE id = issue_id)";
    let tables = [
        format!(
            "SELECT {place} || ' env=' || n.name || ' release=' || r.name, samples, requests, \
             errors, wall_ns, time, sketch FROM rollup JOIN endpoint e ON e.id = endpoint_id \
             JOIN label n ON n.id = environment_id JOIN label r ON r.id = release_id ORDER BY 1"
        ),
        format!(
            "SELECT {place} || ' ' || class || ' ' || family, segments, samples, truncated, \
             requests, lookups, calls, wall_ns, hidden_ns, detail FROM class_use \
             JOIN endpoint e ON e.id = endpoint_id ORDER BY 1"
        ),
        format!(
            "SELECT {place}, tree FROM profile JOIN endpoint e ON e.id = endpoint_id ORDER BY 1"
        ),
        "SELECT fingerprint, e.name, class, family FROM issue \
         JOIN endpoint e ON e.id = endpoint_id ORDER BY 1"
            .to_owned(),
        format!(
            "SELECT {issue}, hex(trace_id), start, duration_ns, o.wall_ns, lookups, calls, \
             hex(evidence), cause FROM occurrence o ORDER BY 1, 2"
        ),
        format!(
            "SELECT {issue}, grain, bucket, samples, truncated, requests, lookups, calls, \
             wall_ns, hidden_ns FROM issue_rollup ORDER BY 1, 2, 3"
        ),
        "SELECT e.name, hour, hex(trace_id), start, duration_ns, error, spans, lost_ns \
         FROM trace_summary JOIN endpoint e ON e.id = endpoint_id ORDER BY 1, 2, 3"
            .to_owned(),
    ];
    let mut text = String::new();
    for sql in tables {
        let mut statement = connection.prepare(&sql).expect("valid SQL");
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).expect("runs");
        while let Some(row) = rows.next().expect("reads") {
            for (column, name) in names.iter().enumerate() {
                write!(text, "{} ", value_of(row, column, name)).expect("a string");
            }
            text.push('\n');
        }
    }
    text
}

fn value_of(row: &Row<'_>, column: usize, name: &str) -> String {
    let value = row.get_ref(column).expect("a column");
    let Ok(blob) = value.as_blob() else {
        return value.as_str().map_or_else(|_| format!("{value:?}"), str::to_owned);
    };
    match name {
        "time" => format!("{:?}", shapes::decode_time(blob)),
        "tree" => format!("{:?}", shapes::decode_tree(blob)),
        "detail" => format!("{:?}", words::decode_use_detail(blob)),
        "cause" => format!("{:?}", words::decode_cause(blob)),
        _ => format!("{blob:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn replacements_and_replays_count_once(steps in steps()) {
        let replayed = Fixture::new();
        let batches: Vec<_> = steps.iter().map(|(batch, _)| batch.clone()).collect();
        for (index, (batch, again)) in steps.iter().enumerate() {
            replayed.commit(index as u64, batch);
            let from = (index + 1).saturating_sub(*again);
            for (position, batch) in batches.iter().enumerate().take(index + 1).skip(from) {
                replayed.commit(position as u64, batch);
            }
        }
        let once = Fixture::new();
        once.commit(1, &latest(&batches));
        prop_assert_eq!(dump(replayed.book.path()), dump(once.book.path()));
    }

    #[test]
    fn a_crash_after_any_commit_is_made_good_by_a_replay(steps in steps()) {
        let batches: Vec<_> = steps.into_iter().map(|(batch, _)| batch).collect();
        let whole = Fixture::new();
        let mut copies = Vec::new();
        for (index, batch) in batches.iter().enumerate() {
            whole.commit(index as u64 + 1, batch);
            copies.push(copy_of(&whole));
        }
        for (index, copy) in copies.iter().enumerate() {
            let path = book_path(copy.path());
            let book = Book::open(&path, START).expect("opens after a crash");
            let covered = book.positions().expect("reads").segments;
            prop_assert_eq!(covered, index as u64 + 1);
            // What was committed last may come again: it was not acknowledged.
            for (position, records) in batches.iter().enumerate().skip(index) {
                book.commit_segments(SegmentCommit {
                    covered: position as u64 + 1,
                    reached: position as u64 + 1,
                    records,
                    retracted: &[], reports: &[],
                    now: START,
                }).expect("commits");
            }
            prop_assert_eq!(dump(&path), dump(whole.book.path()), "cut after {}", index);
        }
    }

    #[test]
    fn taking_every_segment_out_leaves_nothing(steps in steps()) {
        let fixture = Fixture::new();
        let batches: Vec<_> = steps.into_iter().map(|(batch, _)| batch).collect();
        for (index, batch) in batches.iter().enumerate() {
            fixture.commit(index as u64, batch);
        }
        let keys: Vec<SegmentKey> = latest(&batches)
            .into_iter()
            .map(|record| SegmentKey {
                project: record.endpoint.project,
                trace_id: record.trace_id,
                entry_span: record.entry_span,
                start: record.start,
            })
            .collect();
        let outcome = fixture.book.commit_segments(SegmentCommit {
            covered: 99,
            reached: 99,
            records: &[],
            retracted: &keys, reports: &[],
            now: START,
        }).expect("commits");
        prop_assert_eq!(outcome.retracted, keys.len() as u64);
        prop_assert_eq!(dump(fixture.book.path()), "");
    }
}

/// The files as a crash right now would leave them: SQLite's log is not yet in
/// the database.
fn copy_of(fixture: &Fixture) -> tempfile::TempDir {
    let copy = tempfile::TempDir::new().expect("a directory");
    for entry in std::fs::read_dir(fixture.directory.path()).expect("lists") {
        let entry = entry.expect("lists");
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copies");
    }
    copy
}
