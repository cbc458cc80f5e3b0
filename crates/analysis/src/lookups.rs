//! Credential lookups in a segment: the calls, the lookups they make up, and
//! the calls that left no well-named span.
//!
//! ```text
//! PUT token ─ GET list ─ GET credentials      one lookup, three calls
//! (no name, 2.04 s) ─ GET ─ GET               one lookup: the token call timed out
//! ......2.1 s gap...... ─ GET ─ GET           the same where the SDK drops the span
//! ```

mod grouping;
mod hidden;

use std::sync::Arc;

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::{CallKind, Class, LookupStep, UnixNanos};

use crate::digest::SpanDigest;
use crate::segment::Segment;
use crate::tree::Tree;

pub(crate) use grouping::{Lookup, TokenAnswer};
pub(crate) use hidden::MissingCall;

/// One call of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookupCall {
    /// The span, by its index in the segment.
    pub(crate) span: usize,
    /// What it fetches.
    pub(crate) step: LookupStep,
    /// The span does not say so: it has no name.
    pub(crate) nameless: bool,
}

/// The lookups of one family.
#[derive(Debug)]
pub(crate) struct FamilyLookups {
    /// The family.
    pub(crate) family: &'static Family,
    /// Every call that has a span, by start time.
    pub(crate) calls: Vec<LookupCall>,
    /// What the calls make up.
    pub(crate) lookups: Vec<Lookup>,
    /// Calls that must have happened but have no span.
    pub(crate) missing: Vec<MissingCall>,
}

/// All lookups of a segment.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// By family, in order of their first call.
    pub(crate) families: Vec<FamilyLookups>,
    /// For each span the family (index) whose lookup its time belongs to.
    pub(crate) owners: Vec<Option<usize>>,
}

impl Lookups {
    /// Finds them.
    pub(crate) fn of(segment: &Segment, tree: &Tree) -> Self {
        let spans = &segment.spans;
        let mut found = Self { families: Vec::new(), owners: vec![None; spans.len()] };
        for &at in &tree.order {
            found.visit(at, spans, tree);
        }
        hidden::adopt_nameless(&mut found, spans, tree);
        for family in &mut found.families {
            family.calls.sort_by_key(|call| (spans[call.span].start, call.span));
            family.lookups = grouping::group(&family.calls, spans, tree);
            family.missing = hidden::missing(family, segment, tree);
        }
        found
    }

    /// Gives a span to the lookup it is a call of or happens in. A call inside
    /// a call of the same family is not another one, and neither is a request
    /// inside an SDK's operation for the same service.
    fn visit(&mut self, at: usize, spans: &[SpanDigest], tree: &Tree) {
        let inherited = tree.parents[at].and_then(|parent| self.owners[parent]);
        self.owners[at] = inherited;
        let Some((family, step)) = lookup_step(&spans[at]) else {
            return;
        };
        let is_request = spans[at].call.as_ref().is_some_and(|call| call.kind == CallKind::Http);
        let around = inherited.map(|owner| self.families[owner].family);
        if around.is_some_and(|around| is_request && around.endpoint == family.endpoint) {
            return;
        }
        let owner = self.family(family);
        if inherited != Some(owner) {
            self.owners[at] = Some(owner);
            self.families[owner].calls.push(LookupCall { span: at, step, nameless: false });
        }
    }

    fn family(&mut self, family: &'static Family) -> usize {
        let known = self.families.iter().position(|known| known.family.id == family.id);
        known.unwrap_or_else(|| {
            self.families.push(FamilyLookups {
                family,
                calls: Vec::new(),
                lookups: Vec::new(),
                missing: Vec::new(),
            });
            self.families.len() - 1
        })
    }
}

/// What a span fetches for whom, when it is a call of a credential lookup.
fn lookup_step(span: &SpanDigest) -> Option<(&'static Family, LookupStep)> {
    let call = span.call.as_ref()?;
    if call.class != Class::CredentialLookup {
        return None;
    }
    let family = knowledge().families.get(&call.family)?;
    Some((family, call.step.unwrap_or(LookupStep::Other)))
}

impl FamilyLookups {
    /// Calls of one step, hidden ones included.
    pub(crate) fn count(&self, step: LookupStep) -> u32 {
        let seen = self.calls.iter().filter(|call| call.step == step).count();
        let missing = if step == LookupStep::Token { self.missing_calls() } else { 0 };
        seen as u32 + missing
    }

    /// Calls that left no span. A lookup's time-outs count as one call,
    /// because that is how they look where the span is kept.
    fn missing_calls(&self) -> u32 {
        self.missing.len() as u32
    }

    /// All calls, hidden ones included.
    pub(crate) fn calls_total(&self) -> u32 {
        self.calls.len() as u32 + self.missing_calls()
    }

    /// Complete lookups: those that brought credentials. When none did, the
    /// attempts.
    pub(crate) fn lookups_total(&self) -> u32 {
        let succeeded = self.lookups.iter().filter(|lookup| lookup.succeeded).count();
        match succeeded {
            0 => self.lookups.len() as u32,
            _ => succeeded as u32,
        }
    }

    /// True when at least one lookup brought credentials.
    pub(crate) fn any_succeeded(&self) -> bool {
        self.lookups.iter().any(|lookup| lookup.succeeded)
    }

    /// Operation templates of the calls in the order of a lookup's steps.
    pub(crate) fn templates(&self, spans: &[SpanDigest]) -> Vec<String> {
        let mut found: Vec<(LookupStep, String)> = Vec::new();
        let hidden = !self.missing.is_empty() || self.calls.iter().any(|call| call.nameless);
        if let Some(token) = self.token_template().filter(|_| hidden) {
            found.push((LookupStep::Token, token));
        }
        for call in self.calls.iter().filter(|call| !call.nameless) {
            let Some(known) = &spans[call.span].call else {
                continue;
            };
            if !found.iter().any(|(_, template)| *template == known.operation) {
                found.push((call.step, known.operation.clone()));
            }
        }
        found.sort_by_key(|(step, _)| *step);
        found.into_iter().map(|(_, template)| template).collect()
    }

    /// What a token call of the family looks like.
    pub(crate) fn token_template(&self) -> Option<String> {
        let rule =
            |rule: &&hotspan_knowledge::families::HttpRule| rule.step.as_deref() == Some("token");
        let rule = self.family.http.iter().find(rule)?;
        Some(format!("{} {}", rule.method, rule.path.as_str()))
    }

    /// Median duration of the calls that were answered.
    pub(crate) fn median_call_ns(&self, spans: &[SpanDigest]) -> Option<i64> {
        let mut durations: Vec<i64> = self
            .calls
            .iter()
            .filter(|call| !call.nameless && !spans[call.span].failed())
            .filter(|call| !grouping::timed_out(&spans[call.span]))
            .map(|call| spans[call.span].duration_ns())
            .collect();
        durations.sort_unstable();
        durations.get(durations.len() / 2).copied()
    }
}

impl FamilyLookups {
    /// Median time that lookups lost to token calls that timed out.
    pub(crate) fn median_timeout_ns(&self, spans: &[SpanDigest]) -> Option<i64> {
        let seen = self
            .calls
            .iter()
            .filter(|call| call.step == LookupStep::Token)
            .map(|call| &spans[call.span])
            .filter(|span| grouping::timed_out(span))
            .map(SpanDigest::duration_ns);
        let missing = self.missing.iter();
        let missing = missing.map(|missing| missing.stretch.1.since(missing.stretch.0));
        let mut durations: Vec<i64> = seen.chain(missing).collect();
        durations.sort_unstable();
        durations.get(durations.len() / 2).copied()
    }
}

/// The family's name as findings and roll-ups carry it.
pub(crate) fn family_name(family: &Family) -> Arc<str> {
    Arc::from(family.id.as_str())
}

/// The stretch of time a missing call must have filled.
pub(crate) type Stretch = (UnixNanos, UnixNanos);
