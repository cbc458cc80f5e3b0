//! Calls grouped into lookups: which token, list and credentials call belong together.

use std::collections::HashMap;

use hotspan_model::{LookupStep, Status};

use super::LookupCall;
use crate::digest::SpanDigest;
use crate::tree::Tree;

/// Calls of one lookup follow each other; spans may overlap by rounding.
const SLACK_NS: i64 = 2_000_000;
/// How many unfinished lookups under one parent a call is matched with.
const OPEN_MAX: usize = 64;
/// A token call that took this long and brought nothing was waiting. Shorter
/// than every SDK's time-out, longer than any refusal.
const WAITED_NS: i64 = 450_000_000;

/// How a lookup's token call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenAnswer {
    /// No token call was seen.
    None,
    /// It brought a token.
    Answered,
    /// The other side said no.
    Refused,
    /// Nothing came back until the SDK gave up.
    TimedOut,
}

/// One resolution of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Its first call that has a span.
    pub(crate) first: usize,
    /// The span its calls hang under.
    pub(crate) parent: Option<usize>,
    /// How its token call ended.
    pub(crate) token: TokenAnswer,
    /// It brought credentials.
    pub(crate) succeeded: bool,
    last: LookupCall,
}

/// True when a token call was given up on.
pub(super) fn timed_out(span: &SpanDigest) -> bool {
    let unanswered = span.http_status == 0 || (span.is_nameless() && span.status == Status::Error);
    unanswered && span.duration_ns() >= WAITED_NS
}

/// Groups `calls` (by start time) into lookups. A call continues the latest
/// unfinished lookup under the same parent that waits for such a call: right
/// for sequences, and right in number for parallel ones.
pub(super) fn group(calls: &[LookupCall], spans: &[SpanDigest], tree: &Tree) -> Vec<Lookup> {
    let mut lookups: Vec<Lookup> = Vec::new();
    let mut open: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for call in calls.iter().filter(|call| call.step != LookupStep::Other) {
        let parent = tree.parents[call.span];
        let unfinished = open.entry(parent).or_default();
        let found =
            unfinished.iter().rev().position(|&lookup| continues(&lookups[lookup], call, spans));
        let at = match found {
            Some(back) => unfinished[unfinished.len() - 1 - back],
            None => {
                lookups.push(Lookup {
                    first: call.span,
                    parent,
                    token: TokenAnswer::None,
                    succeeded: false,
                    last: *call,
                });
                unfinished.push(lookups.len() - 1);
                // Older ones will not be continued: nothing waits that long.
                if unfinished.len() > OPEN_MAX {
                    unfinished.remove(0);
                }
                lookups.len() - 1
            }
        };
        let lookup = &mut lookups[at];
        lookup.add(call, &spans[call.span]);
        if lookup.succeeded {
            unfinished.retain(|&other| other != at);
        }
    }
    lookups
}

/// A lookup goes forward through its steps, or repeats one that failed.
fn continues(lookup: &Lookup, call: &LookupCall, spans: &[SpanDigest]) -> bool {
    let last = &spans[lookup.last.span];
    let follows = last.end <= spans[call.span].start.plus(SLACK_NS);
    let repeats = lookup.last.step == call.step && last.failed();
    follows && (lookup.last.step < call.step || repeats)
}

impl Lookup {
    /// Its last call that has a span.
    pub(crate) fn last(&self) -> usize {
        self.last.span
    }

    fn add(&mut self, call: &LookupCall, span: &SpanDigest) {
        self.last = *call;
        match call.step {
            LookupStep::Token if timed_out(span) => self.token = TokenAnswer::TimedOut,
            LookupStep::Token if span.failed() => self.token = TokenAnswer::Refused,
            LookupStep::Token => self.token = TokenAnswer::Answered,
            LookupStep::Credentials if !span.failed() => self.succeeded = true,
            _ => {}
        }
    }
}
