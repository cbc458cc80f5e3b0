//! Fetches of tokens, signing keys, secrets and parameters in a segment: which
//! calls they are and what each is used for. What is wrong with them is decided
//! by the detectors.
//!
//! ```text
//! POST …/oauth2/token ─ GET orders/7     a token, and who it is for
//! Secrets Manager.GetSecretValue         one fetch: the request under the
//!   POST secretsmanager…/                operation is the same
//! ```

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::{CallKind, Class, LookupStep};

use crate::digest::SpanDigest;
use crate::repeats::{SLACK_NS, without_numbers};
use crate::segment::Segment;
use crate::study::Study;
use crate::tree::Tree;

/// How far up a call is looked for that a fetch is part of.
const LEVELS_MAX: usize = 16;
/// Operations that are told of a family.
const TEMPLATES_MAX: usize = 8;
/// How many calls after a fetch are looked at for one under the same span.
const CALLS_AHEAD_MAX: usize = 16;

/// One call of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// The span, by its index in the segment.
    pub(crate) span: usize,
    /// `None` for one thing by its name.
    pub(crate) step: Option<LookupStep>,
}

/// The fetches of one family.
#[derive(Debug)]
pub(crate) struct FamilyFetches {
    /// The family.
    pub(crate) family: &'static Family,
    /// What it hands out.
    pub(crate) class: Class,
    /// Every call that brought something, by start: what failed is repeated
    /// because it failed.
    pub(crate) calls: Vec<Fetch>,
}

impl FamilyFetches {
    /// How often something was fetched. Calls that only say where to find it
    /// count when nothing else was called.
    pub(crate) fn count(&self) -> u32 {
        let finds = |fetch: &&Fetch| fetch.step == Some(LookupStep::List);
        match self.calls.iter().filter(|fetch| !finds(fetch)).count() {
            0 => self.calls.len() as u32,
            whole => whole as u32,
        }
    }

    /// Calls that fetch one thing by its name.
    pub(crate) fn single(&self) -> impl Iterator<Item = usize> {
        self.calls.iter().filter(|fetch| fetch.step.is_none()).map(|fetch| fetch.span)
    }

    /// Operation templates of the calls in the order of their first use, at
    /// most a few: providers may have a path for each customer.
    pub(crate) fn templates(&self, spans: &[SpanDigest]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for call in self.calls.iter().filter_map(|fetch| spans[fetch.span].call.as_ref()) {
            if found.len() == TEMPLATES_MAX {
                break;
            }
            if !found.contains(&call.operation) {
                found.push(call.operation.clone());
            }
        }
        found
    }
}

/// The fetches of a segment, by family in order of their first call.
pub(crate) fn fetches_of(segment: &Segment, tree: &Tree) -> Vec<FamilyFetches> {
    let spans = &segment.spans;
    let is_fetch = |span: &SpanDigest| class_of(span).is_some();
    if !spans.iter().any(is_fetch) {
        return Vec::new();
    }
    let mut order: Vec<usize> =
        tree.order.iter().copied().filter(|&span| is_fetch(&spans[span])).collect();
    order.sort_unstable_by_key(|&span| (spans[span].start, span));
    let mut found: Vec<FamilyFetches> = Vec::new();
    for span in order {
        let Some((family, class)) = family_of(&spans[span]) else {
            continue;
        };
        let step = spans[span].call.as_ref().and_then(|call| call.step);
        let counts = step != Some(LookupStep::Other) && !spans[span].failed();
        if !counts || is_part_of_another(span, spans, tree) {
            continue;
        }
        let fetch = Fetch { span, step };
        match found.iter_mut().find(|known| known.family.id == family.id) {
            Some(known) => known.calls.push(fetch),
            None => found.push(FamilyFetches { family, class, calls: vec![fetch] }),
        }
    }
    found
}

fn class_of(span: &SpanDigest) -> Option<Class> {
    let class = span.call.as_ref()?.class;
    matches!(class, Class::TokenFetch | Class::SecretFetch).then_some(class)
}

fn family_of(span: &SpanDigest) -> Option<(&'static Family, Class)> {
    let class = class_of(span)?;
    Some((knowledge().families.get(&span.call.as_ref()?.family)?, class))
}

/// True for the request of an SDK's operation: the operation says what it is.
fn is_part_of_another(span: usize, spans: &[SpanDigest], tree: &Tree) -> bool {
    let above = std::iter::successors(tree.parents[span], |&at| tree.parents[at]);
    let around = above.take(LEVELS_MAX).find_map(|at| spans[at].call.as_deref());
    let (Some(around), Some(own)) = (around, spans[span].call.as_deref()) else {
        return false;
    };
    // An operation of AWS that fetches nothing makes a request to the same host.
    let of_sdk = around.kind == CallKind::Rpc && own.kind == CallKind::Http;
    around.family == own.family || (of_sdk && own.family.starts_with("aws-"))
}

/// Calls that tokens are fetched for, by start.
#[derive(Debug)]
pub(crate) struct Users<'a, 's> {
    study: &'a Study<'s>,
    calls: Vec<usize>,
}

impl<'a, 's> Users<'a, 's> {
    /// Finds them: requests and remote procedures.
    pub(crate) fn of(study: &'a Study<'s>) -> Self {
        let spans = &study.segment.spans;
        let calls = |span: &SpanDigest| {
            span.call.as_ref().is_some_and(|call| matches!(call.class, Class::Http | Class::Rpc))
        };
        let mut found: Vec<usize> = (0..spans.len()).filter(|&span| calls(&spans[span])).collect();
        found.sort_unstable_by_key(|&span| (spans[span].start, span));
        Self { study, calls: found }
    }

    /// Who was called with what each of `fetches` (by start) brought, hosts that
    /// differ in numbers being one: the next call before another fetch, one
    /// under the same span rather than elsewhere. Where no other fetch is under
    /// that span, other fetches do not matter. `None` where that does not tell.
    pub(crate) fn targets(&self, fetches: &[usize]) -> Vec<Option<u64>> {
        let (spans, parents) = (&self.study.segment.spans, &self.study.tree.parents);
        let mut places: Vec<Option<usize>> = fetches.iter().map(|&fetch| parents[fetch]).collect();
        places.sort_unstable();
        let alone = |place: Option<usize>| {
            let from = places.partition_point(|other| *other < place);
            places.get(from + 1) != Some(&place)
        };
        let target = |(nth, &fetch): (usize, &usize)| {
            let end = spans[fetch].end;
            let starts_before = |call: &usize| spans[*call].start.plus(SLACK_NS) < end;
            let ahead = &self.calls[self.calls.partition_point(starts_before)..];
            let until = fetches.get(nth + 1).map(|&next| spans[next].start);
            let in_time = |call: &usize| until.is_none_or(|until| spans[*call].start <= until);
            let beside = ahead.iter().take(CALLS_AHEAD_MAX).copied();
            let beside = beside
                .filter(|&call| parents[call] == parents[fetch])
                .find(|call| alone(parents[fetch]) || in_time(call));
            let call = beside.or(ahead.first().copied().filter(in_time))?;
            let target = spans[call].call.as_ref().map(|call| call.target.as_str());
            target.map(without_numbers)
        };
        fetches.iter().enumerate().map(target).collect()
    }
}
