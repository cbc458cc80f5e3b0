//! One small, known history that queries are asked about, and how answers are
//! written down.

use std::sync::Arc;

use expect_test::Expect;
use hotspan_model::{Cause, Confidence, Finding, FindingScope, SegmentRecord};

use super::super::Filter;
use super::super::sample::{plain, with_lookups};
use super::{Fixture, minutes};

/// In the first hour: 10 requests of `GET /a` that lose 400 ms of 1 s each,
/// one a minute; 3 sampled requests of `POST /b`, one in error, in another
/// service; 40 requests of `GET /c` with one lookup each, which only the
/// endpoint form finds. Two hours later `GET /a` is healthy in a new release.
pub(super) fn history() -> Fixture {
    let fixture = Fixture::new();
    let mut records: Vec<SegmentRecord> =
        (0..10).map(|n| with_lookups(plain(n, "GET /a", n as i64 * 60, 1_000), 5, 400)).collect();
    records.extend((10..13).map(|n| {
        let mut record = plain(n, "POST /b", n as i64, 200);
        record.endpoint.service = Arc::from("billing");
        (record.weight, record.error) = (4.0, n == 10);
        record
    }));
    records.extend((20..60).map(|n| with_lookups(plain(n, "GET /c", n as i64 * 10, 35), 1, 12)));
    records.extend((60..65).map(|n| {
        let mut record = plain(n, "GET /a", 7_200 + n as i64, 600);
        record.release = Arc::from("1.1");
        record
    }));
    fixture.commit(1, &records);
    let shared = of_endpoint(&records[20]);
    let id = id_of(&fixture, "GET /c");
    fixture.book.record_endpoint_findings(id, &[shared]).expect("keeps");
    fixture
}

/// What the endpoint form says: credentials not shared between requests.
pub(super) fn of_endpoint(example: &SegmentRecord) -> Finding {
    let mut repeated = with_lookups(example.clone(), 2, 12).findings.remove(0);
    repeated.scope = FindingScope::Endpoint;
    repeated.cause = Cause {
        code: "not_shared".into(),
        confidence: Confidence::Likely,
        text: "Every request looks up its own credentials.".into(),
        facts: Vec::new(),
    };
    repeated
}

pub(super) fn id_of(fixture: &Fixture, name: &str) -> i64 {
    let list = fixture.book.endpoints(minutes(-60, 600), &Filter::default()).expect("lists");
    list.rows.iter().find(|row| &*row.endpoint.name == name).expect("there").id
}

/// Compares lines with a table.
pub(super) fn check(lines: impl IntoIterator<Item = String>, expected: &Expect) {
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    expected.assert_eq(&text);
}

/// Whole milliseconds.
pub(super) fn ms(nanos: i64) -> i64 {
    nanos / 1_000_000
}
