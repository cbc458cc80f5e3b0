//! Looks for one long stretch of the critical path that no span covers.
//!
//! ```text
//! GET /report
//!   SELECT items   ├─┤
//!                      ····· 1.8 s, nothing ·····
//!   PUT store/{id}                                ├──┤
//! ```
//!
//! Own time in many short stretches is work, and work needs no span. One long
//! stretch may be work as well, or a call, a lock, a garbage collection or a
//! sleep: the trace does not tell, so the cause stays undetermined, and what
//! stood before and after is said. With few calls only a stretch is told that is
//! long and much of the request. Left alone are requests with one call or none,
//! where spans are missing everywhere; streams and those who wait for news; what
//! follows the last call where an answer is a file or no page; pauses between
//! equal calls and before another attempt; and requests that look up
//! credentials, which are mostly the first of their process and load code.

use hotspan_knowledge::knowledge;
use hotspan_model::{Class, Confidence, EndpointKind, Finding};

use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::name_of_call;
use super::scene::Scene;
use super::stretch::{Beside, answers_with_a_file, beside, is_pause, waits_for_news};
use crate::study::{Slice, Study};
use crate::thresholds::GapThresholds;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "unexplained-gap",
    title: "Time that no span covers",
    unit: ("gap", "gaps"),
    in_segment,
    uses: None,
    in_profile: None,
};

fn in_segment(scene: &mut Scene<'_, '_>) {
    let (study, limits) = (scene.study, &scene.thresholds.gaps);
    let is_long =
        |slice: &&Slice| slice.family.is_none() && slice.duration_ns() >= limits.stretch_ns_min;
    if !study.slices.iter().any(|slice| is_long(&slice)) || !can_tell(scene) {
        return;
    }
    let opened = opened(study);
    let uncovered = || study.slices.iter().filter(|slice| is_uncovered(&opened, slice));
    let Some(longest) = uncovered().filter(is_long).max_by_key(|slice| slice.duration_ns()) else {
        return;
    };
    let own_ns = uncovered().fold(0, |sum: i64, slice| sum.saturating_add(slice.duration_ns()));
    let beside = beside(study, longest);
    if is_long_enough(scene, longest, own_ns, &beside) && !is_explained(scene, longest, &beside) {
        let finding = finding(scene, longest, &beside);
        scene.report(finding, []);
    }
}

/// Time of a span that is known to have children, while none of them ran.
fn is_uncovered(opened: &[bool], slice: &Slice) -> bool {
    slice.family.is_none() && opened[slice.span]
}

/// For each span whether it is one that others were opened in. A span without
/// any is a name for what happens in it, and so is one that calls only happen
/// to lie in, unless its SDK hangs all spans beside those they were opened in.
fn opened(study: &Study<'_>) -> Vec<bool> {
    let (spans, tree) = (&study.segment.spans, &study.tree);
    let sdk = &study.segment.facts.sdk;
    let known = knowledge().sdks.telemetry(&sdk.name);
    let flat = known.is_some_and(|known| known.is_flat(&sdk.version));
    let mut opened = vec![false; spans.len()];
    for &span in &tree.order {
        if let Some(parent) = tree.parents[span].filter(|_| flat || !tree.inferred[span]) {
            opened[parent] = spans[parent].call.is_none();
        }
    }
    opened
}

fn can_tell(scene: &Scene<'_, '_>) -> bool {
    let study = scene.study;
    !waits_for_news(study) && study.lookups.families.is_empty() && study.cut_at.is_none()
}

fn is_long_enough(scene: &Scene<'_, '_>, slice: &Slice, own_ns: i64, beside: &Beside) -> bool {
    let (study, limits) = (scene.study, &scene.thresholds.gaps);
    let nanos = slice.duration_ns();
    let share = scene.share_of(nanos);
    let of_own = nanos as f64 / own_ns.max(1) as f64;
    let at_edge = beside.before.is_none() || beside.after.is_none();
    let (stretch_ns_min, share_min) = match scale(study, limits) {
        Scale::Blind => return false,
        _ if is_behind_all(study, slice, beside) => (limits.edge_ns_min, limits.end_share_min),
        _ if at_edge => (limits.edge_ns_min, limits.edge_share_min),
        Scale::Few => (limits.few_ns_min, limits.few_share_min),
        Scale::Several => (limits.stretch_ns_min, limits.share_min),
    };
    !(is_behind_all(study, slice, beside) && may_stream(study))
        && nanos >= stretch_ns_min
        && share >= share_min
        && of_own >= limits.own_share_min
}

/// How much of a request has spans.
enum Scale {
    /// Too little to expect one anywhere.
    Blind,
    /// So little that only much of the request is worth a word.
    Few,
    Several,
}

fn scale(study: &Study<'_>, limits: &GapThresholds) -> Scale {
    let (spans, entry) = (&study.segment.spans, study.segment.entry);
    let calls = spans.iter().filter(|span| span.call.is_some()).count();
    // Of what the framework opens by itself, everything else hangs under.
    let has_name = |span: usize| {
        span != entry && spans[span].call.is_none() && study.tree.children[span].is_empty()
    };
    let kind = study.segment.facts.endpoint.kind;
    match calls {
        _ if calls >= limits.calls_min => Scale::Several,
        // Jobs pause on purpose.
        _ if !matches!(kind, EndpointKind::Http | EndpointKind::Rpc) => Scale::Blind,
        _ if calls >= limits.few_calls_min => Scale::Few,
        1 if (0..spans.len()).any(has_name) => Scale::Few,
        _ => Scale::Blind,
    }
}

/// True behind the last call of the request.
fn is_behind_all(study: &Study<'_>, slice: &Slice, beside: &Beside) -> bool {
    beside.after.is_none() && slice.span == study.segment.entry
}

/// True for requests whose answer may be written by and by: all but plain pages.
fn may_stream(study: &Study<'_>) -> bool {
    study.segment.facts.endpoint.kind != EndpointKind::Http || answers_with_a_file(study)
}

/// True when something else has said what the time is, or when it lies between
/// equal calls: a pause before the next look, or before another attempt.
fn is_explained(scene: &Scene<'_, '_>, slice: &Slice, beside: &Beside) -> bool {
    is_pause(scene.study, beside) || scene.is_claimed(slice.start, slice.end)
}

fn finding(scene: &Scene<'_, '_>, slice: &Slice, beside: &Beside) -> Finding {
    let study = scene.study;
    let spans = &study.segment.spans;
    let nanos = slice.duration_ns();
    let name = |span: Option<usize>, none: &str| {
        span.map_or_else(|| none.to_owned(), |span| name_of_call(&spans[span]))
    };
    let before = name(beside.before, "the beginning of it");
    let after = name(beside.after, "the end of it");
    let parent = match slice.span == study.segment.entry {
        true => study.segment.facts.endpoint.name.to_string(),
        false => spans[slice.span].name.to_string(),
    };
    let at = figures::duration(slice.start.since(study.segment.entry_span().start).max(0));
    let told = [
        ("time", figures::duration(nanos)),
        ("share", figures::percent(scene.share_of(nanos))),
        ("parent", parent.clone()),
        ("before", before.clone()),
        ("after", after.clone()),
        ("at", at.clone()),
    ];
    let facts = vec![
        (before, "is what ended before it".to_owned()),
        (after, "is what began after it".to_owned()),
        (at, "from the beginning of the request on".to_owned()),
    ];
    let draft = Draft {
        detector: DETECTOR.slug,
        class: Class::Own,
        family: format!("{} {parent}", DETECTOR.slug),
        subject: format!("Time without a span: {parent}"),
        cause: wording::cause("time_without_span", Confidence::Undetermined, &told, facts),
        fixes: wording::fixes("time_without_span", "", study.segment.facts.sdk.language),
        templates: vec![parent.clone()],
        // Where in it the stretch lies changes from request to request.
        identity: vec![parent],
    };
    let evidence = [beside.before, Some(slice.span), beside.after].into_iter().flatten();
    let amount = Amount {
        lookups: 1.0,
        calls: 1.0,
        wall_ns: nanos,
        hidden_ns: nanos,
        evidence: evidence.map(|span| spans[span].span_id).collect(),
    };
    draft.in_trace(study, amount)
}
