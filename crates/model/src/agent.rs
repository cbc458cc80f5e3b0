//! What agents on hosts tell: who asked them for credentials, what they asked
//! upstream, and how it stands with each role. Never a secret: keys are named by
//! their last four characters.

use std::sync::Arc;

use crate::ids::{SpanId, TraceId};
use crate::time::UnixNanos;

/// One thing an agent told, by the span that brought it. The same span told
/// twice is the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReport {
    /// The project that received it.
    pub project: Arc<str>,
    /// The span's trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The machine the agent runs on; empty when not told.
    pub host: String,
    /// What it told.
    pub news: AgentNews,
}

/// What an agent told.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentNews {
    /// Lookups of one caller over an interval.
    Lookups(AgentLookups),
    /// One fetch at upstream.
    Fetch(AgentFetch),
    /// How it stands with a role.
    Role(AgentRole),
}

/// Who asked, as far as it is known. Empty means not told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AgentCaller {
    /// `container`, `imds` or `process`.
    pub door: String,
    /// The role asked for.
    pub role: String,
    /// The name its token has in the agent's configuration.
    pub consumer: String,
    /// The user.
    pub uid: Option<i64>,
    /// Its control group's path.
    pub cgroup: String,
    /// Its program.
    pub executable: String,
}

/// Lookups of one caller with one answer, over an interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentLookups {
    /// When the slowest of them began.
    pub at: UnixNanos,
    /// Who asked.
    pub caller: AgentCaller,
    /// `given`, `unavailable`, `removed` or `denied`.
    pub answer: String,
    /// How many.
    pub count: u64,
    /// What they took together.
    pub sum_ns: i64,
    /// What the slowest took.
    pub max_ns: i64,
    /// The traces that asked, and how often each, as far as they are told.
    pub traces: Vec<(TraceId, SpanId, u64)>,
}

/// One fetch at upstream that brought something, or failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentFetch {
    /// When it began.
    pub start: UnixNanos,
    /// When it ended.
    pub end: UnixNanos,
    /// The role, as the agent calls it.
    pub role: String,
    /// `found`, `failed` or `missing`.
    pub outcome: String,
    /// Why it brought nothing; empty when it did.
    pub reason: String,
    /// The last four characters of the key it brought; empty when none.
    pub key_last_four: String,
}

/// How it stands with a role at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentRole {
    /// When.
    pub at: UnixNanos,
    /// The role, as the agent calls it.
    pub role: String,
    /// What it is called upstream; empty before that is known.
    pub upstream: String,
    /// `cold`, `good`, `failing`, `missing` or `removed`.
    pub standing: String,
    /// Why it is not good; empty when it is.
    pub reason: String,
    /// How long the credentials still hold; none when there are none.
    pub seconds_left: Option<i64>,
    /// How long they held when they were made, if that is known.
    pub life_seconds: Option<i64>,
    /// Times upstream was asked since the agent's start.
    pub attempts: i64,
    /// Those that failed.
    pub failures: i64,
    /// Those that brought other credentials.
    pub renewals: i64,
    /// Seconds that the machine's clock is ahead of upstream's, if known.
    pub clock_skew_seconds: Option<i64>,
    /// When the agent started, in seconds of Unix time.
    pub started_seconds: i64,
    /// Requests of all roles that the agent answered from memory since then.
    pub answered_from_memory: i64,
    /// Requests that it passed on to upstream since then.
    pub passed_to_upstream: i64,
    /// What it could not tell since then.
    pub dropped: i64,
}
