//! The content hash: equal for two copies of the same span, however they came.
//! What is done with copies is not decided here.

use std::sync::Arc;

use hotspan_model::{Attributes, Event, Link, Resource, Scope, Span, Value};
use twox_hash::XxHash3_128;

/// Hashes everything a span says, its resource and scope included. The order
/// of attributes does not count, nor does the door or what was derived from
/// the span on arrival.
pub fn content_hash(span: &Span) -> u128 {
    Hasher::default().span(span)
}

/// [`content_hash`] of each span; cheaper than one by one because neighbours
/// share their resource and scope.
pub fn content_hashes(spans: &[Span]) -> Vec<u128> {
    let mut hasher = Hasher::default();
    spans.iter().map(|span| hasher.span(span)).collect()
}

/// Writes one span at a time into a buffer, every part with its length so that
/// no two spans can run into the same bytes.
#[derive(Default)]
struct Hasher {
    buffer: Vec<u8>,
    resource: Option<(Arc<Resource>, u128)>,
    scope: Option<(Arc<Scope>, u128)>,
}

impl Hasher {
    fn span(&mut self, span: &Span) -> u128 {
        let origin = [self.resource(&span.resource), self.scope(&span.scope)];
        self.buffer.clear();
        origin.iter().for_each(|hash| self.buffer.extend(hash.to_le_bytes()));
        self.text(&span.service);
        self.buffer.extend(span.trace_id.0);
        self.buffer.extend(span.span_id.0);
        self.buffer.extend(span.parent.unwrap_or_default().0);
        self.text(&span.name);
        self.number(span.kind as i64);
        self.number(span.start.0);
        self.number(span.end.0);
        self.number(span.status as i64);
        self.text(&span.status_message);
        self.attributes(&span.attributes);
        self.number(span.events.len() as i64);
        span.events.iter().for_each(|event| self.event(event));
        self.number(span.links.len() as i64);
        span.links.iter().for_each(|link| self.link(link));
        self.number(i64::from(span.flags));
        self.text(&span.trace_state);
        self.number(i64::from(span.dropped_attributes));
        self.number(i64::from(span.dropped_events));
        self.number(i64::from(span.dropped_links));
        XxHash3_128::oneshot(&self.buffer)
    }

    fn resource(&mut self, resource: &Arc<Resource>) -> u128 {
        if let Some((known, hash)) = &self.resource
            && Arc::ptr_eq(known, resource)
        {
            return *hash;
        }
        self.buffer.clear();
        self.attributes(&resource.attributes);
        let hash = XxHash3_128::oneshot(&self.buffer);
        self.resource = Some((Arc::clone(resource), hash));
        hash
    }

    fn scope(&mut self, scope: &Arc<Scope>) -> u128 {
        if let Some((known, hash)) = &self.scope
            && Arc::ptr_eq(known, scope)
        {
            return *hash;
        }
        self.buffer.clear();
        self.text(&scope.name);
        self.text(&scope.version);
        self.attributes(&scope.attributes);
        let hash = XxHash3_128::oneshot(&self.buffer);
        self.scope = Some((Arc::clone(scope), hash));
        hash
    }

    fn event(&mut self, event: &Event) {
        self.number(event.time.0);
        self.text(&event.name);
        self.attributes(&event.attributes);
        self.number(i64::from(event.dropped_attributes));
    }

    fn link(&mut self, link: &Link) {
        self.buffer.extend(link.trace_id.0);
        self.buffer.extend(link.span_id.0);
        self.text(&link.trace_state);
        self.attributes(&link.attributes);
        self.number(i64::from(link.dropped_attributes));
    }

    /// In key order. The sort is stable: of a repeated key only the first
    /// counts, so the order among equal keys does say something.
    fn attributes(&mut self, attributes: &Attributes) {
        let mut pairs: Vec<_> = attributes.iter().collect();
        pairs.sort_by_key(|(key, _)| *key);
        self.number(pairs.len() as i64);
        for (key, value) in pairs {
            self.text(key);
            self.value(value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Str(text) => self.tagged(0, text.as_bytes()),
            Value::Int(number) => self.tagged(1, &number.to_le_bytes()),
            Value::Float(number) => self.tagged(2, &number.to_bits().to_le_bytes()),
            Value::Bool(truth) => self.tagged(3, &[u8::from(*truth)]),
            Value::Json(text) => self.tagged(4, text.as_bytes()),
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.buffer.push(tag);
        self.number(bytes.len() as i64);
        self.buffer.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.buffer.extend(number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
