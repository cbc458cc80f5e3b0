//! What makes a shape worth a finding: every figure that a detector compares
//! with, by family of detectors. A value here is a decision about precision;
//! what a protocol or an SDK does is knowledge and stands there.

mod waits;

use hotspan_model::time::{NANOS_PER_MILLI, NANOS_PER_MINUTE, NANOS_PER_SECOND};

pub use waits::{
    ConnectionThresholds, GapThresholds, OrderThresholds, TimeoutThresholds, WaitThresholds,
};

/// Statements that take less are not asked what they look like: no detector
/// that wants to know looks at shorter ones, and what is kept costs memory.
pub(crate) const FORM_NS_MIN: i64 = 100 * NANOS_PER_MILLI;

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
    /// Of statements that take long by themselves.
    pub slow_query: SlowQueryThresholds,
    /// Of calls that move much.
    pub payload: PayloadThresholds,
    /// Of endpoints that become slower.
    pub history: HistoryThresholds,
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
    /// are reported only when they cost `share_costly_min` and are not each for
    /// another service.
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
    /// Fetches in one request by one name each, where spans do not tell the
    /// names. Whether it is one name or several, there is a better way; two or
    /// three are what a process that starts may need.
    pub single_min: usize,
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
            single_min: 4,
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
    /// The same when the SDK leaves out what may set them apart: a list that is
    /// read page by page, which rarely goes on for so long inside one request.
    pub same_untold_min: usize,
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
            same_untold_min: 10,
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

/// Thresholds of statements that take long by themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowQueryThresholds {
    /// Time on the critical path of all runs of one statement in a request.
    /// Half a second is what a person notices, and far above what one look
    /// into an index takes.
    pub wall_ns_min: i64,
    /// Share of the request, 0..=1: of a report that takes half a minute a
    /// query of a second is not what to begin with.
    pub share_min: f64,
    /// Runs that are shorter are many rather than slow, and told as that.
    pub run_ns_min: i64,
    /// Rows that make a result large: more than a page has, by far.
    pub rows_min: u32,
}

impl Default for SlowQueryThresholds {
    fn default() -> Self {
        Self {
            wall_ns_min: 500 * NANOS_PER_MILLI,
            share_min: 0.1,
            run_ns_min: 200 * NANOS_PER_MILLI,
            rows_min: 1_000,
        }
    }
}

/// Thresholds of calls that move much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PayloadThresholds {
    /// Bytes of an answer or a request. A page of a hundred items has some ten
    /// thousand; at half a million, copying, compressing and parsing are work
    /// of their own.
    pub bytes_min: u32,
    /// Bytes of a cached value: less, because a cache is asked to save time,
    /// and one that answers commands one by one makes all others wait.
    pub cached_bytes_min: u32,
    /// Rows of a result.
    pub rows_min: u32,
    /// Time on the critical path of all such calls of one operation.
    pub wall_ns_min: i64,
    /// Share of the request, 0..=1.
    pub share_min: f64,
}

impl Default for PayloadThresholds {
    fn default() -> Self {
        Self {
            bytes_min: 500_000,
            cached_bytes_min: 100_000,
            rows_min: 5_000,
            wall_ns_min: 100 * NANOS_PER_MILLI,
            share_min: 0.1,
        }
    }
}

/// Thresholds of endpoints, and of calls, that become slower over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryThresholds {
    /// Requests that the compared part of the recent window needs.
    pub requests_min: u64,
    /// Requests that the earlier window needs.
    pub requests_earlier_min: u64,
    /// Requests that a stretch of time needs to stand for itself.
    pub requests_stretch_min: u64,
    /// How long something must have lasted: shorter ones are hiccups.
    pub since_ns_min: i64,
    /// The same since a release, behind its warm-up.
    pub since_deploy_ns_min: i64,
    /// How long the earlier window must be: a day, because days have slow hours.
    pub earlier_ns_min: i64,
    /// The same when a release went out at that moment.
    pub earlier_deploy_ns_min: i64,
    /// For so long after a release processes warm up: caches are cold, code is
    /// being compiled, connections are made.
    pub warm_up_ns: i64,
    /// What is no shift to anybody, by share of what was, 0..=1 …
    pub shift_share_min: f64,
    /// … and by time. Both must be exceeded.
    pub shift_ns_min: i64,
    /// How likely a finding may be when nothing changed. Endpoints are looked
    /// at again and again, so one in two thousand is not too little.
    pub chance_max: f64,
    /// Standard deviations by which a percentile must lie above what is usual
    /// for a stretch of time: some hours are slower than others every day.
    pub level_score_min: f64,
    /// Share of a request's time at which a call dominates it, 0..=1.
    pub call_share_min: f64,
    /// Growth of a call's time for each request.
    pub call_growth_min: f64,
    /// Growth of its duration, or of its number, that is named as the reason.
    pub reason_growth_min: f64,
    /// Standard deviations of a rank test over stretches of time: about one in
    /// a thousand.
    pub rank_score_min: f64,
    /// Part of a shift that one call must explain to be told instead of it.
    pub explained_min: f64,
}

impl Default for HistoryThresholds {
    fn default() -> Self {
        Self {
            requests_min: 100,
            requests_earlier_min: 500,
            requests_stretch_min: 20,
            since_ns_min: 20 * NANOS_PER_MINUTE,
            since_deploy_ns_min: 10 * NANOS_PER_MINUTE,
            earlier_ns_min: 24 * 60 * NANOS_PER_MINUTE,
            earlier_deploy_ns_min: 60 * NANOS_PER_MINUTE,
            warm_up_ns: 10 * NANOS_PER_MINUTE,
            shift_share_min: 0.1,
            shift_ns_min: 20 * NANOS_PER_MILLI,
            chance_max: 0.000_5,
            level_score_min: 3.7,
            call_share_min: 0.3,
            call_growth_min: 1.3,
            reason_growth_min: 1.2,
            rank_score_min: 3.1,
            explained_min: 2.0 / 3.0,
        }
    }
}
