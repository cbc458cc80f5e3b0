//! The words of the field as types: spans and what is derived from them.
//!
//! Everything the other crates talk about stands here: the span as received
//! ([`span`]), the call an exit span makes ([`call`]), the endpoint it belongs
//! to ([`endpoint`]), what a segment contributes to roll-ups ([`segment`],
//! [`calltree`], [`sketch`]), what detectors say ([`finding`], [`issue`]), and what
//! becomes of it ([`life`], [`comparison`]). What agents on hosts tell is in [`agent`].
//! Normalisation of URLs and SQL ([`normalise`]) and scrubbing ([`scrub`])
//! live here too because they are pure functions over those types, and so do
//! the counters that every crate measures itself with ([`measure`]).
//!
//! What must not live here: serde, tokio, clocks, files, sockets.

pub mod agent;
pub mod attribute;
pub mod call;
pub mod calltree;
pub mod comparison;
pub mod endpoint;
pub mod finding;
pub mod history;
pub mod ids;
pub mod issue;
pub mod life;
pub mod measure;
pub mod normalise;
pub mod scrub;
pub mod sdk;
pub mod segment;
pub mod sketch;
pub mod span;
pub mod time;

pub use agent::{AgentNews, AgentReport};
pub use attribute::{Attributes, AttributesBuilder, Joined, Scalar, Value, ValueRef};
pub use call::{Call, CallKind, Class, LookupStep};
pub use calltree::CallTree;
pub use comparison::{Comparison, Verdict};
pub use endpoint::{Endpoint, EndpointKind};
pub use finding::{Cause, Confidence, Finding, FindingScope, Fix, FixKind};
pub use history::{
    EndpointHistory, HistoryFinding, HistoryWindow, MinuteCost, RequestStretch, TreeStretch,
};
pub use ids::{SpanId, TraceId};
pub use issue::{Issue, IssueStatus};
pub use life::IssueLife;
pub use sdk::{Language, Sdk};
pub use segment::{ClassUse, EndpointProfile, ProfileUse, SegmentRecord, TimeByClass};
pub use sketch::Sketch;
pub use span::{Door, EntryHint, Event, Link, Resource, Scope, Span, SpanKind, Status};
pub use time::UnixNanos;
