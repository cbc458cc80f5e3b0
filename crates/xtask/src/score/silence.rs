//! Silence: ten thousand clean requests of an app, in which nothing may be
//! found, neither in a trace nor over an endpoint. What was recorded is replayed
//! with times and ids of its own until there are so many.

use std::collections::BTreeSet;

use hotspan_analysis::{analyze_profile, profiles};
use hotspan_model::{SegmentRecord, UnixNanos};
use hotspan_testkit::retime::{latest_time, retimed};

use super::labels::{App, CLEAN};
use super::observed::records;

/// Requests of each app to be silent about.
const REQUESTS_MIN: usize = 10_000;
/// From one replay to the next, so that they do not overlap.
const APART_NS: i64 = 60_000_000_000;

/// How it went.
pub(super) struct Silence {
    /// Requests that were recorded.
    recorded: usize,
    /// Requests that were looked at, those among them.
    replayed: usize,
    /// What was found, in words, each once.
    pub(super) found: BTreeSet<String>,
}

impl Silence {
    pub(super) fn line(&self, app: &str) -> String {
        let Self { recorded, replayed, found } = self;
        let found = found.len();
        format!("clean {app}: {recorded} requests recorded, {replayed} replayed, {found} issues")
    }
}

pub(super) fn of(app: &App) -> Silence {
    let recording = app.recording(CLEAN);
    let began = recording.iter().filter_map(latest_time).max().unwrap_or(UnixNanos(0));
    let mut all: Vec<SegmentRecord> = records(&recording);
    let recorded = all.len();
    for turn in 1.. {
        if all.len() >= REQUESTS_MIN || recorded == 0 {
            break;
        }
        let latest = began.plus(APART_NS * turn);
        all.extend(records(&retimed(&recording, latest, turn.unsigned_abs())));
    }
    let in_traces = all.iter().flat_map(|record| &record.findings).cloned();
    let over_endpoints = profiles(&all).iter().flat_map(analyze_profile).collect::<Vec<_>>();
    let found = in_traces
        .chain(over_endpoints)
        .map(|finding| {
            format!("{} at {}: {}", finding.detector, finding.endpoint.name, finding.subject)
        })
        .collect();
    Silence { recorded, replayed: all.len(), found }
}
