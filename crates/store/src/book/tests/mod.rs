//! Tests of the book as a whole: what goes in by commits comes out of queries.

mod agents;
mod catalogue;
mod exactly_once;
mod history;
mod issues;
mod life;
mod migrations;
mod over_time;
mod queries;
mod retention;
mod upkeep;

use hotspan_model::life::{ChangeReason, StateChange};
use hotspan_model::{Issue, IssueStatus, SegmentRecord, UnixNanos};
use tempfile::TempDir;

use super::sample::START;
use super::{Book, Check, CommitOutcome, SegmentCommit, TimeWindow, book_path};

/// A book in a directory of its own, which goes when this does.
struct Fixture {
    book: Book,
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let book = Book::open(&book_path(directory.path()), START).expect("opens");
        Self { book, directory }
    }

    /// Commits records at a position, as if they had just arrived.
    fn commit(&self, position: u64, records: &[SegmentRecord]) -> CommitOutcome {
        self.commit_at(position, records, START)
    }

    fn commit_at(&self, position: u64, records: &[SegmentRecord], now: UnixNanos) -> CommitOutcome {
        let commit = SegmentCommit {
            covered: position,
            reached: position,
            records,
            retracted: &[],
            reports: &[],
            now,
        };
        self.book.commit_segments(commit).expect("commits")
    }

    /// Puts an issue into a state, as the server does after a measurement.
    fn set_status(&self, id: i64, to: IssueStatus) -> bool {
        let detail = self.book.issue(id, TimeWindow::ALL).expect("reads");
        let Some(Issue { status, life, .. }) = detail.map(|detail| detail.issue) else {
            return false;
        };
        let change = StateChange {
            at: START,
            from: status,
            to,
            reason: ChangeReason::Measured,
            actor: String::new(),
            release: String::new(),
            comparison: None,
        };
        let (since, verification) = (life.since, None);
        let check = Check { issue_id: id, status, since, verification, change: Some(change) };
        self.book.keep_check(&check).expect("keeps")
    }
}

/// Minutes `from..to` after [`START`].
fn minutes(from: i64, to: i64) -> TimeWindow {
    let at = |minute: i64| START.plus(minute * hotspan_model::time::NANOS_PER_MINUTE);
    TimeWindow { from: at(from), to: at(to) }
}
