//! Analysis over a finished segment or an endpoint's profile: pure functions.
//!
//! The way of a span: [`asked`](asked()) looks at its values before they are taken
//! out, [`digest`](digest()) keeps what is needed of it,
//! [`segments`] splits a trace, [`analyze`](analyze()) turns a segment into the record
//! that roll-ups, profiles and issues are made of, and [`analyze_profile`] looks at
//! many requests of one endpoint together. [`verification`] compares an endpoint
//! before and after a fix, [`history`](history()) tells an endpoint of late from what
//! was usual, and [`profile_diff`](profile_diff()) compares two call trees path by path.
//! [`trace_view`](trace_view()) does all of it for one trace page.
//! [`agent_report`] reads the spans with which agents on hosts tell of credentials.
//!
//! What must not live here: async, clocks, files, sockets, storage, wire formats.

pub mod analyze;
pub mod asked;
pub mod critical_path;
pub mod digest;
pub mod flame;
pub mod history;
pub mod profile_diff;
pub mod segment;
pub mod thresholds;
pub mod trace_view;
pub mod tree;
pub mod verification;
pub mod waterfall;

mod address;
mod agent;
mod call_tree;
mod cause;
mod classify;
mod comparison;
mod conventions;
mod detectors;
mod endpoint;
mod failure;
mod fetches;
mod figures;
mod fingerprint;
mod form;
mod lookups;
mod payload;
mod profiles;
mod repeats;
mod resample;
mod statement;
mod study;
mod wording;

pub use agent::{agent_report, is_agent_report};
pub use analyze::{analyze, analyze_profile, analyze_profile_with, analyze_with};
pub use asked::asked;
pub use critical_path::{PathPart, critical_path};
pub use detectors::{Unit, detectors_over_time, known_detectors, unit_of};
pub use digest::{EntryFacts, SpanDigest, digest};
pub use form::{Clause, StatementForm};
pub use history::history;
pub use profile_diff::profile_diff;
pub use profiles::profiles;
pub use segment::{Segment, segments};
pub use statement::Traits;
pub use thresholds::Thresholds;
pub use trace_view::{HiddenCall, TraceNode, TraceView, trace_view};
pub use tree::Tree;
