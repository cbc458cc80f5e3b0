//! The connections that a segment opens: which spans are steps of one, to which
//! host, and how many there had to be.

use std::collections::BTreeMap;

use hotspan_model::CallKind;

use crate::classify::set_up::{ACQUIRE, CONNECT};
use crate::digest::SpanDigest;
use crate::lookups::LookupCall;
use crate::repeats::Series;
use crate::study::Study;

/// Connections to one host.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Every span of opening them, by start, those in another left out.
    pub(super) spans: Vec<usize>,
    /// Of them those that a connection is counted by.
    pub(super) connections: Vec<usize>,
}

/// The connections a segment opens, by host.
pub(super) fn opened<'s>(study: &Study<'s>) -> BTreeMap<&'s str, Opened> {
    let spans = &study.segment.spans;
    let mut hosts: BTreeMap<&'s str, Opened> = BTreeMap::new();
    if !spans.iter().any(is_set_up) {
        return hosts;
    }
    let lookups = hosts_of_lookups(study);
    for &span in study.tree.order.iter().filter(|&&span| is_set_up(&spans[span])) {
        let inside = study.tree.parents[span].is_some_and(|parent| is_set_up(&spans[parent]));
        let host = host_of(study, span);
        // Names that are not told may be different ones.
        let known = !host.is_empty() && !lookups.contains(&host);
        if inside || study.lookups.owners[span].is_some() || !known {
            continue;
        }
        hosts.entry(host).or_default().spans.push(span);
    }
    for opened in hosts.values_mut() {
        opened.spans.sort_unstable_by_key(|&span| (spans[span].start, span));
        opened.connections = counted(study, &opened.spans);
    }
    hosts
}

/// Opening a connection or a part of it; waiting for a pool is none.
fn is_set_up(span: &SpanDigest) -> bool {
    span.call.as_ref().is_some_and(|call| match call.kind {
        CallKind::Dns => true,
        CallKind::Connect => call.operation != ACQUIRE,
        _ => false,
    })
}

fn hosts_of_lookups<'s>(study: &Study<'s>) -> Vec<&'s str> {
    let families = study.lookups.families.iter();
    let calls = families.flat_map(|found| &found.calls);
    let call = |call: &LookupCall| study.segment.spans[call.span].call.as_ref();
    let mut hosts: Vec<&str> =
        calls.filter_map(call).map(|call| call.target.as_str()).filter(|h| !h.is_empty()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// Whom it connects to: the call that it is a part of knows best, because
/// some spans have an address for a host, or nothing.
fn host_of<'s>(study: &Study<'s>, span: usize) -> &'s str {
    let mut host = "";
    let mut at = Some(span);
    while let Some(call) = at.and_then(|span| study.segment.spans[span].call.as_ref()) {
        if !call.target.is_empty() {
            host = &call.target;
        }
        if !matches!(call.kind, CallKind::Connect | CallKind::Dns) {
            break;
        }
        at = at.and_then(|span| study.tree.parents[span]);
    }
    host
}

/// One span of each connection: the steps are counted by connecting where that
/// has spans, else by encrypting, else by resolving.
fn counted(study: &Study<'_>, set_ups: &[usize]) -> Vec<usize> {
    let step = |span: &usize| {
        let call = study.segment.spans[*span].call.as_ref();
        call.map_or(2, |call| match call.kind {
            CallKind::Connect if call.operation == CONNECT => 0,
            CallKind::Connect => 1,
            _ => 2,
        })
    };
    // Of nested steps only the outermost is among them.
    let first = set_ups.iter().map(step).min().unwrap_or(2);
    let is_first = |span: &&usize| step(span) == first || (first == 0 && covers(study, **span));
    set_ups.iter().filter(is_first).copied().collect()
}

/// True when a step of its own lies in the span: Node.js connects inside TLS.
fn covers(study: &Study<'_>, span: usize) -> bool {
    let children = study.tree.children[span].iter();
    children.copied().any(|child| is_set_up(&study.segment.spans[child]))
}

/// How many connections were in use at one time: as many as calls to the host
/// or, where a database is called by its name, as all calls.
pub(super) fn needed(study: &Study<'_>, host: &str, opened: &Opened) -> usize {
    let spans = &study.segment.spans;
    let calls = |to_host: bool| -> Vec<usize> {
        let is_call = |span: &usize| {
            spans[*span].call.as_ref().is_some_and(|call| {
                let connects = matches!(call.kind, CallKind::Connect | CallKind::Dns);
                !connects && (!to_host || call.target == host)
            })
        };
        // Spans of a segment are by their start.
        (0..spans.len()).filter(is_call).collect()
    };
    let mut using = calls(true);
    if using.is_empty() {
        using = calls(false);
    }
    let at_once = |calls: &[usize]| Series::new(study, calls).at_once();
    at_once(&using).max(at_once(&opened.connections))
}
