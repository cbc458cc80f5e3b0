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

use crate::attribute::{Attributes, Value};
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
    let (mut resources, mut scopes) = (LastSeen::default(), LastSeen::default());
    for span in spans {
        changed += scrub_own(span);
        changed += resources.scrub(&mut span.resource, |resource| &mut resource.attributes);
        changed += scopes.scrub(&mut span.scope, |scope| &mut scope.attributes);
    }
    changed
}

/// What the span before shared, as it came and scrubbed.
struct LastSeen<T>(Option<(Arc<T>, Arc<T>)>);

impl<T> Default for LastSeen<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> LastSeen<T> {
    fn scrub(&mut self, shared: &mut Arc<T>, attributes: fn(&mut T) -> &mut Attributes) -> usize {
        if let Some((before, clean)) = &self.0
            && Arc::ptr_eq(before, shared)
        {
            *shared = Arc::clone(clean);
            return 0;
        }
        let before = Arc::clone(shared);
        let mut clean = T::clone(shared);
        let changed = scrub_attributes(attributes(&mut clean));
        if changed > 0 {
            *shared = Arc::new(clean);
        }
        self.0 = Some((before, Arc::clone(shared)));
        changed
    }
}

/// Scrubs attributes that belong to no database call.
pub fn scrub_attributes(attributes: &mut Attributes) -> usize {
    attributes
        .iter_mut()
        .map(|(key, value)| replace_value(value, |value| scrubbed_value(key, value)))
        .sum()
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

fn scrubbed_value(key: &str, value: &Value) -> Option<Value> {
    let (text, is_json) = match value {
        Value::Str(text) => (text, false),
        Value::Json(text) => (text, true),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => return None,
    };
    if keys::holds_secret(key) {
        let clean = text == SCRUBBED || text.is_empty();
        return (!clean).then(|| Value::Str(SCRUBBED.to_owned()));
    }
    let clean = text::scrubbed(text)?;
    Some(if is_json { Value::Json(clean) } else { Value::Str(clean) })
}

fn replace_value(value: &mut Value, clean: impl Fn(&Value) -> Option<Value>) -> usize {
    match clean(value) {
        Some(clean) => {
            *value = clean;
            1
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests;
