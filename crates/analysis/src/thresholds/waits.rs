//! Where a request only waits: time-outs, connections, pools, locks, order, gaps.

use hotspan_model::time::NANOS_PER_MILLI;

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
    /// A stretch without a span that may be time-outs one after another: one of
    /// a second is as likely anything else.
    pub at_once_ns_min: i64,
    /// What it may be longer than whole seconds: some milliseconds of work for
    /// each call. A fiftieth of all lengths, so that few fit by chance …
    pub at_once_over_ns_max: i64,
    /// … or shorter, where clocks round.
    pub clock_ns: i64,
    /// Share of the request that it must be, 0..=1.
    pub at_once_share_min: f64,
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
            at_once_ns_min: 1_990 * NANOS_PER_MILLI,
            at_once_over_ns_max: 18 * NANOS_PER_MILLI,
            clock_ns: 2 * NANOS_PER_MILLI,
            at_once_share_min: 0.6,
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
    /// A read that takes no longer may stand between two of them: it is waited
    /// for in any order, and a program that runs them together does it before.
    pub aside_ns_max: i64,
    /// Time that running them together would save: their sum without the
    /// longest. A tenth of a second is what people begin to notice, and three
    /// calls of no more than 50 ms each are not worth a change of the code.
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
            aside_ns_max: 10 * NANOS_PER_MILLI,
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
    /// Calls of a request that is well covered by spans.
    pub calls_min: usize,
    /// With fewer calls one stretch must be longer …
    pub few_ns_min: i64,
    /// … and nearly half of the request, 0..=1: then it is the first thing to
    /// know about it, and own work of a page seldom takes so long.
    pub few_share_min: f64,
    /// With fewer than these, spans are missing everywhere.
    pub few_calls_min: usize,
    /// Before the first child of a span and behind its last, where requests are
    /// read and answers rendered, one stretch must be longer still …
    pub edge_ns_min: i64,
    /// … and more of the request, 0..=1.
    pub edge_share_min: f64,
    /// Behind the last call of the whole request it must be next to all of it,
    /// 0..=1: there pages are rendered, which is work that needs no span.
    pub end_share_min: f64,
}

impl Default for GapThresholds {
    fn default() -> Self {
        Self {
            stretch_ns_min: 250 * NANOS_PER_MILLI,
            share_min: 0.2,
            own_share_min: 0.6,
            calls_min: 3,
            few_ns_min: 350 * NANOS_PER_MILLI,
            few_share_min: 0.4,
            few_calls_min: 2,
            edge_ns_min: 400 * NANOS_PER_MILLI,
            edge_share_min: 0.4,
            end_share_min: 0.9,
        }
    }
}
