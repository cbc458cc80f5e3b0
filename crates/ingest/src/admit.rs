//! The judgement over one request: what of it is kept, and why the rest is not.
//!
//! The clock decides here and only here: a replay obeys the answer that was
//! given. Nothing in this file waits or writes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hotspan_model::{Span, UnixNanos, scrub};
use hotspan_store::{Batch, Frame, FrameDoor};
use hotspan_wire::{Decoded, Reason, Rejection, RequestError, otlp, sentry};

use crate::config::nanos;
use crate::submit::Received;

/// Which times spans may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRules {
    /// A span that began earlier than this before now is refused.
    pub retention: Duration,
    /// A span that begins or ends later than this after now is refused.
    pub ahead_max: Duration,
}

impl Default for TimeRules {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(30 * 24 * 3_600),
            ahead_max: Duration::from_secs(600),
        }
    }
}

impl TimeRules {
    /// Why a span's times are not accepted, in words for its sender.
    fn judge(&self, span: &Span, now: UnixNanos) -> Option<(Reason, String)> {
        let oldest = now.plus(-nanos(self.retention));
        let newest = now.plus(nanos(self.ahead_max));
        if span.start < oldest {
            let days = self.retention.as_secs() / 86_400;
            let message = format!(
                "start time {} of span {} lies before {oldest}, the end of the {days} days that \
                 are kept; check the sender's clock or raise `retention_days`",
                span.start, span.span_id
            );
            return Some((Reason::TooOld, message));
        }
        let latest = span.start.max(span.end);
        (latest > newest).then(|| {
            let message = format!(
                "time {latest} of span {} lies more than {} s after this server's {now}; set the \
                 sender's clock",
                span.span_id,
                self.ahead_max.as_secs()
            );
            (Reason::TooNew, message)
        })
    }
}

/// A judged request: what goes to the log, and the answer.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What a replay needs; its body is the request as received.
    pub(crate) frame: Frame,
    /// The accepted spans.
    pub(crate) batch: Batch,
    /// What was refused, in reading order.
    pub(crate) rejections: Vec<Rejection>,
    /// What the decoder had to tell besides spans.
    pub(crate) asides: Asides,
}

/// What a request tells besides its spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Asides {
    pub(crate) dropped: Vec<(Reason, u64)>,
    pub(crate) counts: Vec<(String, u64)>,
    pub(crate) client_losses: Vec<(String, String, u64)>,
    pub(crate) event_id: Option<String>,
}

/// Decodes a body by the door it came through. The project's name is the
/// service of Sentry spans.
pub(crate) fn decode(door: FrameDoor, project: &str, body: &[u8]) -> Result<Decoded, RequestError> {
    match door {
        FrameDoor::OtlpProtobuf => otlp::decode_protobuf(body),
        FrameDoor::OtlpJson => otlp::decode_json(body),
        FrameDoor::SentryEnvelope => sentry::decode_envelope(body, project),
        FrameDoor::SentryStore => sentry::decode_store(body, project),
    }
}

/// Judges a request at the moment it came in.
pub(crate) fn admit(
    received: Received,
    now: UnixNanos,
    rules: &TimeRules,
) -> Result<Admitted, RequestError> {
    let Received { door, project, content_type, body } = received;
    let decoded = decode(door, &project, &body)?;
    let by_time = judge_times(&decoded, now, rules);
    let refused: HashSet<u32> = by_time.iter().map(|rejection| rejection.item).collect();
    let (batch, asides, by_decoder) = keep(decoded, &project, now, &refused);
    let mut rejections = [by_decoder, by_time].concat();
    rejections.sort_by_key(|rejection| rejection.item);
    let frame = Frame {
        received_at: now,
        door,
        project: project.to_string(),
        content_type,
        decoder_version: hotspan_wire::DECODER_VERSION,
        rejected: rejections.iter().map(|rejection| rejection.item).collect(),
        body,
    };
    Ok(Admitted { frame, batch, rejections, asides })
}

/// The batch that was accepted when this frame was written: the same decode,
/// the same omissions, no clock.
pub(crate) fn readmit(frame: &Frame) -> Result<Batch, RequestError> {
    let decoded = decode(frame.door, &frame.project, &frame.body)?;
    let refused: HashSet<u32> = frame.rejected.iter().copied().collect();
    let project = Arc::from(frame.project.as_str());
    Ok(keep(decoded, &project, frame.received_at, &refused).0)
}

fn judge_times(decoded: &Decoded, now: UnixNanos, rules: &TimeRules) -> Vec<Rejection> {
    let judge = |(item, span)| {
        rules.judge(span, now).map(|(reason, message)| Rejection { item, reason, message })
    };
    decoded.span_items().zip(&decoded.spans).filter_map(judge).collect()
}

/// Leaves the refused items out, hashes the rest as decoded, then scrubs it:
/// the hash stays the same when scrubbing learns of more secrets, and only
/// before it do statements tell which values they ask for.
fn keep(
    decoded: Decoded,
    project: &Arc<str>,
    received_at: UnixNanos,
    refused: &HashSet<u32>,
) -> (Batch, Asides, Vec<Rejection>) {
    let items: Vec<u32> = decoded.span_items().collect();
    let mut spans = decoded.spans;
    if !refused.is_empty() {
        let mut items = items.into_iter();
        spans.retain(|_| items.next().is_none_or(|item| !refused.contains(&item)));
    }
    let hashes = hotspan_wire::content_hashes(&spans);
    let asked = spans.iter().map(hotspan_analysis::asked).collect();
    scrub::scrub_all(&mut spans);
    let asides = Asides {
        dropped: decoded.dropped,
        counts: decoded.counts,
        client_losses: decoded.client_losses,
        event_id: decoded.event_id,
    };
    let batch = Batch { project: Arc::clone(project), received_at, spans, hashes, asked };
    (batch, asides, decoded.rejections)
}
