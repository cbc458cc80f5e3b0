//! What makes a shape worth a finding: every figure that a detector compares
//! with, by family of detectors. A value here is a decision about precision;
//! what a protocol or an SDK does is knowledge and stands there.

use hotspan_model::time::NANOS_PER_MILLI;

/// The thresholds of all detectors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Below it no finding inside a trace is made.
    pub floor: Floor,
    /// Of credential lookups.
    pub credentials: CredentialThresholds,
    /// Of calls that repeat.
    pub repeats: RepeatThresholds,
    /// Of calls that fail and are repeated.
    pub retries: RetryThresholds,
    /// Of calls that run at one time.
    pub fan_out: FanOutThresholds,
    /// Of calls that end at a time-out.
    pub timeouts: TimeoutThresholds,
    /// Of connections that are opened.
    pub connections: ConnectionThresholds,
    /// Of waits for a connection of a pool or for a lock.
    pub waits: WaitThresholds,
    /// Of calls that run one after the other.
    pub order: OrderThresholds,
    /// Of time that no span covers.
    pub gaps: GapThresholds,
}

/// What a finding inside a trace must cost at least. Both must hold: a share of
/// a short request is nobody's problem, and neither is a moment of a long one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Share of the request's wall time, 0..=1.
    pub share_min: f64,
    /// Wall time on the critical path.
    pub wall_ns_min: i64,
}

impl Default for Floor {
    fn default() -> Self {
        Self { share_min: 0.01, wall_ns_min: 20 * NANOS_PER_MILLI }
    }
}

/// Thresholds of credential lookups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CredentialThresholds {
    /// Lookups in one segment that are a repeat beyond doubt.
    pub lookups_min: u32,
    /// Two lookups may be two clients that a process makes when it starts. They
    /// are reported only when they cost `share_costly_min`.
    pub lookups_costly_min: u32,
    /// Share of the request that makes so few lookups worth a finding, 0..=1.
    pub share_costly_min: f64,
    /// Requests that the endpoint form needs to have seen.
    pub requests_min: u64,
    /// Share of them that must have a lookup, 0..=1. Processes that start and
    /// warm up stay far below it.
    pub requests_share_min: f64,
    /// From this share of requests on, no other explanation is left.
    pub requests_share_sure: f64,
    /// Share of time in the endpoint form. Lower than in a trace: a lookup in
    /// every request is a defect at any price, because all processes of a host
    /// share one small budget of metadata calls. It only keeps out what rounds
    /// to nothing.
    pub profile_share_min: f64,
}

impl Default for CredentialThresholds {
    fn default() -> Self {
        Self {
            lookups_min: 3,
            lookups_costly_min: 2,
            share_costly_min: 0.05,
            requests_min: 30,
            requests_share_min: 0.5,
            requests_share_sure: 0.9,
            profile_share_min: 0.001,
        }
    }
}

/// Thresholds of calls that repeat inside one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RepeatThresholds {
    /// Calls of one operation that are one for each item of a list.
    pub calls_min: usize,
    /// The same when no call before them can have brought the list. More,
    /// because then nothing but their number speaks for a loop.
    pub calls_without_source_min: usize,
    /// Calls that ask for the same.
    pub same_min: usize,
    /// Turns of a cycle of different calls.
    pub turns_min: usize,
    /// Calls of one turn: longer stretches that repeat are programs, not loops.
    pub turn_calls_max: usize,
    /// From so many calls after a source on, no other explanation is left.
    pub calls_sure: usize,
}

impl Default for RepeatThresholds {
    fn default() -> Self {
        Self {
            calls_min: 5,
            calls_without_source_min: 10,
            same_min: 3,
            turns_min: 3,
            turn_calls_max: 8,
            calls_sure: 10,
        }
    }
}

/// Thresholds of calls that fail and are repeated. One failure, or some with
/// pauses and a success in the end, is what retries are for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryThresholds {
    /// Failures of one call that are too many when nothing pauses between them
    /// or none succeeds in the end.
    pub failures_min: usize,
    /// Calls of one operation in one request that needed another attempt.
    pub chains_min: usize,
    /// Failures that all of them must have together.
    pub failures_together_min: usize,
}

impl Default for RetryThresholds {
    fn default() -> Self {
        Self { failures_min: 3, chains_min: 3, failures_together_min: 5 }
    }
}

/// Thresholds of calls that run at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FanOutThresholds {
    /// Calls of one request to one target in flight at one time. Below it they
    /// are told as what they are for; connection pools end at some ten.
    pub at_once_min: usize,
}

impl Default for FanOutThresholds {
    fn default() -> Self {
        Self { at_once_min: 50 }
    }
}

/// Thresholds of calls that end at a time-out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeoutThresholds {
    /// Shorter calls are taken for work: no client gives up sooner by default.
    pub waited_ns_min: i64,
    /// Calls of equal length that are no coincidence.
    pub calls_min: usize,
    /// How far they may be apart, as a part of their length, 0..=1. Timers are
    /// exact; what comes on top is the work around the call.
    pub spread_max: f64,
    /// Answered calls of equal length are a wait when others to the same are
    /// shorter by this factor …
    pub quick_factor: i64,
    /// … and hardly any is of a length in between or little more, as a part of
    /// theirs, 0..=1: durations of work are spread, not piled up.
    pub near_share_max: f64,
    /// Answered calls of equal length that have no shorter ones beside them
    /// must be so long: many services take about a second for their work.
    pub exact_ns_min: i64,
    /// Fewer calls must each have waited so long …
    pub few_ns_min: i64,
    /// … and cost such a share of the request, 0..=1: one call that fails is
    /// nobody's pattern.
    pub few_share_min: f64,
}

impl Default for TimeoutThresholds {
    fn default() -> Self {
        Self {
            waited_ns_min: 500 * NANOS_PER_MILLI,
            calls_min: 3,
            spread_max: 0.03,
            quick_factor: 5,
            near_share_max: 0.1,
            exact_ns_min: 2_900 * NANOS_PER_MILLI,
            few_ns_min: 1_000 * NANOS_PER_MILLI,
            few_share_min: 0.1,
        }
    }
}

/// Thresholds of connections that are opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnectionThresholds {
    /// Connections to one host inside a request.
    pub opened_min: usize,
    /// Of them, those that one opened before could have stood for: calls at one
    /// time need one each.
    pub spare_min: usize,
    /// Requests that the endpoint form needs to have seen.
    pub requests_min: u64,
    /// Share of them that open a connection, 0..=1. Pools that fill or replace
    /// a connection now and then stay far below it.
    pub requests_share_min: f64,
    /// Share of time in the endpoint form, 0..=1.
    pub profile_share_min: f64,
    /// Mean time between two requests of the endpoint. Where they are rarer,
    /// idle connections are closed between them by design.
    pub request_gap_ns_max: i64,
    /// Mean time of a request spent on it: less is what taking a connection
    /// out of a pool costs under some names.
    pub request_ns_min: i64,
}

impl Default for ConnectionThresholds {
    fn default() -> Self {
        Self {
            opened_min: 3,
            spare_min: 2,
            requests_min: 30,
            requests_share_min: 0.5,
            profile_share_min: 0.02,
            request_gap_ns_max: 2_000 * NANOS_PER_MILLI,
            request_ns_min: 2 * NANOS_PER_MILLI,
        }
    }
}

/// Thresholds of waits for a connection of a pool or for a lock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitThresholds {
    /// A single wait that is no connection being opened: to far away, and with
    /// encryption, those take up to about this.
    pub single_ns_min: i64,
    /// The same for each of two or more: a second one would be free by then.
    pub long_ns_min: i64,
    /// A wait that counts among several. A connection that is free is handed
    /// out within microseconds.
    pub wait_ns_min: i64,
    /// So many waits in one request are a pool in trouble.
    pub waits_min: usize,
    /// A lock that took so long was held by somebody else.
    pub lock_ns_min: i64,
    /// Share of the request, 0..=1.
    pub share_min: f64,
}

impl Default for WaitThresholds {
    fn default() -> Self {
        Self {
            single_ns_min: 500 * NANOS_PER_MILLI,
            long_ns_min: 100 * NANOS_PER_MILLI,
            wait_ns_min: 10 * NANOS_PER_MILLI,
            waits_min: 3,
            lock_ns_min: 200 * NANOS_PER_MILLI,
            share_min: 0.05,
        }
    }
}

/// Thresholds of calls that run one after the other although none needs what
/// another brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderThresholds {
    /// Calls of a run.
    pub calls_min: usize,
    /// More calls than these are a loop, which has detectors of its own.
    pub calls_max: usize,
    /// A shorter call is not worth a thread.
    pub call_ns_min: i64,
    /// What of each call must lie on the critical path, 0..=1: others run beside
    /// it already.
    pub waited_share_min: f64,
    /// More time between two calls is work, perhaps on what the first brought.
    pub gap_ns_max: i64,
    /// Time that running them together would save: their sum without the
    /// longest, the first left out, which the others may wait for after all.
    pub saved_ns_min: i64,
    /// The same as a share of the request, 0..=1.
    pub saved_share_min: f64,
}

impl Default for OrderThresholds {
    fn default() -> Self {
        Self {
            calls_min: 3,
            calls_max: 24,
            call_ns_min: 5 * NANOS_PER_MILLI,
            waited_share_min: 0.9,
            gap_ns_max: 5 * NANOS_PER_MILLI,
            saved_ns_min: 100 * NANOS_PER_MILLI,
            saved_share_min: 0.1,
        }
    }
}

/// Thresholds of time on the critical path that no span covers. High, because
/// most of it is the service's own work, which needs no span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapThresholds {
    /// One stretch.
    pub stretch_ns_min: i64,
    /// The same as a share of the request, 0..=1.
    pub share_min: f64,
    /// What the stretch must be of all uncovered time of the request, 0..=1:
    /// work is spread evenly, a wait is not.
    pub own_share_min: f64,
    /// Calls a request must have: with fewer, spans are missing everywhere.
    pub calls_min: usize,
    /// Before the first child of a span and behind its last, where requests are
    /// read and answers rendered, one stretch must be longer …
    pub edge_ns_min: i64,
    /// … and more of the request, 0..=1.
    pub edge_share_min: f64,
}

impl Default for GapThresholds {
    fn default() -> Self {
        Self {
            stretch_ns_min: 250 * NANOS_PER_MILLI,
            share_min: 0.2,
            own_share_min: 0.6,
            calls_min: 3,
            edge_ns_min: 1_000 * NANOS_PER_MILLI,
            edge_share_min: 0.4,
        }
    }
}
