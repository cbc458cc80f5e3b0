//! Every limit and interval of this crate, with its default.

use std::time::Duration;

use crate::admit::TimeRules;
use crate::assemble::Limits;

/// The longest quiet time: roll-up pages lag by it, so it stays short.
pub const QUIET_MAX: Duration = Duration::from_secs(5);

/// Settings of ingest.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// A trace closes once its entry span is in and nothing came for this
    /// long; at most [`QUIET_MAX`].
    pub quiet: Duration,
    /// Late spans of a closed trace are analysed with it for this long.
    pub reopen: Duration,
    /// A trace closes for good this long after its first span.
    pub trace_age_max: Duration,
    /// Spans of one trace that are analysed; the rest is only stored.
    pub trace_spans_max: usize,
    /// Spans of all traces that assembly holds at one time.
    pub assembly_spans_max: usize,
    /// Bytes of request bodies between their arrival and their answer.
    pub in_flight_bytes_max: usize,
    /// How long an OTLP request waits for room: long enough to ride out a
    /// flush, short enough that a client is told early.
    pub otlp_wait: Duration,
    /// How long a Sentry request waits for room: Sentry SDKs never retry.
    pub sentry_wait: Duration,
    /// What a refused OTLP client is told to wait.
    pub retry_after: Duration,
    /// Which span times are accepted.
    pub times: TimeRules,
    /// How often closed traces are looked for.
    pub poll_interval: Duration,
    /// The least time between two endpoint-form detections of one endpoint.
    pub profile_interval: Duration,
    /// The stretch of an endpoint's requests that the endpoint form looks at.
    pub profile_window: Duration,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(3),
            reopen: Duration::from_secs(60),
            trace_age_max: Duration::from_secs(300),
            trace_spans_max: 50_000,
            assembly_spans_max: 450_000,
            in_flight_bytes_max: 64 << 20,
            otlp_wait: Duration::from_millis(250),
            sentry_wait: Duration::from_secs(2),
            retry_after: Duration::from_secs(1),
            times: TimeRules::default(),
            poll_interval: Duration::from_millis(500),
            profile_interval: Duration::from_secs(3),
            profile_window: Duration::from_secs(3_600),
        }
    }
}

impl IngestConfig {
    /// The part of it that trace assembly goes by.
    pub fn assembly(&self) -> Limits {
        Limits {
            quiet_ns: nanos(self.quiet.min(QUIET_MAX)),
            reopen_ns: nanos(self.reopen),
            age_max_ns: nanos(self.trace_age_max),
            trace_spans_max: self.trace_spans_max,
            spans_max: self.assembly_spans_max,
        }
    }
}

/// A duration as the nanoseconds that time arithmetic uses.
pub(crate) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
