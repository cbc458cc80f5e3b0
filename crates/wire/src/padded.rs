//! Ids as Jaeger and Zipkin write them: hex without leading zeros, and trace
//! ids of 64 bits beside those of 128.

use hotspan_model::{SpanId, TraceId};

/// A trace id, padded with zeros on the left as both tools do. Zero for an
/// empty text; `None` for a text that is no id.
pub(crate) fn trace_id(text: &str) -> Option<TraceId> {
    padded::<32>(text)?.parse().ok()
}

/// A span id, padded like [`trace_id`].
pub(crate) fn span_id(text: &str) -> Option<SpanId> {
    padded::<16>(text)?.parse().ok()
}

fn padded<const DIGITS: usize>(text: &str) -> Option<String> {
    let fits = text.len() <= DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| format!("{text:0>DIGITS$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for (text, id) in [
            ("", Some("00000000000000000000000000000000")),
            ("0", Some("00000000000000000000000000000000")),
            ("5b2b8a9b1c", Some("00000000000000000000005b2b8a9b1c")),
            ("352BFF9A74CA9AD2", Some("0000000000000000352bff9a74ca9ad2")),
            ("5af7183fb1d4cf5f352bff9a74ca9ad2", Some("5af7183fb1d4cf5f352bff9a74ca9ad2")),
            ("5af7183fb1d4cf5f352bff9a74ca9ad2a", None),
            ("352bff-9a74ca9ad2", None),
            ("+352bff", None),
            ("trace", None),
        ] {
            assert_eq!(trace_id(text).map(|id| id.to_string()).as_deref(), id, "{text}");
        }
        assert_eq!(span_id("2").map(|id| id.to_string()).as_deref(), Some("0000000000000002"));
        assert_eq!(span_id("352bff9a74ca9ad21"), None);
    }
}
