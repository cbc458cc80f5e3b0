//! The content hash: equal for two copies of the same span, however they came.
//! What is done with copies is not decided here.

use std::sync::Arc;

use hotspan_model::{Attributes, Event, Joined, Link, Resource, Scalar, Scope, Span};
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

/// Shared things that are remembered; spans of a few instrumentations take turns.
const SEEN_MAX: usize = 8;

/// Hashes of what spans share.
struct Seen<T> {
    hashes: Vec<(Arc<T>, u128)>,
    next: usize,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { hashes: Vec::new(), next: 0 }
    }
}

impl<T> Seen<T> {
    fn hash(&mut self, shared: &Arc<T>, hash: impl FnOnce(&T) -> u128) -> u128 {
        if let Some((_, hash)) = self.hashes.iter().find(|(seen, _)| Arc::ptr_eq(seen, shared)) {
            return *hash;
        }
        let hash = hash(shared);
        let pair = (Arc::clone(shared), hash);
        match self.hashes.get_mut(self.next) {
            Some(oldest) => *oldest = pair,
            None => self.hashes.push(pair),
        }
        self.next = (self.next + 1) % SEEN_MAX;
        hash
    }
}

/// Hashes one span after the other.
#[derive(Default)]
struct Hasher {
    canonical: Canonical,
    resources: Seen<Resource>,
    scopes: Seen<Scope>,
}

impl Hasher {
    fn span(&mut self, span: &Span) -> u128 {
        let out = &mut self.canonical;
        let resource = self.resources.hash(&span.resource, |resource| {
            out.begin();
            out.attributes(&resource.attributes);
            out.hash()
        });
        let scope = self.scopes.hash(&span.scope, |scope| {
            out.begin();
            out.text(&scope.name);
            out.text(&scope.version);
            out.attributes(&scope.attributes);
            out.hash()
        });
        out.begin();
        out.bytes(&resource.to_le_bytes());
        out.bytes(&scope.to_le_bytes());
        out.span(span);
        out.hash()
    }
}

/// A span's own bytes, every part with its length so that no two spans can run
/// into the same ones.
#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn begin(&mut self) {
        self.0.clear();
    }

    fn hash(&self) -> u128 {
        XxHash3_128::oneshot(&self.0)
    }

    fn span(&mut self, span: &Span) {
        self.text(&span.service);
        self.bytes(&span.trace_id.0);
        self.bytes(&span.span_id.0);
        self.bytes(&span.parent.unwrap_or_default().0);
        self.text(&span.name);
        self.bytes(&[span.kind as u8, span.status as u8]);
        self.number(span.start.0);
        self.number(span.end.0);
        self.text(&span.status_message);
        self.attributes(&span.attributes);
        self.number(span.events.len() as i64);
        span.events.iter().for_each(|event| self.event(event));
        self.number(span.links.len() as i64);
        span.links.iter().for_each(|link| self.link(link));
        self.text(&span.trace_state);
        for count in [span.flags, span.dropped_attributes, span.dropped_events, span.dropped_links]
        {
            self.bytes(&count.to_le_bytes());
        }
    }

    fn event(&mut self, event: &Event) {
        self.number(event.time.0);
        self.text(&event.name);
        self.attributes(&event.attributes);
        self.bytes(&event.dropped_attributes.to_le_bytes());
    }

    fn link(&mut self, link: &Link) {
        self.bytes(&link.trace_id.0);
        self.bytes(&link.span_id.0);
        self.text(&link.trace_state);
        self.attributes(&link.attributes);
        self.bytes(&link.dropped_attributes.to_le_bytes());
    }

    /// The sum of the hashes of the pairs, which is the same in every order
    /// and costs a fraction of sorting them.
    fn attributes(&mut self, attributes: &Attributes) {
        let sum = attributes.joined().map(hash_of_pair).fold(0, u128::wrapping_add);
        self.number(attributes.len() as i64);
        self.bytes(&sum.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// The type and a number go into the seed, and for texts where the key ends.
fn hash_of_pair(pair: Joined<'_>) -> u128 {
    let (tag, number): (u64, u64) = match pair.scalar {
        Scalar::Str => (1, pair.key_bytes as u64),
        Scalar::Json => (2, pair.key_bytes as u64),
        Scalar::Int(number) => (3, number as u64),
        Scalar::Float(number) => (4, number.to_bits()),
        Scalar::Bool(truth) => (5, u64::from(truth)),
    };
    // An odd factor maps no two numbers of a type to one seed.
    let seed = (number ^ tag.rotate_right(8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    XxHash3_128::oneshot_with_seed(seed, pair.bytes)
}

#[cfg(test)]
mod tests;
