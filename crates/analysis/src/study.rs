//! Everything that is worked out about one segment, once, for its record and
//! for the trace page: tree, critical path, lookups, and whose time is whose.

mod paths;

use hotspan_knowledge::knowledge;
use hotspan_model::{Class, Door, SpanKind, TimeByClass, UnixNanos};

use crate::critical_path::{PathPart, critical_path};
use crate::digest::SpanDigest;
use crate::fetches::{FamilyFetches, fetches_of};
use crate::lookups::Lookups;
use crate::segment::Segment;
use crate::tree::Tree;

pub(crate) use paths::Paths;

/// A stretch of the critical path with what it was spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The span at work or waited for.
    pub(crate) span: usize,
    /// From here.
    pub(crate) start: UnixNanos,
    /// To here.
    pub(crate) end: UnixNanos,
    /// The family (index into the lookups) it was spent on.
    pub(crate) family: Option<usize>,
    /// No well-named span shows it.
    pub(crate) hidden: bool,
}

impl Slice {
    /// Its length in nanoseconds.
    pub(crate) fn duration_ns(&self) -> i64 {
        self.end.since(self.start)
    }
}

/// A segment, worked out.
#[derive(Debug)]
pub(crate) struct Study<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) tree: Tree,
    pub(crate) self_ns: Vec<i64>,
    pub(crate) lookups: Lookups,
    /// Fetches of tokens and secrets, by family.
    pub(crate) fetches: Vec<FamilyFetches>,
    /// The critical path from the start of the entry span to its end.
    pub(crate) slices: Vec<Slice>,
    /// The path's time by span.
    pub(crate) paths: Paths,
    /// How many spans there are when the SDK stopped counting at that number.
    pub(crate) cut_at: Option<u32>,
}

impl<'a> Study<'a> {
    /// Works out `segment`.
    pub(crate) fn of(segment: &'a Segment) -> Self {
        let tree = Tree::of(segment);
        let self_ns = tree.self_times(&segment.spans);
        let lookups = Lookups::of(segment, &tree);
        let fetches = fetches_of(segment, &tree);
        let path = critical_path(segment, &tree);
        let claims = claims(segment, &tree, &lookups, &path);
        let slices = slices(segment, &lookups, &path, &claims);
        let paths = Paths::of(&tree, &slices, &lookups.owners);
        Self { segment, tree, self_ns, lookups, fetches, slices, paths, cut_at: cut_at(segment) }
    }

    /// Where the entry span's wall time went; sums to its duration.
    pub(crate) fn time(&self) -> TimeByClass {
        let mut time = TimeByClass::default();
        for slice in &self.slices {
            let class = match slice.family {
                Some(_) => Class::CredentialLookup,
                None => class_of(&self.segment.spans[slice.span]),
            };
            time.add(class, slice.duration_ns());
        }
        time
    }

    /// A hash of what a call asked for, values included; 0 when it is not told.
    pub(crate) fn asked(&self, span: usize) -> u64 {
        self.segment.spans[span].asked.into()
    }

    /// Critical-path time that is a span's own between two instants: what it
    /// did, or waited for, while none of its children ran.
    pub(crate) fn own_between_ns(&self, span: usize, from: UnixNanos, to: UnixNanos) -> i64 {
        let first = self.slices.partition_point(|slice| slice.end <= from);
        let slices = self.slices[first..].iter().take_while(|slice| slice.start < to);
        let own = slices.filter(|slice| slice.span == span && slice.family.is_none());
        own.map(|slice| slice.end.min(to).since(slice.start.max(from)))
            .fold(0, |sum: i64, nanos| sum.saturating_add(nanos))
    }

    /// What the own time of a span is spent on.
    pub(crate) fn class(&self, span: usize) -> Class {
        match self.lookups.owners[span] {
            Some(_) => Class::CredentialLookup,
            None => class_of(&self.segment.spans[span]),
        }
    }
}

/// How many spans there are when the SDK stopped counting at that number. A
/// transaction of exactly that size is called cut although it may be whole;
/// "at least" is true of it, too.
fn cut_at(segment: &Segment) -> Option<u32> {
    let facts = &segment.facts;
    let spans = segment.spans_counted();
    let spans_max = knowledge().sdks.telemetry(&facts.sdk.name)?.spans_max?;
    let capped = facts.door == Door::Sentry && !facts.streamed;
    (capped && spans >= spans_max).then_some(spans)
}

fn class_of(span: &SpanDigest) -> Class {
    span.call.as_ref().map_or(Class::Own, |call| call.class)
}

/// A stretch of time that belongs to a lookup although the walk gives it to
/// the service's own work.
#[derive(Debug, Clone, Copy)]
struct Claim {
    start: UnixNanos,
    end: UnixNanos,
    family: usize,
    hidden: bool,
}

/// Missing calls, and calls beside a path that shows nothing but own work: a
/// call that no cover explains and no parallel call outlasts was waited for.
/// Disjoint and by time.
fn claims(segment: &Segment, tree: &Tree, lookups: &Lookups, path: &[PathPart]) -> Vec<Claim> {
    let mut walked = vec![false; segment.spans.len()];
    for part in path {
        let mut at = Some(part.span);
        while let Some(span) = at.filter(|&span| !walked[span]) {
            walked[span] = true;
            at = tree.parents[span];
        }
    }
    let mut claims = Vec::new();
    for (family, found) in lookups.families.iter().enumerate() {
        claims.extend(found.missing.iter().map(|missing| Claim {
            start: missing.stretch.0,
            end: missing.stretch.1,
            family,
            hidden: true,
        }));
        let beside = found
            .calls
            .iter()
            .filter(|call| tree.parents[call.span].is_some_and(|parent| walked[parent]));
        claims.extend(beside.map(|call| Claim {
            start: segment.spans[call.span].start,
            end: segment.spans[call.span].end,
            family,
            hidden: call.nameless,
        }));
    }
    claims.sort_by_key(|claim| claim.start);
    let mut until = UnixNanos(i64::MIN);
    claims.retain_mut(|claim| {
        claim.start = claim.start.max(until);
        until = until.max(claim.end);
        claim.start < claim.end
    });
    claims
}

/// The path with lookups' time given to them; still without gaps or overlaps.
fn slices(segment: &Segment, lookups: &Lookups, path: &[PathPart], claims: &[Claim]) -> Vec<Slice> {
    let mut slices = Vec::with_capacity(path.len() + claims.len());
    for part in path {
        let family = lookups.owners[part.span];
        let span = &segment.spans[part.span];
        let whole = Slice {
            span: part.span,
            start: part.start,
            end: part.end,
            family,
            hidden: family.is_some() && span.is_nameless(),
        };
        let own_work = span.call.is_none() && span.kind != SpanKind::Client;
        if family.is_none() && own_work {
            split(whole, claims, &mut slices);
        } else {
            slices.push(whole);
        }
    }
    slices
}

/// Cuts the claimed stretches out of a slice of own work.
fn split(slice: Slice, claims: &[Claim], slices: &mut Vec<Slice>) {
    let mut at = slice.start;
    let first = claims.partition_point(|claim| claim.end <= slice.start);
    for claim in claims[first..].iter().take_while(|claim| claim.start < slice.end) {
        let (start, end) = (claim.start.max(at), claim.end.min(slice.end));
        if at < start {
            slices.push(Slice { start: at, end: start, ..slice });
        }
        slices.push(Slice {
            start,
            end,
            family: Some(claim.family),
            hidden: claim.hidden,
            ..slice
        });
        at = end;
    }
    if at < slice.end {
        slices.push(Slice { start: at, ..slice });
    }
}
