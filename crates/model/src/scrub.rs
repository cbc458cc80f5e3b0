//! Takes secrets out of spans before they are stored: literals of SQL and of
//! other query languages, signed URLs, passwords, tokens, credential headers.
//! Pure functions of spans; what is dropped or kept as a whole is not decided here.
//!
//! Rather one value too many than one too few: nothing in Hotspan reads the
//! values that go.

mod keys;
mod query;
mod text;

use std::sync::Arc;

use crate::attribute::{Attributes, Value, ValueRef};
use crate::span::Span;

/// What stands where a secret stood.
pub const SCRUBBED: &str = "[scrubbed]";

/// Replaces every secret of a span, its events and links included, and returns
/// how many texts changed. Scrubbing twice changes nothing.
pub fn scrub(span: &mut Span) -> usize {
    scrub_all(std::slice::from_mut(span))
}

/// Scrubs many spans. Spans that share a resource or a scope share it
/// afterwards too, and it is looked at once.
pub fn scrub_all(spans: &mut [Span]) -> usize {
    let mut changed = 0;
    let (mut resources, mut scopes) = (Seen::default(), Seen::default());
    for span in spans {
        changed += scrub_own(span);
        changed += resources.scrub(&mut span.resource, |r| &r.attributes, |r| &mut r.attributes);
        changed += scopes.scrub(&mut span.scope, |s| &s.attributes, |s| &mut s.attributes);
    }
    changed
}

/// Shared things that are remembered; spans of a few instrumentations take turns.
const SEEN_MAX: usize = 8;

/// What spans before shared, as it came and scrubbed.
struct Seen<T> {
    pairs: Vec<(Arc<T>, Arc<T>)>,
    next: usize,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { pairs: Vec::new(), next: 0 }
    }
}

impl<T: Clone> Seen<T> {
    fn scrub(
        &mut self,
        shared: &mut Arc<T>,
        read: fn(&T) -> &Attributes,
        write: fn(&mut T) -> &mut Attributes,
    ) -> usize {
        if let Some((_, clean)) = self.pairs.iter().find(|(seen, _)| Arc::ptr_eq(seen, shared)) {
            *shared = Arc::clone(clean);
            return 0;
        }
        let before = Arc::clone(shared);
        let mut changed = 0;
        if read(shared).iter().any(|(key, value)| scrubbed_value(key, value).is_some()) {
            changed = scrub_attributes(write(Arc::make_mut(shared)));
        }
        let pair = (before, Arc::clone(shared));
        match self.pairs.get_mut(self.next) {
            Some(oldest) => *oldest = pair,
            None => self.pairs.push(pair),
        }
        self.next = (self.next + 1) % SEEN_MAX;
        changed
    }
}

/// Scrubs attributes that belong to no database call.
pub fn scrub_attributes(attributes: &mut Attributes) -> usize {
    attributes.replace_values(scrubbed_value)
}

fn scrub_own(span: &mut Span) -> usize {
    let mut changed = query::scrub_queries(span);
    changed += scrub_text(&mut span.name);
    changed += scrub_text(&mut span.status_message);
    changed += scrub_attributes(&mut span.attributes);
    for event in &mut span.events {
        changed += scrub_text(&mut event.name) + scrub_attributes(&mut event.attributes);
    }
    for link in &mut span.links {
        changed += scrub_attributes(&mut link.attributes);
    }
    changed
}

fn scrub_text(text: &mut String) -> usize {
    match text::scrubbed(text) {
        Some(clean) => {
            *text = clean;
            1
        }
        None => 0,
    }
}

fn scrubbed_value(key: &str, value: ValueRef<'_>) -> Option<Value> {
    let (text, is_json) = match value {
        ValueRef::Str(text) => (text, false),
        ValueRef::Json(text) => (text, true),
        ValueRef::Int(_) | ValueRef::Float(_) | ValueRef::Bool(_) => return None,
    };
    if keys::holds_secret(key) {
        let clean = text == SCRUBBED || text.is_empty();
        return (!clean).then(|| Value::Str(SCRUBBED.to_owned()));
    }
    let clean = text::scrubbed(text)?;
    Some(if is_json { Value::Json(clean) } else { Value::Str(clean) })
}

#[cfg(test)]
mod tests;
