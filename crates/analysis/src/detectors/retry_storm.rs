//! Looks for calls that fail and are repeated too often or too fast.
//!
//! ```text
//! GET stock/items/7  503
//! GET stock/items/7  503          at once, three failures or more
//! GET stock/items/7  503
//! GET stock/items/7  200
//!
//! 503 ──── 503 ──────── 503       with pauses, and given up in the end
//! 503 ─ 200   503 ─ 200   …       one failure each, but call after call
//! ```
//!
//! One failure, or some with pauses and a success in the end, is what retries
//! are for: explained, and no finding. So is a loop whose items fail one by
//! one: those are different calls.

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Confidence, Finding, Status};

use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::{class_of, family_of, identity_of, name_of_call};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::repeats::{SLACK_NS, Wait, operation_key, wait_of};
use crate::study::Study;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "retry-storm",
    title: "A call that fails and is repeated",
    unit: ("repeat", "repeats"),
    in_segment,
    uses: None,
    in_profile: None,
};

/// The attempts of one call, by start; all but perhaps the last failed.
struct Chain {
    attempts: Vec<usize>,
    succeeded: bool,
}

impl Chain {
    fn failures(&self) -> &[usize] {
        &self.attempts[..self.attempts.len() - usize::from(self.succeeded)]
    }
}

fn in_segment(scene: &mut Scene<'_, '_>) {
    let spans = &scene.study.segment.spans;
    if !spans.iter().any(failed_for_now) {
        return;
    }
    for chains in chains_by_operation(scene) {
        let cause = cause_of(scene, &chains);
        if let Some(finding) = cause.and_then(|cause| finding(scene, &chains, cause)) {
            let failures: Vec<usize> = chains.iter().flat_map(Chain::failures).copied().collect();
            scene.report(finding, failures);
        }
        scene.explain(chains.iter().flat_map(|chain| &chain.attempts).copied());
    }
}

/// True for a failure that another attempt may mend: no answer, too many
/// requests, an error of the other side. Others say no for good, and whoever
/// waits for something to happen asks again when time is over.
fn failed_for_now(span: &SpanDigest) -> bool {
    let failed = match span.http_status {
        0 => span.status == Status::Error,
        status => matches!(status, 408 | 425 | 429) || status >= 500,
    };
    failed
        && span
            .call
            .as_ref()
            .is_some_and(|call| !knowledge().timeouts.waits_by_nature(&call.operation))
}

/// Calls that were attempted more than once, those of one operation together.
fn chains_by_operation(scene: &Scene<'_, '_>) -> Vec<Vec<Chain>> {
    let study = scene.study;
    let spans = &study.segment.spans;
    let mut found: Vec<(u64, Chain)> = Vec::new();
    for siblings in &study.tree.children {
        if !siblings.iter().any(|&span| failed_for_now(&spans[span])) {
            continue;
        }
        let calls = siblings.iter().filter(|&&span| spans[span].call.is_some());
        let mut keyed: Vec<(u64, u64, usize, usize)> = calls
            .filter(|&&span| scene.is_free(span) && tells_itself(&spans[span]))
            .enumerate()
            .map(|(nth, &span)| (operation_key(&spans[span]), study.asked(span), nth, span))
            .collect();
        keyed.sort_unstable();
        for same in keyed.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let calls: Vec<usize> = same.iter().map(|call| call.3).collect();
            found.extend(chains_of(spans, &calls).into_iter().map(|chain| (same[0].0, chain)));
        }
    }
    found.sort_by_key(|(key, chain)| (*key, spans[chain.attempts[0]].start));
    let mut grouped: Vec<(u64, Vec<Chain>)> = Vec::new();
    for (key, chain) in found {
        match grouped.last_mut().filter(|(known, _)| *known == key) {
            Some((_, chains)) => chains.push(chain),
            None => grouped.push((key, vec![chain])),
        }
    }
    grouped.into_iter().map(|(_, chains)| chains).collect()
}

/// False for a call that may have been about another thing each time: it has
/// no name, or its address has a place for a value, and the value is not known.
fn tells_itself(span: &SpanDigest) -> bool {
    if span.is_nameless() {
        return false;
    }
    span.asked != 0
        || span
            .call
            .as_ref()
            .is_some_and(|call| call.kind != CallKind::Http || !call.operation.contains('{'))
}

/// Cuts equal calls (by start) into chains: another attempt begins after the
/// failed one has ended.
fn chains_of(spans: &[SpanDigest], calls: &[usize]) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut open = false;
    for &call in calls {
        let follows = |last: usize| spans[last].end <= spans[call].start.plus(SLACK_NS);
        let failed = failed_for_now(&spans[call]);
        match chains.last_mut() {
            Some(chain) if open && chain.attempts.last().is_some_and(|&last| follows(last)) => {
                chain.attempts.push(call);
                chain.succeeded = !failed;
            }
            _ if failed => chains.push(Chain { attempts: vec![call], succeeded: false }),
            _ => {}
        }
        open = failed;
    }
    chains.retain(|chain| chain.attempts.len() > 1);
    chains
}

/// Why there are so many attempts; `None` when retries did what they are for.
fn cause_of(scene: &Scene<'_, '_>, chains: &[Chain]) -> Option<(&'static str, Confidence)> {
    let limits = &scene.thresholds.retries;
    let spans = &scene.study.segment.spans;
    let many = |chain: &&Chain| chain.failures().len() >= limits.failures_min;
    let at_once = |chain: &Chain| wait_of(spans, &chain.attempts) == Wait::None;
    let failures: usize = chains.iter().map(|chain| chain.failures().len()).sum();
    if chains.iter().filter(many).any(at_once) {
        Some(("retried_without_pause", Confidence::VeryLikely))
    } else if chains.iter().filter(many).any(|chain| !chain.succeeded) {
        Some(("retried_in_vain", Confidence::VeryLikely))
    } else if chains.len() >= limits.chains_min && failures >= limits.failures_together_min {
        Some(("retried_often", Confidence::Likely))
    } else {
        None
    }
}

fn finding(
    scene: &Scene<'_, '_>,
    chains: &[Chain],
    (code, confidence): (&'static str, Confidence),
) -> Option<Finding> {
    let study = scene.study;
    let spans = &study.segment.spans;
    let failures: Vec<usize> = chains.iter().flat_map(Chain::failures).copied().collect();
    let paused_ns = chains
        .iter()
        .map(|chain| pauses_ns(study, &chain.attempts))
        .fold(0, |sum: i64, nanos| sum.saturating_add(nanos));
    let wall_ns = study.paths.of_set_ns(failures.iter().copied()).saturating_add(paused_ns);
    if !scene.is_worth(wall_ns) {
        return None;
    }
    let first = &spans[*failures.first()?];
    let attempts: usize = chains.iter().map(|chain| chain.attempts.len()).sum();
    let name = name_of_call(first);
    let told = told(scene, chains, &failures, wall_ns);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: class_of(first),
        family: family_of(DETECTOR.slug, first),
        subject: format!("Retries: {name}"),
        cause: wording::cause(code, confidence, &told, facts(chains, &failures, attempts, first)),
        fixes: wording::fixes(code, "", study.segment.facts.sdk.language),
        templates: vec![name],
        identity: identity_of(first).to_vec(),
    };
    let amount = Amount {
        lookups: (attempts - chains.len()) as f64,
        calls: attempts as f64,
        wall_ns,
        hidden_ns: paused_ns,
        evidence: failures.iter().map(|&call| spans[call].span_id).collect(),
    };
    Some(draft.in_trace(study, amount))
}

/// Time on the critical path between the attempts in which nothing else was
/// called: whoever repeats waits there.
fn pauses_ns(study: &Study<'_>, attempts: &[usize]) -> i64 {
    let spans = &study.segment.spans;
    let Some(parent) = attempts.first().and_then(|&first| study.tree.parents[first]) else {
        return 0;
    };
    attempts
        .windows(2)
        .map(|pair| study.own_between_ns(parent, spans[pair[0]].end, spans[pair[1]].start))
        .fold(0, |sum: i64, nanos| sum.saturating_add(nanos))
}

fn told(
    scene: &Scene<'_, '_>,
    chains: &[Chain],
    failures: &[usize],
    wall_ns: i64,
) -> Vec<(&'static str, String)> {
    let spans = &scene.study.segment.spans;
    let number = |count: usize| figures::count(count as u64);
    let attempts = chains.iter().map(|chain| chain.attempts.len()).sum();
    let mut pauses: Vec<i64> = chains
        .iter()
        .flat_map(|chain| chain.attempts.windows(2))
        .map(|pair| spans[pair[1]].start.since(spans[pair[0]].end).max(0))
        .collect();
    pauses.sort_unstable();
    vec![
        ("at_least", scene.study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("call", name_of_call(&spans[failures[0]])),
        ("attempts", number(attempts)),
        ("failures", number(failures.len())),
        ("chains", number(chains.len())),
        ("gave_up", number(chains.iter().filter(|chain| !chain.succeeded).count())),
        ("status", status(&spans[failures[0]])),
        ("pause", figures::duration(pauses.get(pauses.len() / 2).copied().unwrap_or(0))),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(scene.share_of(wall_ns))),
    ]
}

fn status(failure: &SpanDigest) -> String {
    match failure.http_status {
        0 => "without an answer that its span tells".to_owned(),
        status => format!("with status {status}"),
    }
}

fn facts(
    chains: &[Chain],
    failures: &[usize],
    attempts: usize,
    first: &SpanDigest,
) -> Vec<(String, String)> {
    let number = |count: usize| figures::count(count as u64);
    let ratio = format!("{} of {}", number(failures.len()), number(attempts));
    let succeeded = chains.iter().filter(|chain| chain.succeeded).count();
    vec![
        (ratio, format!("attempts failed, the first {}", status(first))),
        (
            format!("{} of {}", number(succeeded), number(chains.len())),
            "calls succeeded in the end".to_owned(),
        ),
    ]
}
