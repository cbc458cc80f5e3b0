//! Formats, permissions, the manifest, caps and pruning.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Endpoint, IssueStatus, TraceId};
use rusqlite::Connection;

use super::super::endpoints::{ENDPOINTS_MAX, LABELS_LIVE_MAX};
use super::super::migrations::FORMAT;
use super::super::occurrences::KEPT_MAX;
use super::super::sample::{plain, with_lookups};
use super::super::summaries::{NEWEST_MAX, NEWEST_OF_BATCH_MAX, SLOWEST_MAX};
use super::super::{
    Book, BookPositions, Filter, IssueFilter, ManifestFile, SegmentCommit, TimeWindow, book_path,
};
use super::{Fixture, START, minutes};

#[test]
fn only_the_owner_reads_the_files() {
    let fixture = Fixture::new();
    fixture.commit(1, &[plain(1, "GET /a", 0, 10)]);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(fixture.directory.path()).expect("lists") {
        let entry = entry.expect("lists");
        let mode = entry.metadata().expect("reads").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().expect("plain"));
    }
    names.sort();
    assert_eq!(names, ["hotspan.db", "hotspan.db-shm", "hotspan.db-wal"]);
}

#[test]
fn files_that_are_not_ours_to_read_are_refused() {
    type Damage = fn(&std::path::Path);
    let cases: [(&str, Damage, &str); 2] = [
        (
            "newer",
            |path| {
                let connection = Connection::open(path).expect("opens");
                connection.pragma_update(None, "user_version", FORMAT + 1).expect("writes");
            },
            "start the newer hotspan that wrote it",
        ),
        (
            "not a database",
            |path| std::fs::write(path, "spans spans spans ".repeat(500)).expect("writes"),
            "file is not a database",
        ),
    ];
    for (name, damage, says) in cases {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = book_path(directory.path());
        damage(&path);
        let before = std::fs::read(&path).expect("reads");
        let refusal = Book::open(&path, START).expect_err(name).to_string();
        assert!(refusal.contains(says), "{name}: {refusal}");
        assert_eq!(std::fs::read(&path).expect("reads"), before, "{name}: was written to");
    }
}

#[test]
fn an_empty_file_of_an_interrupted_start_is_brought_to_the_newest_format() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = book_path(directory.path());
    std::fs::write(&path, "").expect("writes");
    Book::open(&path, START).expect("opens");
    let connection = Connection::open(&path).expect("opens");
    let format: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("reads");
    assert_eq!(format, FORMAT);
}

fn file(path: &str, hour: i64) -> ManifestFile {
    ManifestFile {
        path: path.to_owned(),
        hour,
        rows: 10,
        bytes: 1_000,
        start_min: START,
        start_max: START.plus(5),
        trace_min: TraceId([0; 16]),
        trace_max: TraceId([0xff; 16]),
        created: START,
        schema_version: 1,
    }
}

#[test]
fn a_flush_is_all_or_nothing() {
    let Fixture { book, directory: _kept } = Fixture::new();
    let paths = || -> Vec<String> {
        book.files().expect("lists").into_iter().map(|file| file.path).collect()
    };
    book.commit_flush(&[file("b", 2), file("a", 2), file("c", 1)], &[], 7).expect("commits");
    assert_eq!(book.files().expect("lists")[0], file("c", 1));
    assert_eq!(paths(), ["c", "a", "b"]);

    book.commit_flush(&[file("merged", 2)], &["a".into(), "b".into()], 9).expect("commits");
    assert_eq!(paths(), ["c", "merged"]);

    // A path twice: nothing of the second flush may be seen.
    book.commit_flush(&[file("new", 3), file("c", 1)], &["merged".into()], 12)
        .expect_err("c is there");
    assert_eq!(paths(), ["c", "merged"]);
    let positions = book.positions().expect("reads");
    assert_eq!(positions, BookPositions { spans: 9, segments: 0 });

    book.commit_flush(&[], &[], 3).expect("commits");
    assert_eq!(book.positions().expect("reads").spans, 9, "a commit point never moves back");
}

#[test]
fn endpoints_and_releases_beyond_their_caps_share_other() {
    let fixture = Fixture::new();
    let records: Vec<_> = (0..ENDPOINTS_MAX as u64 + 5)
        .map(|n| {
            let mut record = plain(n, &format!("GET /{n}"), 0, 10);
            record.release = Arc::from(format!("r{}", n % (LABELS_LIVE_MAX as u64 + 1)));
            record
        })
        .collect();
    fixture.commit(1, &records);
    let list = fixture.book.endpoints(minutes(0, 1), &Filter::default()).expect("lists");
    assert_eq!(list.rows.len(), ENDPOINTS_MAX + 1);
    let other = list.rows.iter().find(|row| &*row.endpoint.name == Endpoint::OTHER);
    assert_eq!(other.expect("there").samples, 5);
    let beyond = (ENDPOINTS_MAX + 5) / (LABELS_LIVE_MAX + 1);
    let tallies = fixture.book.tallies().expect("reads");
    assert_eq!(tallies, [("endpoints".to_owned(), 5), ("releases".to_owned(), beyond as u64)]);
    // What was mapped to `(other)` is found again when it comes again.
    assert_eq!(fixture.commit(2, &records).unchanged, records.len() as u64);
}

#[test]
fn a_new_day_has_room_for_new_releases() {
    let fixture = Fixture::new();
    let release = |n: u64, hour: i64| {
        let mut record = plain(n, "GET /a", hour * 3_600, 10);
        record.release = Arc::from(format!("r{n}"));
        record
    };
    let records: Vec<_> = (0..=LABELS_LIVE_MAX as u64).map(|n| release(n, 0)).collect();
    fixture.commit(1, &records);
    fixture.commit(2, &[release(100, 25)]);
    let id = fixture.book.endpoints(minutes(0, 1), &Filter::default()).expect("lists").rows[0].id;
    let window = minutes(25 * 60, 26 * 60);
    let detail = fixture.book.endpoint_detail(id, window).expect("reads").expect("there");
    let names: Vec<_> = detail.releases.iter().map(|row| row.release.to_string()).collect();
    assert_eq!(names, ["r100"]);
    let first_day =
        fixture.book.endpoint_detail(id, minutes(0, 60)).expect("reads").expect("there");
    assert!(first_day.releases.iter().any(|row| &*row.release == "(other)"));
}

#[test]
fn busy_endpoints_keep_their_slowest_and_newest_traces() {
    let fixture = Fixture::new();
    let count = 3_000;
    for (position, start) in (0..count).step_by(500).enumerate() {
        // The first ones are the slowest.
        let records: Vec<_> = (start..start + 500)
            .map(|n| plain(n, "GET /a", n as i64, (count - n) as i64))
            .collect();
        fixture.commit(position as u64, &records);
    }
    let id = fixture.book.endpoints(minutes(0, 60), &Filter::default()).expect("lists").rows[0].id;
    let slowest = fixture.book.slowest_traces(id, minutes(0, 60), SLOWEST_MAX).expect("lists");
    let millis: Vec<i64> = slowest.iter().map(|row| row.duration_ns / 1_000_000).collect();
    let expected: Vec<i64> = (0..SLOWEST_MAX as i64).map(|n| count as i64 - n).collect();
    assert_eq!(millis, expected);
    let newest =
        fixture.book.recent_traces(minutes(0, 60), &Default::default(), NEWEST_MAX).expect("lists");
    let newest = &newest[..NEWEST_OF_BATCH_MAX];
    assert!(
        newest
            .iter()
            .zip((0..count).rev())
            .all(|(row, n)| row.trace_id == plain(n, "", 0, 0).trace_id)
    );
    let all =
        fixture.book.recent_traces(minutes(0, 60), &Default::default(), 9_999).expect("lists");
    assert!(all.len() <= 480, "{} kept", all.len());
}

#[test]
fn occurrences_are_pruned_but_counted() {
    let fixture = Fixture::new();
    let count = KEPT_MAX as u64 + 1_200;
    let records: Vec<_> =
        (0..count).map(|n| with_lookups(plain(n, "GET /a", n as i64, 100), 3, 40)).collect();
    for (position, batch) in records.chunks(400).enumerate() {
        fixture.commit(position as u64, batch);
    }
    let window = minutes(0, 60);
    let issues = fixture.book.issues(window, &IssueFilter::default()).expect("lists");
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].occurrences, count);
    assert_eq!(issues[0].first_seen, START);
    assert_eq!(issues[0].last_seen, records[records.len() - 1].start);
    let kept: i64 = Connection::open(fixture.book.path())
        .and_then(|connection| {
            connection.query_row("SELECT count(*) FROM occurrence", [], |row| row.get(0))
        })
        .expect("counts");
    assert!((kept as usize) < KEPT_MAX + 600, "{kept} kept");
}

#[test]
fn a_segment_is_forgotten_when_nothing_can_change_it() {
    let minute = |n: i64| START.plus(n * NANOS_PER_MINUTE);
    // (covered, minutes later) of a commit after one that reached position 10.
    for (covered, later, forgotten) in
        [(10, 3, true), (9, 3, false), (10, 1, false), (10_000, 600, true)]
    {
        let fixture = Fixture::new();
        let record = plain(1, "GET /a", 0, 10);
        let first = SegmentCommit {
            covered: 3,
            reached: 10,
            records: std::slice::from_ref(&record),
            retracted: &[],
            reports: &[],
            now: START,
        };
        fixture.book.commit_segments(first).expect("commits");
        fixture.commit_at(covered, &[], minute(later));
        let left = fixture.book.book_stats().expect("reads").segments;
        assert_eq!(left == 0, forgotten, "covered {covered} after {later} min");
    }
}

#[test]
fn an_issue_goes_with_its_last_occurrence_unless_somebody_decided_about_it() {
    for (status, left) in [(None, 0), (Some(IssueStatus::Ignored), 1)] {
        let fixture = Fixture::new();
        fixture.commit(1, &[with_lookups(plain(1, "GET /a", 0, 100), 3, 40)]);
        let issues = fixture.book.issues(TimeWindow::ALL, &IssueFilter::default()).expect("lists");
        if let Some(status) = status {
            assert!(fixture.set_status(issues[0].id, status));
        }
        // A late span showed that there was nothing wrong.
        let mut harmless = plain(1, "GET /a", 0, 100);
        harmless.trace_spans = 2;
        assert_eq!(fixture.commit(2, &[harmless]).replaced, 1);
        assert_eq!(fixture.book.book_stats().expect("reads").issues, left);
        let detail = fixture.book.issue(issues[0].id, TimeWindow::ALL).expect("reads");
        assert_eq!(detail.map(|detail| detail.issue.occurrences), (left > 0).then_some(0));
    }
    let fixture = Fixture::new();
    assert!(!fixture.set_status(77, IssueStatus::Ignored));
}
