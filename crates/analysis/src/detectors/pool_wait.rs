//! Looks for time spent waiting for a connection of a pool or for a lock.
//!
//! ```text
//! GET /page
//!   pg-pool.connect  ├──── 340 ms ────┤           nothing is opened in it:
//!   SELECT users                       ├┤         all connections are taken
//!
//! POST /order
//!   SELECT … FOR UPDATE ├────── 2.1 s ──────┤     the row, or the name, is
//!   SELECT GET_LOCK(…)  ├────── 2.1 s ──────┤     locked by somebody else
//!   mutex.lock          ├────── 2.1 s ──────┤
//! ```
//!
//! A wait in which a connection is opened is that connection's. A wait may
//! also be for one that is opened and has no span; so a single one must be long. Statements that only fail or pass by (`NOWAIT`, `SKIP
//! LOCKED`) do not wait.

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Class, Confidence, SpanKind};

use super::Detector;
use super::finding::{Amount, Draft};
use super::repetition::{class_of, identity_of, name_of_call};
use super::scene::Scene;
use crate::classify::set_up::ACQUIRE;
use crate::digest::SpanDigest;
use crate::repeats::operation_key;
use crate::study::Study;
use crate::{figures, wording};

pub(super) const DETECTOR: Detector = Detector {
    slug: "pool-wait",
    title: "Waiting for a connection of a pool or for a lock",
    unit: ("wait", "waits"),
    in_segment,
    uses: None,
    in_profile: None,
};

/// A pool of which no span tells whom it is for.
const POOL: &str = "a pool";

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    /// A connection of a pool.
    Connection,
    /// A row or a table, which the statement reads as well.
    Row,
    /// A lock that is asked for by name.
    Lock,
}

fn in_segment(scene: &mut Scene<'_, '_>) {
    let study = scene.study;
    let mut waits: Vec<(Wait, u64, usize)> = study
        .tree
        .order
        .iter()
        .filter(|&&span| scene.is_free(span))
        .filter_map(|&span| Some((wait_of(scene, span)?, key_of(study, span), span)))
        .collect();
    waits.sort_unstable();
    for same in waits.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let mut spans: Vec<usize> = same.iter().map(|wait| wait.2).collect();
        spans.sort_unstable_by_key(|&span| (study.segment.spans[span].start, span));
        report(scene, same[0].0, &spans);
    }
}

/// What the span waits for, if it waits long enough to count.
fn wait_of(scene: &Scene<'_, '_>, span: usize) -> Option<Wait> {
    let (study, limits) = (scene.study, &scene.thresholds.waits);
    let digest = &study.segment.spans[span];
    let own_ns = study.paths.own_ns(span);
    if own_ns < limits.wait_ns_min || digest.is_error_event() {
        return None;
    }
    let connections = &knowledge().connections;
    let leaf = study.tree.children[span].is_empty();
    match &digest.call {
        Some(call) if call.kind == CallKind::Connect && call.operation == ACQUIRE => {
            (!opens(study, span)).then_some(Wait::Connection)
        }
        Some(call) if call.kind == CallKind::Database && digest.traits.locks => {
            // A statement without a table does nothing but lock.
            let reads = !knowledge().natural.is_statement(&call.operation);
            Some(if reads { Wait::Row } else { Wait::Lock })
        }
        Some(call) => connections.is_lock_procedure(&call.operation).then_some(Wait::Lock),
        None => {
            let waits = leaf && digest.kind == SpanKind::Internal;
            (waits && connections.is_lock(&digest.name)).then_some(Wait::Lock)
        }
    }
    .filter(|wait| *wait == Wait::Connection || own_ns >= limits.lock_ns_min)
}

/// True when a connection is opened inside the span.
fn opens(study: &Study<'_>, span: usize) -> bool {
    study.tree.order[study.paths.below(span)].iter().skip(1).any(|&below| {
        let call = study.segment.spans[below].call.as_ref();
        call.is_some_and(|call| matches!(call.kind, CallKind::Connect | CallKind::Dns))
    })
}

/// Calls by what they do, spans by their name.
fn key_of(study: &Study<'_>, span: usize) -> u64 {
    let digest = &study.segment.spans[span];
    match digest.call {
        Some(_) => operation_key(digest),
        None => crate::repeats::without_numbers(&digest.name),
    }
}

fn report(scene: &mut Scene<'_, '_>, wait: Wait, spans: &[usize]) {
    let study = scene.study;
    let waited = spans.iter().map(|&span| study.paths.own_ns(span));
    let wall_ns = waited.fold(0, |sum: i64, nanos| sum.saturating_add(nanos));
    let share = scene.share_of(wall_ns);
    if !scene.is_worth(wall_ns) || share < scene.thresholds.waits.share_min {
        return;
    }
    let Some((code, confidence)) = cause_of(scene, wait, spans) else {
        return;
    };
    let first = &study.segment.spans[spans[0]];
    let name = name_of(first, wait);
    let longest = spans.iter().map(|&span| study.paths.own_ns(span)).max().unwrap_or(0);
    let count = figures::count(spans.len() as u64);
    let told = [
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("times", times(spans.len())),
        ("name", if wait == Wait::Connection { pool_of(&name) } else { name.clone() }),
        ("longest", figures::duration(longest)),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(share)),
    ];
    let facts = vec![
        (count, "waits".to_owned()),
        (figures::duration(longest), "the longest of them".to_owned()),
    ];
    let [target, operation] = identity_of(first);
    let draft = Draft {
        detector: DETECTOR.slug,
        class: class_of(first),
        family: format!("{} {target} {operation}", DETECTOR.slug),
        subject: match wait {
            Wait::Connection => format!("Waiting for a connection: {name}"),
            Wait::Row | Wait::Lock => format!("Waiting for a lock: {name}"),
        },
        cause: wording::cause(code, confidence, &told, facts),
        fixes: wording::fixes(code, "", study.segment.facts.sdk.language),
        templates: vec![name],
        identity: vec![target, operation],
    };
    let amount = Amount {
        lookups: spans.len() as f64,
        calls: spans.len() as f64,
        wall_ns,
        hidden_ns: 0,
        evidence: spans.iter().map(|&span| study.segment.spans[span].span_id).collect(),
    };
    let finding = draft.in_trace(study, amount);
    scene.report(finding, spans.iter().copied());
}

fn cause_of(
    scene: &Scene<'_, '_>,
    wait: Wait,
    spans: &[usize],
) -> Option<(&'static str, Confidence)> {
    let (study, limits) = (scene.study, &scene.thresholds.waits);
    match wait {
        // A span that is only called so may do more than wait.
        Wait::Lock if study.segment.spans[spans[0]].call.is_none() => {
            Some(("lock_wait", Confidence::Likely))
        }
        Wait::Lock => Some(("lock_wait", Confidence::VeryLikely)),
        // The statement itself may be slow.
        Wait::Row => Some(("row_lock_wait", Confidence::Possible)),
        Wait::Connection => {
            let as_long_as = |nanos: i64| {
                spans.iter().filter(|&&span| study.paths.own_ns(span) >= nanos).count()
            };
            let gave_up = spans.iter().any(|&span| study.segment.spans[span].failed());
            if gave_up || as_long_as(limits.long_ns_min) > 1 {
                Some(("pool_exhausted", Confidence::Likely))
            } else if as_long_as(limits.single_ns_min) > 0 || spans.len() >= limits.waits_min {
                Some(("pool_exhausted", Confidence::Possible))
            } else {
                None
            }
        }
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", figures::count(more as u64)),
    }
}

fn pool_of(name: &str) -> String {
    if name == POOL { name.to_owned() } else { format!("the pool of {name}") }
}

fn name_of(span: &SpanDigest, wait: Wait) -> String {
    let target = span.call.as_ref().map_or("", |call| &call.target);
    match wait {
        Wait::Connection if !target.is_empty() => {
            hotspan_model::normalise::url::path_template(target)
        }
        Wait::Connection => POOL.to_owned(),
        _ if class_of(span) == Class::Own => span.name.to_string(),
        // Of a function that locks only its verb is left.
        Wait::Lock if !name_of_call(span).contains([' ', '/']) => {
            format!("{} (a lock by name)", name_of_call(span))
        }
        _ => name_of_call(span),
    }
}
