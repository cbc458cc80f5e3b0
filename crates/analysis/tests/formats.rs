//! What the analysis says does not depend on the tool that kept the spans: the
//! recordings of real SDKs have the same findings when they are written as
//! Jaeger would give them back, and those in OTLP as Zipkin would.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_analysis::trace_view;
use hotspan_model::{Span, TraceId};
use hotspan_testkit::decode::spans_of_case;
use hotspan_testkit::fixtures::cases;
use hotspan_testkit::{jaeger, zipkin};
use hotspan_wire::Decoded;

/// What is found in each trace: what takes time, how often, and why. Names of
/// endpoints are left out: Zipkin keeps them in lower case only, and Sentry's
/// are made from words that other tools do not have.
fn verdicts(spans: &[Span]) -> Vec<String> {
    let project = Arc::from("default");
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id).or_default().push(span.clone());
    }
    let records = traces.values().flat_map(|spans| trace_view(&project, spans).records);
    let mut lines = Vec::new();
    for record in records {
        let place = record.trace_id.to_string();
        for used in &record.uses {
            lines.push(format!(
                "{place}: {} {} {} lookups {} calls",
                used.class.slug(),
                used.family,
                used.lookups,
                used.calls
            ));
        }
        for found in &record.findings {
            let share = (found.share_of_wall() * 100.0).round();
            lines.push(format!(
                "{place}: {} {} {} {} {:?} {} {} {} {share}%",
                found.detector,
                found.class.slug(),
                found.cause.code,
                found.cause.confidence.slug(),
                found.fixes.first().map(|fix| &fix.title),
                found.lookups,
                found.calls,
                found.at_least,
            ));
        }
    }
    lines
}

fn sound(decoded: Decoded) -> Vec<Span> {
    assert_eq!(decoded.rejections, []);
    assert_eq!(decoded.dropped, []);
    decoded.spans
}

#[test]
fn recordings_read_back_from_other_tools_say_the_same() {
    let mut findings = 0;
    for case in cases() {
        let spans = spans_of_case(&case);
        let expected = verdicts(&spans);
        findings += expected.iter().filter(|line| line.ends_with('%')).count();
        let of_jaeger = jaeger::jaeger_json(&spans).to_string();
        let of_jaeger = hotspan_wire::jaeger::decode_json(of_jaeger.as_bytes()).expect("is sound");
        assert_eq!(verdicts(&sound(of_jaeger)), expected, "{case} through Jaeger");
        // Sentry's Ruby SDK says what it calls in the span's name alone, which
        // Zipkin writes in lower case: no tool brings such spans there.
        if !case.starts_with("otel-") {
            continue;
        }
        let of_zipkin = zipkin::zipkin_json(&spans).to_string();
        let of_zipkin = hotspan_wire::zipkin::decode_json(of_zipkin.as_bytes()).expect("is sound");
        assert_eq!(verdicts(&sound(of_zipkin)), expected, "{case} through Zipkin");
    }
    assert!(findings >= 10, "only {findings} findings in the recordings");
}
