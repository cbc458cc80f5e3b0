//! What the book answers about agents on hosts: plain values, no SQL.

use hotspan_model::agent::{AgentCaller, AgentFetch, AgentRole};
use hotspan_model::{SpanId, TraceId, UnixNanos};

/// What agents told over a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentsAsked {
    /// Each role of each host, the one with the least life left first.
    pub roles: Vec<AgentRoleRow>,
    /// Who asked, most lookups first.
    pub callers: Vec<AgentCallerRow>,
    /// The traces that asked most, as far as they are told.
    pub traces: Vec<AgentTraceRow>,
    /// Sums over everything in the window.
    pub totals: AgentTotals,
}

/// Sums over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentTotals {
    /// Hosts that told of a role.
    pub hosts: u64,
    /// Lookups.
    pub lookups: u64,
    /// Of those, answered with credentials.
    pub given: u64,
    /// What all lookups took together.
    pub sum_ns: i64,
    /// What the slowest took.
    pub max_ns: i64,
    /// Requests answered from memory, each of which upstream was spared.
    pub answered_from_memory: u64,
    /// Times agents asked upstream for credentials.
    pub attempts: u64,
    /// Of those, failed.
    pub failures: u64,
    /// What agents could not tell.
    pub dropped: u64,
}

/// A role of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentRoleRow {
    /// The project that received it.
    pub project: String,
    /// The host.
    pub host: String,
    /// How it stood last.
    pub latest: AgentRole,
    /// Times upstream was asked in the window.
    pub attempts: u64,
    /// Of those, failed.
    pub failures: u64,
    /// Seconds of life left over the window, oldest first; none where nothing
    /// was told.
    pub life: Vec<Option<i64>>,
    /// The last fetches in the window, oldest first.
    pub fetches: Vec<AgentFetch>,
}

/// A caller over a window, on all hosts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentCallerRow {
    /// Who.
    pub caller: AgentCaller,
    /// Lookups.
    pub lookups: u64,
    /// Of those, answered with credentials.
    pub given: u64,
    /// What they took together.
    pub sum_ns: i64,
    /// What the slowest took.
    pub max_ns: i64,
    /// Hosts it asked on.
    pub hosts: u64,
    /// Lookups over the window, oldest first.
    pub spark: Vec<u64>,
}

impl AgentCallerRow {
    /// What one lookup took on average.
    pub fn mean_ns(&self) -> i64 {
        self.sum_ns / i64::try_from(self.lookups.max(1)).unwrap_or(i64::MAX)
    }
}

/// A trace that asked for credentials.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentTraceRow {
    /// The trace, as the caller told it.
    pub trace_id: TraceId,
    /// A span of it that asked.
    pub span_id: SpanId,
    /// Lookups it asked for.
    pub lookups: u64,
    /// When about it asked last.
    pub at: UnixNanos,
    /// Who asked.
    pub caller: AgentCaller,
    /// The host.
    pub host: String,
}
