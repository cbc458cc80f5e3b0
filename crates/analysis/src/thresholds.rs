//! What makes a shape worth a finding: every figure that a detector compares
//! with, by family of detectors. A value here is a decision about precision;
//! what a protocol or an SDK does is knowledge and stands there.

use hotspan_model::time::{NANOS_PER_MILLI, NANOS_PER_MINUTE, NANOS_PER_SECOND};

/// The thresholds of all detectors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Below it no finding inside a trace is made.
    pub floor: Floor,
    /// Of what most requests of an endpoint do.
    pub spread: SpreadThresholds,
    /// Of credential lookups.
    pub credentials: CredentialThresholds,
    /// Of tokens and secrets.
    pub fetches: FetchThresholds,
    /// Of calls that repeat.
    pub repeats: RepeatThresholds,
    /// Of calls that fail and are repeated.
    pub retries: RetryThresholds,
    /// Of calls that run at one time.
    pub fan_out: FanOutThresholds,
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

/// When something belongs to an endpoint although no single trace shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadThresholds {
    /// Requests that the endpoint form needs to have seen.
    pub requests_min: u64,
    /// Share of them that must do it, 0..=1. Which request was the first of a
    /// process is not told, but processes that start and warm up stay far below
    /// this.
    pub requests_share_min: f64,
    /// From this share of requests on, no other explanation is left.
    pub requests_share_sure: f64,
}

impl Default for SpreadThresholds {
    fn default() -> Self {
        Self { requests_min: 30, requests_share_min: 0.5, requests_share_sure: 0.9 }
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
    /// Share of time in the endpoint form. Lower than in a trace: a lookup in
    /// every request is a defect at any price, because all processes of a host
    /// share one small budget of metadata calls. It only keeps out what rounds
    /// to nothing.
    pub profile_share_min: f64,
    /// Mean time between requests up to which one lookup could have served the
    /// next request as well: credentials live an hour and more, and are fetched
    /// again some minutes before they end.
    pub interval_ns_max: i64,
}

impl Default for CredentialThresholds {
    fn default() -> Self {
        Self {
            lookups_min: 3,
            lookups_costly_min: 2,
            share_costly_min: 0.05,
            profile_share_min: 0.001,
            interval_ns_max: 30 * NANOS_PER_MINUTE,
        }
    }
}

/// Thresholds of tokens, keys and secrets that are fetched inside requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FetchThresholds {
    /// Fetches in one request of the same thing, or for the same use. Two may be
    /// two parts of a program that each need it once.
    pub same_min: usize,
    /// Fetches in one request of which nothing tells that they are for the same
    /// use. More, because a process that starts has several things to fetch.
    pub untold_min: usize,
    /// Share of the request that such must take, 0..=1: a start may be slow.
    pub share_start_min: f64,
    /// Share of time in the endpoint form.
    pub profile_share_min: f64,
    /// Mean time between requests up to which one fetch could have served the
    /// next request as well. Half of the shortest life that tokens commonly
    /// have, five minutes, and less than configuration is kept for.
    pub interval_ns_max: i64,
}

impl Default for FetchThresholds {
    fn default() -> Self {
        Self {
            same_min: 3,
            untold_min: 10,
            share_start_min: 0.05,
            profile_share_min: 0.01,
            interval_ns_max: 150 * NANOS_PER_SECOND,
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
    /// Share of a request from which on a repetition is added up over requests,
    /// 0..=1.
    pub use_share_min: f64,
    /// Share of the time of all requests in the endpoint form. More than in a
    /// trace: a few cheap calls too many are how most endpoints are written.
    pub profile_share_min: f64,
    /// What it must cost a request that has it, in the endpoint form. What
    /// costs less saves nobody a wait, however often it is.
    pub profile_wall_ns_min: i64,
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
            use_share_min: 0.01,
            profile_share_min: 0.05,
            profile_wall_ns_min: 5 * NANOS_PER_MILLI,
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
