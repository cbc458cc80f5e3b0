//! One trace on its way through assembly: what it holds and when it is due.

use std::sync::Arc;

use hotspan_analysis::SpanDigest;
use hotspan_model::{EntryHint, UnixNanos};
use hotspan_store::WalPosition;

use super::seen::Seen;
use super::{Closed, Key, Limits};

/// The digests of one trace, and the times that decide its fate.
#[derive(Debug)]
pub(super) struct Trace {
    /// Its number in the order of opening.
    pub(super) opening: u64,
    /// The log before its first frame.
    pub(super) pin: WalPosition,
    /// Its time in the assembler's schedule.
    pub(super) scheduled: Option<UnixNanos>,
    opened_at: UnixNanos,
    last_arrival: UnixNanos,
    /// Shared with an analysis that may still be reading it.
    digests: Arc<Vec<SpanDigest>>,
    hashes: Seen,
    entry_in: bool,
    /// Digests it had when it last closed.
    closed_spans: usize,
    closed_at: Option<UnixNanos>,
    /// The latest end of a span so far.
    latest_end: UnixNanos,
    /// Analysed up to here, in its own spans' time.
    reported_until: Option<UnixNanos>,
}

impl Trace {
    pub(super) fn new(
        opening: u64,
        now: UnixNanos,
        pin: WalPosition,
        reported_until: Option<UnixNanos>,
    ) -> Self {
        Self {
            opening,
            pin,
            scheduled: None,
            opened_at: now,
            last_arrival: now,
            digests: Arc::default(),
            hashes: Seen::default(),
            entry_in: false,
            closed_spans: 0,
            closed_at: None,
            latest_end: UnixNanos(i64::MIN),
            reported_until,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.digests.len()
    }

    /// True when the span was received before, by its content.
    pub(super) fn knows(&self, hash: u128) -> bool {
        self.hashes.contains(hash)
    }

    /// True when a span that began then belongs to what was analysed already.
    /// One that began later is another request of the same trace.
    pub(super) fn is_late(&self, start: UnixNanos) -> bool {
        self.reported_until.is_some_and(|until| start < until)
    }

    /// The end of what was analysed, in the spans' own time.
    pub(super) fn reported_until(&self) -> Option<UnixNanos> {
        self.reported_until
    }

    pub(super) fn take(&mut self, now: UnixNanos, hash: u128, digest: SpanDigest) {
        self.hashes.insert(hash);
        self.entry_in |= digest.entry == EntryHint::Yes;
        self.latest_end = self.latest_end.max(digest.end);
        self.last_arrival = self.last_arrival.max(now);
        Arc::make_mut(&mut self.digests).push(digest);
    }

    /// True when it has spans that no analysis has seen.
    pub(super) fn has_news(&self) -> bool {
        self.digests.len() > self.closed_spans
    }

    /// True when it closes as soon as it is quiet.
    pub(super) fn is_waiting(&self) -> bool {
        self.entry_in && self.has_news()
    }

    /// When something is to be done with it, if nothing comes until then.
    pub(super) fn due(&self, limits: &Limits) -> UnixNanos {
        let end_of_life = self.opened_at.plus(limits.age_max_ns);
        let due = match (self.has_news(), self.closed_at) {
            (true, _) if self.len() >= limits.trace_spans_max => self.last_arrival,
            (true, _) if self.entry_in => self.last_arrival.plus(limits.quiet_ns),
            (true, _) | (false, None) => end_of_life,
            (false, Some(closed_at)) => closed_at.plus(limits.reopen_ns),
        };
        due.min(end_of_life)
    }

    /// Hands out all it has. Sorted, so that the order of arrival leaves no
    /// trace in what analysis makes of it.
    pub(super) fn close(&mut self, at: UnixNanos, key: &Key) -> Closed {
        let digests = Arc::make_mut(&mut self.digests);
        digests.sort_by(|a, b| {
            (a.start, a.end, a.span_id, &a.name).cmp(&(b.start, b.end, b.span_id, &b.name))
        });
        // Few closed traces get another span, and there are many of them.
        digests.shrink_to_fit();
        self.hashes.shrink();
        self.closed_spans = self.digests.len();
        self.closed_at = Some(at);
        self.reported_until = self.reported_until.max(Some(self.latest_end));
        Closed {
            project: Arc::clone(&key.project),
            trace_id: key.trace_id,
            spans: Arc::clone(&self.digests),
        }
    }
}
