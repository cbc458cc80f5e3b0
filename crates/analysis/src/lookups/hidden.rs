//! Lookup calls that no well-named span shows: nameless ones, and ones that the
//! telemetry SDK dropped because they timed out.

use hotspan_knowledge::knowledge;
use hotspan_model::LookupStep;
use hotspan_model::time::NANOS_PER_MILLI;

use super::grouping::{Lookup, TokenAnswer};
use super::{FamilyLookups, LookupCall, Lookups, Stretch};
use crate::digest::SpanDigest;
use crate::segment::Segment;
use crate::tree::Tree;

/// The request after a lost token follows at once; a busy process may take a while.
const FOLLOWS_NS_MAX: i64 = 100 * NANOS_PER_MILLI;

/// A token call without a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MissingCall {
    /// When it must have happened.
    pub(crate) stretch: Stretch,
    /// The call that followed it.
    pub(crate) before: usize,
    /// What it must have hung under.
    pub(crate) parent: usize,
}

/// Gives nameless client spans right before a call of a lookup that has a
/// token step, and no token call there, to that lookup.
pub(super) fn adopt_nameless(found: &mut Lookups, spans: &[SpanDigest], tree: &Tree) {
    let mut steps: Vec<Option<(usize, LookupStep)>> = vec![None; spans.len()];
    for (family, lookups) in found.families.iter().enumerate() {
        for call in &lookups.calls {
            steps[call.span] = Some((family, call.step));
        }
    }
    for siblings in &tree.children {
        for pair in siblings.windows(2) {
            let (before, call) = (&spans[pair[0]], &spans[pair[1]]);
            let Some((family, step)) = steps[pair[1]] else {
                continue;
            };
            let gap = call.start.since(before.end);
            if before.is_nameless()
                && matches!(step, LookupStep::List | LookupStep::Credentials)
                && has_token_step(&found.families[family])
                && (-NANOS_PER_MILLI..=FOLLOWS_NS_MAX).contains(&gap)
            {
                found.owners[pair[0]] = Some(family);
                found.families[family].calls.push(LookupCall {
                    span: pair[0],
                    step: LookupStep::Token,
                    nameless: true,
                });
            }
        }
    }
}

fn has_token_step(lookups: &FamilyLookups) -> bool {
    lookups.family.steps.iter().any(|step| step == "token")
}

/// Token calls that the telemetry SDK dropped: before a lookup without one lies
/// a gap of at least the SDK's time-out. Only where the SDK is known to drop
/// them, and only when most such lookups have the gap: a provider that refreshes
/// early asks for no token either, but does not wait first.
pub(super) fn missing(lookups: &FamilyLookups, segment: &Segment, tree: &Tree) -> Vec<MissingCall> {
    let sdk = &segment.facts.sdk;
    let sdks = &knowledge().sdks;
    let drops = sdks.telemetry(&sdk.name).is_some_and(|known| known.drops_timed_out(&sdk.version));
    let timeout_ns = sdks
        .aws(sdk.language.slug())
        .and_then(|aws| aws.token_timeouts_ms.first())
        .map(|ms| ms * NANOS_PER_MILLI);
    let Some(timeout_ns) = timeout_ns.filter(|_| drops && has_token_step(lookups)) else {
        return Vec::new();
    };
    let without_token: Vec<&Lookup> =
        lookups.lookups.iter().filter(|lookup| lookup.token == TokenAnswer::None).collect();
    let missing: Vec<MissingCall> = without_token
        .iter()
        .filter_map(|lookup| missing_before(lookup, timeout_ns, &segment.spans, tree))
        .collect();
    if missing.len() * 2 >= without_token.len() { missing } else { Vec::new() }
}

/// The largest multiple of the time-out that fits between the end of whatever
/// ran before the lookup and its first call.
fn missing_before(
    lookup: &Lookup,
    timeout_ns: i64,
    spans: &[SpanDigest],
    tree: &Tree,
) -> Option<MissingCall> {
    let parent = lookup.parent?;
    let start = spans[lookup.first].start;
    let idle_since = tree.children[parent]
        .iter()
        .take_while(|&&sibling| sibling != lookup.first)
        .map(|&sibling| spans[sibling].end)
        .fold(spans[parent].start, |latest, end| latest.max(end));
    let times = start.since(idle_since) / timeout_ns;
    (times >= 1).then(|| MissingCall {
        stretch: (start.plus(-times * timeout_ns), start),
        before: lookup.first,
        parent,
    })
}
