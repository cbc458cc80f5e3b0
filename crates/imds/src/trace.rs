//! Which trace a request belongs to, from the headers that tracing SDKs add to
//! every request of an application, those for credentials too. Whoever can
//! connect can send them, so only what is well-formed counts, and no more is
//! read of them than a sender that keeps to the rules would write.

use http::{HeaderMap, HeaderName};

use crate::record::header;

/// Known beforehand, so that a name is not parsed for every request.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const SENTRY_TRACE: HeaderName = HeaderName::from_static("sentry-trace");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What the specification of `baggage` lets a sender write.
const BAGGAGE_BYTES_MAX: usize = 8_192;
/// Likewise.
const BAGGAGE_MEMBERS_MAX: usize = 64;
/// A `traceparent` of a later version may go on after what is known of it.
const TRACEPARENT_BYTES_MAX: usize = 256;

/// The trace that a request says it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace<'a> {
    /// 32 digits, lower-case hexadecimal, not all of them zero.
    pub trace_id: &'a str,
    /// The span that made the request, 16 such digits; `baggage` names none.
    pub span_id: Option<&'a str>,
}

/// The trace from `traceparent`, `sentry-trace` or `baggage`, the first that is
/// well-formed.
pub fn trace_of(headers: &HeaderMap) -> Option<Trace<'_>> {
    let w3c = header(headers, TRACEPARENT).and_then(traceparent);
    let sentry = || header(headers, SENTRY_TRACE).and_then(sentry_trace);
    let baggage = || header(headers, BAGGAGE).and_then(baggage);
    w3c.or_else(sentry).or_else(baggage)
}

/// `00-TRACE-SPAN-FLAGS`. Later versions may have more parts; `ff` is none.
fn traceparent(value: &str) -> Option<Trace<'_>> {
    if value.len() > TRACEPARENT_BYTES_MAX {
        return None;
    }
    let mut parts = value.split('-');
    let (version, trace_id, span_id) = (parts.next()?, parts.next()?, parts.next()?);
    let flags = parts.next()?;
    let is_known = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
    let is_whole = version != "00" || parts.next().is_none();
    (is_known && is_whole).then(|| whole(trace_id, span_id)).flatten()
}

/// `TRACE-SPAN`, and `-0` or `-1` if it is decided whether it is kept.
fn sentry_trace(value: &str) -> Option<Trace<'_>> {
    let mut parts = value.split('-');
    let found = whole(parts.next()?, parts.next()?)?;
    let is_whole = matches!(parts.next(), None | Some("0" | "1")) && parts.next().is_none();
    is_whole.then_some(found)
}

/// `…,sentry-trace_id=TRACE;property,…`
fn baggage(value: &str) -> Option<Trace<'_>> {
    if value.len() > BAGGAGE_BYTES_MAX {
        return None;
    }
    let members = value.split(',').take(BAGGAGE_MEMBERS_MAX);
    let mut values = members.filter_map(|member| {
        let (name, value) = member.split_once('=')?;
        let value = value.split(';').next()?;
        (name.trim() == "sentry-trace_id").then(|| value.trim())
    });
    let trace_id = values.next().filter(|id| is_id(id, 32))?;
    Some(Trace { trace_id, span_id: None })
}

fn whole<'a>(trace_id: &'a str, span_id: &'a str) -> Option<Trace<'a>> {
    let is_trace = is_id(trace_id, 32) && is_id(span_id, 16);
    is_trace.then_some(Trace { trace_id, span_id: Some(span_id) })
}

fn is_id(text: &str, chars: usize) -> bool {
    is_hex(text, chars) && text.bytes().any(|byte| byte != b'0')
}

fn is_hex(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn traces_are_read_from_each_header() {
        let both = Some(Trace { trace_id: TRACE, span_id: Some(SPAN) });
        let trace_only = Some(Trace { trace_id: TRACE, span_id: None });
        let long = |length: usize| "x".repeat(length);
        for (name, value, expected) in [
            ("traceparent", format!("00-{TRACE}-{SPAN}-03"), both),
            ("traceparent", format!("cc-{TRACE}-{SPAN}-01-what-comes-later"), both),
            ("traceparent", format!("00-{TRACE}-{SPAN}-01-more"), None),
            ("traceparent", format!("ff-{TRACE}-{SPAN}-01"), None),
            ("traceparent", format!("0-{TRACE}-{SPAN}-01"), None),
            ("traceparent", format!("00-{TRACE}-{SPAN}-zz"), None),
            ("traceparent", format!("00-{TRACE}-{SPAN}"), None),
            ("traceparent", format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            ("traceparent", format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            ("traceparent", format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            ("traceparent", format!("00-{TRACE}"), None),
            ("traceparent", format!("cc-{TRACE}-{SPAN}-01-{}", long(300)), None),
            ("traceparent", String::new(), None),
            ("sentry-trace", format!("{TRACE}-{SPAN}-1"), both),
            ("sentry-trace", format!("{TRACE}-{SPAN}-0"), both),
            ("sentry-trace", format!("{TRACE}-{SPAN}"), both),
            ("sentry-trace", format!("{TRACE}-{SPAN}-2"), None),
            ("sentry-trace", format!("{TRACE}-{SPAN}-1-1"), None),
            ("sentry-trace", TRACE.to_owned(), None),
            ("sentry-trace", "'; drop table".to_owned(), None),
            ("baggage", format!("sentry-trace_id={TRACE}"), trace_only),
            ("baggage", format!("a=b, sentry-trace_id = {TRACE};p=1 ,c=d"), trace_only),
            ("baggage", format!("sentry-trace_id={SPAN}"), None),
            ("baggage", format!("sentry-trace_id=x,sentry-trace_id={TRACE}"), None),
            ("baggage", format!("{}sentry-trace_id={TRACE}", "a=b,".repeat(63)), trace_only),
            ("baggage", format!("{}sentry-trace_id={TRACE}", "a=b,".repeat(64)), None),
            ("baggage", format!("sentry-trace_id={TRACE},a={}", long(8_192)), None),
            ("baggage", "=,;,=;=".to_owned(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header"));
            assert_eq!(trace_of(&headers), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_first_header_that_is_well_formed_counts() {
        let other = "1".repeat(32);
        for (traceparent, sentry, expected) in [
            (format!("00-{TRACE}-{SPAN}-01"), format!("{other}-{SPAN}"), TRACE),
            ("nonsense".to_owned(), format!("{TRACE}-{SPAN}"), TRACE),
            ("nonsense".to_owned(), "nonsense".to_owned(), other.as_str()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", traceparent.parse().expect("a header"));
            headers.insert("sentry-trace", sentry.parse().expect("a header"));
            let baggage = format!("sentry-trace_id={other}");
            headers.insert("baggage", baggage.parse().expect("a header"));
            assert_eq!(trace_of(&headers).map(|found| found.trace_id), Some(expected));
        }
        let mut headers = HeaderMap::new();
        let bytes = http::HeaderValue::from_bytes(b"00-\xff").expect("a header");
        headers.insert("traceparent", bytes);
        assert_eq!(trace_of(&headers), None, "no text");
    }
}
