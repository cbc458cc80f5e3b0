//! How much of one request is read. Every list has a bound because a few bytes
//! on the wire become a hundred in memory.

use hotspan_model::Span;

use crate::decoded::RequestError;

/// Spans in one request, the rejected ones included. The biggest batches of
/// collectors have 8,192.
pub(crate) const SPANS_MAX: usize = 250_000;

/// Attributes, events and links of everything in one request together.
pub(crate) const PARTS_MAX: usize = 4_000_000;

/// Attributes, events or links of one span, resource or scope; SDKs stop at 128.
pub(crate) const PER_LIST_MAX: usize = 1_024;

/// Bytes of one attribute's value, nested values counted as JSON text.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Lists and maps inside each other in one attribute's value.
pub(crate) const DEPTH_MAX: usize = 32;

/// Bytes of one Sentry item. SDKs stop at 1 MB.
pub(crate) const ITEM_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most requests a sampled span can stand for. Sampling below one in a
/// million is a mistake, and one such span would drown every other.
const WEIGHT_MAX: f64 = 1_000_000.0;

/// How many requests a span stands for when each was kept with `probability`.
/// Anything that is no probability means not sampled.
pub(crate) fn weight_of(probability: f64) -> f64 {
    if probability > 0.0 && probability <= 1.0 { (1.0 / probability).min(WEIGHT_MAX) } else { 1.0 }
}

/// What is left of the request's bounds.
pub(crate) struct Budget {
    spans_left: usize,
    parts_left: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { spans_left: SPANS_MAX, parts_left: PARTS_MAX }
    }

    /// Pays for one more span or unreadable item, before it is read.
    pub(crate) fn pay_item(&mut self) -> Result<(), RequestError> {
        self.spans_left = self
            .spans_left
            .checked_sub(1)
            .ok_or(RequestError::TooMany { what: "spans", limit: SPANS_MAX })?;
        Ok(())
    }

    /// Pays for what a span holds, after it was read.
    pub(crate) fn pay_span(&mut self, span: &Span) -> Result<(), RequestError> {
        let of_events: usize = span.events.iter().map(|e| 1 + e.attributes.len()).sum();
        let of_links: usize = span.links.iter().map(|l| 1 + l.attributes.len()).sum();
        self.pay_parts(span.attributes.len() + of_events + of_links)
    }

    /// Pays for attributes, events and links, after they were read.
    pub(crate) fn pay_parts(&mut self, parts: usize) -> Result<(), RequestError> {
        self.parts_left = self.parts_left.checked_sub(parts).ok_or(RequestError::TooMany {
            what: "attributes, events and links",
            limit: PARTS_MAX,
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        for (probability, weight) in [
            (1.0, 1.0),
            (0.25, 4.0),
            (0.0, 1.0),
            (-1.0, 1.0),
            (7.0, 1.0),
            (f64::NAN, 1.0),
            (1e-300, WEIGHT_MAX),
        ] {
            assert_eq!(weight_of(probability), weight, "{probability}");
        }
    }
}
