//! A trace view as the pieces that layouts work on.

use std::sync::Arc;

use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Class, LookupStep, Status};

use super::{FoldKey, HiddenTime, Piece};
use crate::trace_view::{TraceNode, TraceView};

/// Pieces in the order of the trace's nodes, and the time of its hidden calls.
pub fn pieces_of(trace: &TraceView) -> (Vec<Piece>, Vec<HiddenTime>) {
    let pieces = trace.nodes.iter().map(piece_of).collect();
    let hidden = trace
        .hidden
        .iter()
        .filter_map(|call| {
            let before = trace.nodes.get(call.before)?;
            Some(HiddenTime {
                parent: call.parent.or(before.parent)?,
                start: call.start.0,
                end: call.end.0,
                class: call.class,
                label: Arc::from(call.label.as_str()),
            })
        })
        .collect();
    (pieces, hidden)
}

/// What one lookup of a family is called: the family's subject, in the singular.
fn lookup_name(family: &str, class: Class) -> Arc<str> {
    match knowledge().families.get(family) {
        Some(known) => Arc::from(known.subject.strip_suffix('s').unwrap_or(&known.subject)),
        None => Arc::from(format!("{} lookup", class.label())),
    }
}

fn piece_of(node: &TraceNode) -> Piece {
    let span = &node.span;
    let call = span.call.as_deref();
    let label = label_of(node, call);
    let fold = fold_of(node, call);
    let run_label = match (&fold, call) {
        (FoldKey::Lookup(family), Some(call)) => lookup_name(family, call.class),
        _ => Arc::clone(&label),
    };
    Piece {
        span_id: span.span_id,
        parent: node.parent,
        inferred: node.inferred,
        start: span.start.0,
        end: span.end.0,
        label,
        run_label,
        service: Arc::clone(&span.service),
        class: node.class,
        counts: call.is_none_or(counts),
        fold,
        error: span.status == Status::Error || span.http_status >= 500,
        moment: span.is_error_event(),
        offender: node.offender,
        critical: node.critical_ns > 0,
    }
}

/// Of the calls of a lookup one counts it.
fn counts(call: &Call) -> bool {
    call.class != Class::CredentialLookup || call.step == Some(LookupStep::Credentials)
}

fn label_of(node: &TraceNode, call: Option<&Call>) -> Arc<str> {
    match call {
        Some(call) if call.kind == CallKind::Http && !call.operation.is_empty() => {
            match call.operation.split_once(' ') {
                Some((method, path)) => Arc::from(format!("{method} {}{path}", call.target)),
                None => Arc::from(call.operation.as_str()),
            }
        }
        Some(call) if !call.operation.is_empty() => Arc::from(call.operation.as_str()),
        _ if node.span.name.is_empty() => Arc::from("(no name)"),
        _ => Arc::clone(&node.span.name),
    }
}

/// Error events are told one by one; entry spans of other services too, unless
/// they repeat by name.
fn fold_of(node: &TraceNode, call: Option<&Call>) -> FoldKey {
    match call {
        _ if node.span.is_error_event() => FoldKey::Alone,
        Some(call) if call.class == Class::CredentialLookup => {
            FoldKey::Lookup(Arc::clone(&call.family))
        }
        Some(call) => FoldKey::Call(Arc::from(&*call.target), Arc::from(&*call.operation)),
        None => FoldKey::Name(Arc::clone(&node.span.name)),
    }
}
