//! What agents tell, with names that try to break out.

use hotspan_model::agent::{AgentCaller, AgentFetch, AgentRole};
use hotspan_model::{SpanId, TraceId};
use hotspan_store::{AgentCallerRow, AgentRoleRow, AgentTotals, AgentTraceRow, AgentsAsked};
use maud::Markup;

use super::super::credentials::callers::Column;
use super::super::credentials::{Credentials, credentials};
use super::{HOSTILE, NOW, frame};
use crate::parts::table::Sorting;

fn hostile_caller() -> AgentCaller {
    let hostile = || HOSTILE.to_owned();
    AgentCaller {
        door: hostile(),
        role: hostile(),
        consumer: hostile(),
        uid: Some(-1),
        cgroup: hostile(),
        executable: hostile(),
    }
}

fn page(asked: AgentsAsked) -> Markup {
    let sorting = Sorting::by(Column::Lookups);
    credentials(&frame(), Credentials { asked, sorting, host: HOSTILE.to_owned() })
}

/// Everything an agent, or who claims to be one, can tell.
pub(super) fn hostile_page() -> Markup {
    let hostile = || HOSTILE.to_owned();
    let latest = AgentRole {
        at: NOW,
        role: hostile(),
        upstream: hostile(),
        standing: hostile(),
        reason: hostile(),
        seconds_left: Some(i64::MAX),
        life_seconds: Some(i64::MIN),
        clock_skew_seconds: Some(i64::MAX),
        ..AgentRole::default()
    };
    let fetch = AgentFetch {
        start: NOW,
        end: NOW.plus(-5),
        role: hostile(),
        outcome: hostile(),
        reason: hostile(),
        key_last_four: hostile(),
    };
    let role = AgentRoleRow {
        project: hostile(),
        host: hostile(),
        latest,
        attempts: 3,
        failures: 2,
        life: vec![None, Some(i64::MAX), Some(-5)],
        fetches: vec![fetch],
    };
    let caller = AgentCallerRow {
        caller: hostile_caller(),
        lookups: 5,
        given: 9,
        sum_ns: i64::MAX,
        max_ns: i64::MAX,
        hosts: 1,
        spark: vec![0, u64::MAX],
    };
    let trace = AgentTraceRow {
        trace_id: TraceId([7; 16]),
        span_id: SpanId([7; 8]),
        lookups: 4,
        at: NOW,
        caller: hostile_caller(),
        host: hostile(),
    };
    page(AgentsAsked {
        roles: vec![role],
        callers: vec![caller],
        traces: vec![trace],
        totals: AgentTotals { dropped: 1, lookups: 1, given: 9, ..AgentTotals::default() },
    })
}

/// Before any agent told anything.
pub(super) fn empty_page() -> Markup {
    page(AgentsAsked::default())
}
