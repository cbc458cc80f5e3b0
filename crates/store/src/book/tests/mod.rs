//! Tests of the book as a whole: what goes in by commits comes out of queries.

mod catalogue;
mod exactly_once;
mod history;
mod issues;
mod migrations;
mod queries;
mod retention;
mod upkeep;

use hotspan_model::{SegmentRecord, UnixNanos};
use tempfile::TempDir;

use super::sample::START;
use super::{Book, CommitOutcome, SegmentCommit, TimeWindow, book_path};

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
        let commit =
            SegmentCommit { covered: position, reached: position, records, retracted: &[], now };
        self.book.commit_segments(commit).expect("commits")
    }
}

/// Minutes `from..to` after [`START`].
fn minutes(from: i64, to: i64) -> TimeWindow {
    let at = |minute: i64| START.plus(minute * hotspan_model::time::NANOS_PER_MINUTE);
    TimeWindow { from: at(from), to: at(to) }
}
