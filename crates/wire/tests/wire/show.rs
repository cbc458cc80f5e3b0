//! Decoded requests as text, for snapshots and comparisons.

use std::fmt::Write;

use hotspan_model::{Attributes, Span, SpanId};
use hotspan_wire::Decoded;

/// Everything of a decoded request, one line per span, rejection and count.
pub(crate) fn decoded(decoded: &Decoded) -> String {
    let mut text = String::new();
    let mut resource = None;
    for (item, span) in decoded.span_items().zip(&decoded.spans) {
        let of_span = attributes(&span.resource.attributes);
        if resource.as_ref() != Some(&of_span) {
            line(&mut text, format_args!("resource {} {of_span}", span.service));
            resource = Some(of_span);
        }
        line(&mut text, format_args!("{item} {}", self::span(span)));
    }
    for rejection in &decoded.rejections {
        let (item, reason, message) = (rejection.item, rejection.reason, &rejection.message);
        line(&mut text, format_args!("{item} rejected {reason}: {message}"));
    }
    for (reason, quantity) in &decoded.dropped {
        line(&mut text, format_args!("dropped {reason} {quantity}"));
    }
    for (name, quantity) in &decoded.counts {
        line(&mut text, format_args!("count {name} {quantity}"));
    }
    for (reason, category, quantity) in &decoded.client_losses {
        line(&mut text, format_args!("client lost {quantity} {category}: {reason}"));
    }
    if let Some(id) = &decoded.event_id {
        line(&mut text, format_args!("event id {id}"));
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let line = line.to_string();
    writeln!(text, "{}", line.trim_end()).expect("writing to a String cannot fail");
}

/// One span with everything that is not empty.
pub(crate) fn span(span: &Span) -> String {
    let parent = span.parent.map_or("-".to_owned(), |id| id.to_string());
    let mut text = format!(
        "{} {}<{parent} {} {:?} {}+{} {} {:?}",
        span.trace_id,
        span.span_id,
        span.kind.slug(),
        span.name,
        span.start,
        micros(span),
        span.status.slug(),
        span.entry,
    );
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            text += &format!(" {name}={value}");
        }
    };
    add("message", span.status_message.clone());
    add("scope", format!("{} {}", span.scope.name, span.scope.version).trim().to_owned());
    add("scope_attributes", attributes(&span.scope.attributes));
    add("state", span.trace_state.clone());
    if span.weight != 1.0 {
        add("weight", span.weight.to_string());
    }
    if span.flags != 0 {
        add("flags", format!("{:x}", span.flags));
    }
    let dropped = [span.dropped_attributes, span.dropped_events, span.dropped_links];
    if dropped != [0; 3] {
        add("dropped", format!("{dropped:?}"));
    }
    text += &format!(" {}", attributes(&span.attributes));
    for event in &span.events {
        text += &format!(" event {}@{} {}", event.name, event.time, attributes(&event.attributes));
    }
    for link in &span.links {
        text +=
            &format!(" link {}/{} {}", link.trace_id, link.span_id, attributes(&link.attributes));
    }
    text
}

fn micros(span: &Span) -> String {
    format!("{}us", span.duration_ns() / 1_000)
}

fn attributes(attributes: &Attributes) -> String {
    if attributes.is_empty() {
        return String::new();
    }
    let pairs: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    format!("{{{}}}", pairs.join(" "))
}

/// The shape of a trace: names under names, without ids and times.
pub(crate) fn outline(spans: &[Span]) -> String {
    let mut text = String::new();
    let known = |id: SpanId| spans.iter().any(|span| span.span_id == id);
    let is_root = |span: &Span| span.parent.is_none_or(|parent| !known(parent));
    for root in spans.iter().filter(|span| is_root(span)) {
        below(root, 0, spans, &mut text);
    }
    text
}

fn below(span: &Span, depth: usize, spans: &[Span], text: &mut String) {
    let (indent, kind) = ("  ".repeat(depth), span.kind.slug());
    let keys: Vec<_> = span.attributes.iter().map(|(key, _)| key).collect();
    line(text, format_args!("{indent}{kind} {} [{}]", span.name, keys.join(" ")));
    for child in spans {
        if child.parent == Some(span.span_id) && child.trace_id == span.trace_id {
            below(child, depth + 1, spans, text);
        }
    }
}
