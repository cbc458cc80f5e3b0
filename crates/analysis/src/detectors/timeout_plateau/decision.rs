//! Whether calls of equal length ended at a time-out, and how sure that is.
//!
//! | seen | cause | sure |
//! |---|---|---|
//! | failed, and half of them say that time was over | calls time out | very likely |
//! | failed without an answer at the time-out of a client of the language | calls time out | likely |
//! | the same at a time-out of something else | calls time out | likely; possible for a few |
//! | the same at a round number, three after one another | calls time out | likely |
//! | neither an error nor an answer, at a round number | calls time out | likely for three after one another, else possible |
//! | answered, after a wait that is known, others much shorter | wait before the answer | likely |
//! | the same without others, but long, exact, and different calls | wait before the answer | possible |
//!
//! Calls that end together say little: whoever cancels one may cancel all. And
//! calls of equal length that were answered, or failed, may have done equal work.

use hotspan_knowledge::{Timeout, knowledge};
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{Confidence, Status};

use super::super::scene::Scene;
use super::{SLACK_NS, kind_of};
use crate::digest::Remark;
use crate::figures;
use crate::repeats::{SLACK_NS as OVERLAP_NS, without_numbers};
use crate::study::Study;

/// What is made of calls of equal length.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) code: &'static str,
    pub(super) confidence: Confidence,
    pub(super) figures: Vec<(&'static str, String)>,
    pub(super) facts: Vec<(String, String)>,
}

/// The verdict on `calls` (by duration) to one target; `None` when they may
/// have worked, or cost too little.
pub(super) fn decide(scene: &Scene<'_, '_>, calls: &[usize], unanswered: bool) -> Option<Verdict> {
    let study = scene.study;
    if !is_worth_it(scene, calls) {
        return None;
    }
    let length_ns = study.segment.spans[calls[calls.len() / 2]].duration_ns();
    match unanswered {
        true => unanswered_calls(scene, calls, length_ns),
        false => answered_calls(scene, calls, length_ns),
    }
}

fn is_worth_it(scene: &Scene<'_, '_>, calls: &[usize]) -> bool {
    let limits = &scene.thresholds.timeouts;
    let spans = &scene.study.segment.spans;
    let wall_ns = scene.study.paths.of_set_ns(calls.iter().copied());
    let few = calls.len() < limits.calls_min;
    scene.is_worth(wall_ns)
        && !(few
            && (spans[calls[0]].duration_ns() < limits.few_ns_min
                || scene.share_of(wall_ns) < limits.few_share_min))
}

fn unanswered_calls(scene: &Scene<'_, '_>, calls: &[usize], length_ns: i64) -> Option<Verdict> {
    let study = scene.study;
    let spans = &study.segment.spans;
    let calls_min = scene.thresholds.timeouts.calls_min;
    let said = calls.iter().filter(|&&call| spans[call].remark == Remark::TimedOut).count();
    let known = known(study, calls[0], false, length_ns);
    let round = knowledge().timeouts.round(|ms| is_at(length_ns, ms));
    let many = calls.len() >= calls_min;
    let confidence = if said * 2 >= calls.len() {
        Confidence::VeryLikely
    } else if let Some(known) = known {
        let of_client = !known.languages.is_empty();
        if many || of_client { Confidence::Likely } else { Confidence::Possible }
    } else if round.is_some() && one_after_another(study, calls) >= calls_min {
        Confidence::Likely
    } else if round.is_some() && calls.iter().all(|&call| spans[call].status != Status::Error) {
        Confidence::Possible
    } else {
        return None;
    };
    let code = if many { "calls_time_out" } else { "call_timed_out" };
    let mut figures = vec![
        ("length", figures::duration(length_ns)),
        ("known", known_sentence(length_ns, known, round.is_some())),
        ("twice", if calls.len() == 2 { ", twice" } else { "" }.to_owned()),
        ("decides", decides(kind_of(&spans[calls[0]]))),
    ];
    let status = status_of(scene, calls, said);
    let mut facts = lengths(study, calls);
    facts.push((format!("{said} of {}", calls.len()), "say themselves that time was over".into()));
    figures.push(("status", status));
    Some(Verdict { code, confidence, figures, facts })
}

/// Calls that were answered: only a wait below them explains the length, and
/// only where no call of another length is near.
fn answered_calls(scene: &Scene<'_, '_>, calls: &[usize], length_ns: i64) -> Option<Verdict> {
    let study = scene.study;
    if calls.len() < scene.thresholds.timeouts.calls_min {
        return None;
    }
    let known = known(study, calls[0], true, length_ns)?;
    let others = others_to(study, calls);
    let limits = &scene.thresholds.timeouts;
    let quick_ns = length_ns / limits.quick_factor;
    let is_near = |nanos: &&i64| (quick_ns..length_ns.saturating_mul(2)).contains(*nanos);
    let near = others.iter().filter(is_near).count();
    if near as f64 > calls.len() as f64 * limits.near_share_max {
        return None;
    }
    let quick: Vec<i64> = others.iter().copied().filter(|nanos| *nanos < quick_ns).collect();
    let confidence = if quick.len() >= calls.len() / 2 && !quick.is_empty() {
        Confidence::Likely
    } else if is_exact(scene, calls, length_ns) && different(study, calls) >= limits.calls_min {
        Confidence::Possible
    } else {
        return None;
    };
    let others = match quick.get(quick.len() / 2) {
        Some(nanos) => format!("while others to it take {}", figures::duration(*nanos)),
        None => "whatever they ask for".to_owned(),
    };
    let mut facts = lengths(study, calls);
    if let Some(nanos) = quick.get(quick.len() / 2) {
        let count = figures::count(quick.len() as u64);
        facts
            .push((format!("{count} × {}", figures::duration(*nanos)), "other calls to it".into()));
    }
    let figures = vec![
        ("length", figures::duration(length_ns)),
        ("known", known_sentence(length_ns, Some(known), false)),
        ("others", others),
    ];
    Some(Verdict { code: "wait_before_answer", confidence, figures, facts })
}

/// What would tell why nothing came back.
fn decides(kind: &str) -> String {
    match kind {
        "database" => {
            "Whether the statement worked so long or waited for a lock is told by the database's \
             log of slow statements and of locks."
        }
        "connect" | "dns" => {
            "Whether anybody listens there, and whether packets come through, is told by the same \
             connection tried by hand from that host."
        }
        _ => {
            "Whether the other side has spans of it decides the rest: if it has, it is too slow; \
             if it has none, the way there is blocked, or the name leads to where nobody listens."
        }
    }
    .to_owned()
}

/// True for lengths that no work has by chance: long, and hardly apart.
fn is_exact(scene: &Scene<'_, '_>, calls: &[usize], length_ns: i64) -> bool {
    let (limits, spans) = (&scene.thresholds.timeouts, &scene.study.segment.spans);
    let ends = [calls[0], calls[calls.len() - 1]].map(|call| spans[call].duration_ns());
    length_ns >= limits.exact_ns_min && ends[1] - ends[0] <= length_ns / 100
}

/// The time-out that is known to be so long for calls like this one.
fn known(
    study: &Study<'_>,
    call: usize,
    goes_on: bool,
    length_ns: i64,
) -> Option<&'static Timeout> {
    let language = study.segment.facts.sdk.language.slug();
    let kind = kind_of(&study.segment.spans[call]);
    knowledge().timeouts.find(language, kind, goes_on, |ms| is_at(length_ns, ms))
}

/// A call ends at its time-out or a little later; clocks may round down.
pub(super) fn is_at(length_ns: i64, timeout_ms: i64) -> bool {
    let timeout_ns = timeout_ms * NANOS_PER_MILLI;
    (timeout_ns - timeout_ns / 100 - 5 * NANOS_PER_MILLI..=timeout_ns + timeout_ns / 33 + SLACK_NS)
        .contains(&length_ns)
}

pub(super) fn known_sentence(length_ns: i64, known: Option<&Timeout>, round: bool) -> String {
    let length = figures::duration(length_ns);
    match known {
        Some(timeout) => {
            let at = figures::duration(timeout.ms * NANOS_PER_MILLI);
            format!("{at} is {}.", timeout.what)
        }
        None if round => format!("{length} is a round number, as people set them."),
        None => format!("No client that is known here has {length} for a default."),
    }
}

fn status_of(scene: &Scene<'_, '_>, calls: &[usize], said: usize) -> String {
    let spans = &scene.study.segment.spans;
    let failed = calls.iter().any(|&call| spans[call].failed());
    let statuses = calls.iter().map(|&call| spans[call].http_status);
    match statuses.max().filter(|status| *status != 0) {
        Some(status) => format!("with status {status}"),
        None if said * 2 >= calls.len() => "with an error that says that time was over".to_owned(),
        None if failed => "with an error and without an answer".to_owned(),
        None => "without an answer".to_owned(),
    }
}

fn lengths(study: &Study<'_>, calls: &[usize]) -> Vec<(String, String)> {
    let spans = &study.segment.spans;
    let ends = [calls[0], calls[calls.len() - 1]].map(|call| spans[call].duration_ns());
    let [shortest, longest] = ends.map(|nanos| format!("{:.3} s", nanos as f64 / 1e9));
    match calls.len() {
        1 => vec![(shortest, "its length".to_owned())],
        _ => vec![(
            format!("{shortest} to {longest}"),
            "from the shortest to the longest of them".to_owned(),
        )],
    }
}

/// How many of them ran without another one at the same time.
fn one_after_another(study: &Study<'_>, calls: &[usize]) -> usize {
    let spans = &study.segment.spans;
    let mut by_end: Vec<usize> = calls.to_vec();
    by_end.sort_unstable_by_key(|&call| (spans[call].end, spans[call].start));
    let (mut count, mut until) = (0, None);
    for call in by_end {
        if until.is_none_or(|until| spans[call].start.plus(OVERLAP_NS) >= until) {
            count += 1;
            until = Some(spans[call].end);
        }
    }
    count
}

/// Durations of the other answered calls to the same target, in order.
fn others_to(study: &Study<'_>, calls: &[usize]) -> Vec<i64> {
    let spans = &study.segment.spans;
    let target = |call: usize| spans[call].call.as_ref().map(|call| without_numbers(&call.target));
    let class = |call: usize| spans[call].call.as_ref().map(|call| call.class);
    let of_target = (class(calls[0]), target(calls[0]));
    let mut among: Vec<usize> = calls.to_vec();
    among.sort_unstable();
    let mut others: Vec<i64> = (0..spans.len())
        .filter(|&call| class(call) == of_target.0 && target(call) == of_target.1)
        .filter(|call| among.binary_search(call).is_err())
        .map(|call| spans[call].duration_ns())
        .collect();
    others.sort_unstable();
    others
}

/// How many different things they ask for, as far as it is told.
fn different(study: &Study<'_>, calls: &[usize]) -> usize {
    let told = |call: &usize| (study.asked(*call), study.segment.spans[*call].name.clone());
    let mut asked: Vec<_> = calls.iter().map(told).collect();
    asked.sort_unstable();
    asked.dedup();
    asked.len()
}
