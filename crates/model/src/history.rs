//! An endpoint over time: what its requests and calls were like before, and
//! what they are like now.
//!
//! Only the figures stand here, as roll-ups keep them. What they mean is
//! decided in `analysis`, when they are looked at in `ingest`.

use crate::calltree::CallTree;
use crate::endpoint::Endpoint;
use crate::ids::{SpanId, TraceId};
use crate::life::Deploy;
use crate::sdk::Sdk;
use crate::sketch::Sketch;
use crate::time::UnixNanos;

/// An endpoint's requests in two windows that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointHistory {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The SDK seen last: decides which fixes are shown.
    pub sdk: Sdk,
    /// What is usual. A day at least, better a week, so that the hours of the
    /// day and the days of the week are in it. It ends where `recent` begins,
    /// or before a change that is to be told as long as it lasts.
    pub earlier: HistoryWindow,
    /// What is looked at: an hour or so. Its requests must come by minute and
    /// begin at a whole five minutes, as its trees do.
    pub recent: HistoryWindow,
    /// Releases of the service that went out in either window, by time.
    pub deploys: Vec<Deploy>,
    /// A segment to show: one of the slowest of `recent`.
    pub example: Option<Example>,
}

/// What an endpoint's requests were like over a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryWindow {
    /// Requests by stretches of time, in order and without overlaps; those
    /// without requests may be missing. Minutes or hours, releases and
    /// environments added up.
    pub requests: Vec<RequestStretch>,
    /// Merged call trees by stretches of time, in order and without overlaps:
    /// five minutes or hours. They may be left empty as long as nothing asks
    /// for them.
    pub trees: Vec<TreeStretch>,
}

/// Requests that began in one stretch of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RequestStretch {
    /// Its beginning.
    pub start: UnixNanos,
    /// How long it is.
    pub width_ns: i64,
    /// Requests received, unweighted: what statistics rest on.
    pub samples: u64,
    /// Weighted requests.
    pub requests: f64,
    /// Weighted wall time of all requests.
    pub wall_ns: i64,
    /// Durations of all requests, weighted.
    pub sketch: Sketch,
}

/// The merged call tree of the requests that began in one stretch of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TreeStretch {
    /// Its beginning.
    pub start: UnixNanos,
    /// How long it is.
    pub width_ns: i64,
    /// The call tree, weighted as segments add to it.
    pub tree: CallTree,
}

/// A segment to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The trace.
    pub trace_id: TraceId,
    /// The entry span.
    pub entry_span: SpanId,
}

impl HistoryWindow {
    /// Where its first stretch begins and its last one ends; `None` when it has
    /// no requests.
    pub fn range(&self) -> Option<(UnixNanos, UnixNanos)> {
        let (first, last) = (self.requests.first()?, self.requests.last()?);
        Some((first.start, last.end()))
    }
}

impl RequestStretch {
    /// Its end.
    pub fn end(&self) -> UnixNanos {
        self.start.plus(self.width_ns)
    }
}

impl TreeStretch {
    /// Its end.
    pub fn end(&self) -> UnixNanos {
        self.start.plus(self.width_ns)
    }
}
