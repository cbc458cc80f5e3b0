//! What the digests of many spans have in common is held once: names, calls,
//! and what entry spans say about their process. An open span then weighs
//! little more than its digest. What is shared is not changed.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use hotspan_analysis::SpanDigest;
use hotspan_model::{Call, Sdk};

/// Texts, and calls, that are remembered. Beyond it all are forgotten: names
/// made from values would fill the memory, and the next spans teach it again.
const KNOWN_MAX: usize = 16_384;

/// What was seen lately.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: Known<str>,
    calls: Known<Call>,
    sdks: Known<Sdk>,
}

impl Shared {
    /// Puts what is known already in the place of what is equal to it.
    pub(super) fn share(&mut self, digest: &mut SpanDigest) {
        self.texts.share(&mut digest.name);
        if let Some(call) = &mut digest.call {
            self.calls.share(call);
        }
        // A digest that was just made has its facts to itself.
        if let Some(facts) = digest.entry_facts.as_mut().and_then(Arc::get_mut) {
            self.texts.share(&mut facts.endpoint.name);
            self.texts.share(&mut facts.environment);
            self.texts.share(&mut facts.release);
            self.sdks.share(&mut facts.sdk);
        }
    }
}

/// Values of one type.
#[derive(Debug)]
struct Known<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Known<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash> Known<T> {
    fn share(&mut self, value: &mut Arc<T>) {
        if let Some(known) = self.0.get(&**value) {
            *value = Arc::clone(known);
            return;
        }
        if self.0.len() >= KNOWN_MAX {
            self.0.clear();
        }
        self.0.insert(Arc::clone(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is equal is one afterwards, and nothing reads differently.
    #[test]
    fn equal_texts_are_one() {
        let mut known = Known::<str>::default();
        let mut texts: Vec<Arc<str>> =
            ["GET /a", "GET /b", "GET /a", ""].into_iter().map(Arc::from).collect();
        let before = texts.clone();
        texts.iter_mut().for_each(|text| known.share(text));
        assert_eq!(texts, before);
        for (one, other, same) in [(0, 2, true), (0, 1, false), (1, 3, false)] {
            assert_eq!(Arc::ptr_eq(&texts[one], &texts[other]), same, "{one} {other}");
        }
    }

    #[test]
    fn a_flood_of_texts_is_forgotten() {
        let mut known = Known::<str>::default();
        for number in 0..2 * KNOWN_MAX {
            known.share(&mut Arc::from(number.to_string()));
            assert!(known.0.len() <= KNOWN_MAX);
        }
    }
}
