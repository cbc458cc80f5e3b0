//! What the analysis says about recordings of real SDKs. The expected share is
//! computed here by another way than the analysis takes: the union of the
//! intervals of all metadata calls over the entry span.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_analysis::{analyze, asked, digest, segments};
use hotspan_model::{Class, ClassUse, SegmentRecord, Span, TraceId};
use hotspan_testkit::decode::spans_of_case;
use hotspan_testkit::fixtures::cases;

fn traces(case: &str) -> BTreeMap<(i64, TraceId), Vec<Span>> {
    let mut by_id: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in spans_of_case(case) {
        by_id.entry(span.trace_id).or_default().push(span);
    }
    let start = |spans: &[Span]| spans.iter().map(|span| span.start.0).min().unwrap_or(0);
    by_id.into_iter().map(|(id, spans)| ((start(&spans), id), spans)).collect()
}

fn records(spans: &[Span]) -> Vec<SegmentRecord> {
    let project = Arc::from("default");
    let digests: Vec<_> = spans.iter().map(|span| digest(&project, span, asked(span))).collect();
    segments(spans[0].trace_id, &digests).iter().map(analyze).collect()
}

/// True for requests to the metadata service, told by the raw text of the span.
fn is_metadata_call(span: &Span) -> bool {
    let values = span.attributes.iter().map(|(_, value)| value.to_string());
    let text: Vec<String> = values.chain([span.name.clone()]).collect();
    span.name != "connect" && text.iter().any(|text| text.contains("169.254.169.254"))
}

/// Share of the entry span's time in which a metadata call was in flight.
fn share_by_union(spans: &[Span], record: &SegmentRecord) -> f64 {
    let mut calls: Vec<(i64, i64)> = spans
        .iter()
        .filter(|span| is_metadata_call(span))
        .map(|span| (span.start.0, span.end.0))
        .collect();
    calls.sort_unstable();
    let (mut union, mut until) = (0, i64::MIN);
    for (start, end) in calls {
        union += (end - start.max(until)).max(0);
        until = until.max(end);
    }
    union as f64 / record.duration_ns as f64
}

fn lookups(record: &SegmentRecord) -> Option<&ClassUse> {
    record.uses.iter().find(|used| used.class == Class::CredentialLookup)
}

fn draw(case: &str, spans: &[Span], record: &SegmentRecord) -> Option<String> {
    let class_use = lookups(record)?;
    let verdict = match record.findings.first() {
        None => "-".to_owned(),
        Some(found) => format!(
            "{:.1}% {} ({}) {}",
            found.share_of_wall() * 100.0,
            found.cause.code,
            found.cause.confidence.slug(),
            found.fixes[0].title,
        ),
    };
    Some(format!(
        "{case} {}: {} lookups, {} calls, union {:.1}%: {verdict}",
        record.endpoint.name,
        class_use.lookups,
        class_use.calls,
        share_by_union(spans, record) * 100.0,
    ))
}

fn check(part: &str, expected: Expect) {
    let mut lines = Vec::new();
    for case in cases().iter().filter(|case| case.contains(part)) {
        for spans in traces(case).values() {
            for record in records(spans) {
                assert_eq!(record.time.total(), record.duration_ns, "{case}");
                lines.extend(draw(case, spans, &record));
            }
        }
    }
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn shared_clients_are_fine() {
    check(
        "/healthy-a",
        expect![[r#"
        otel-node-0.223.0-proto/healthy-a GET /up: 1 lookups, 3 calls, union 13.4%: -
        otel-node-0.223.1-json/healthy-a GET /up: 1 lookups, 3 calls, union 22.7%: -
        otel-python-1.45.1/healthy-a GET /up: 1 lookups, 3 calls, union 1.6%: -
        otel-ruby-sdk-1.6.0-exporter-0.29.1/healthy-a GET /up: 1 lookups, 3 calls, union 1.9%: -
        sentry-node-11.12.0/healthy-a GET /up: 1 lookups, 3 calls, union 7.0%: -
        sentry-python-2.75.0/healthy-a up: 1 lookups, 3 calls, union 3.6%: -
        sentry-ruby-5.3.0/healthy-a UploadsController#up: 1 lookups, 3 calls, union 3.6%: -
        sentry-ruby-6.6.2/healthy-a UploadsController#up: 1 lookups, 3 calls, union 3.7%: -
    "#]],
    );
}

#[test]
fn a_client_for_each_use() {
    check(
        "/healthy-b",
        expect![[r#"
        otel-node-0.223.0-proto/healthy-b GET /up: 5 lookups, 15 calls, union 32.3%: 32.3% new_provider_or_refresh (likely) Create the client once, or share one provider
        otel-node-0.223.1-json/healthy-b GET /up: 5 lookups, 15 calls, union 18.3%: 18.3% new_provider_or_refresh (likely) Create the client once, or share one provider
        otel-ruby-sdk-1.6.0-exporter-0.29.1/healthy-b GET /up: 5 lookups, 15 calls, union 10.9%: 10.9% new_provider_per_use (very likely) Share one provider between all clients
        sentry-node-11.12.0/healthy-b GET /up: 10 lookups, 30 calls, union 27.6%: 27.6% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-node-11.12.0/healthy-b GET /up: 10 lookups, 30 calls, union 31.9%: 31.9% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-python-2.75.0/healthy-b up: 1 lookups, 3 calls, union 2.0%: -
        sentry-ruby-5.3.0/healthy-b UploadsController#up: 10 lookups, 30 calls, union 10.6%: 10.6% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-5.3.0/healthy-b UploadsController#up: 10 lookups, 30 calls, union 16.3%: 16.3% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-6.6.2/healthy-b UploadsController#up: 10 lookups, 30 calls, union 3.2%: 3.2% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-6.6.2/healthy-b UploadsController#up: 10 lookups, 30 calls, union 21.8%: 21.8% new_provider_per_use (very likely) Share one provider between all clients
    "#]],
    );
    check(
        "/healthy-c",
        expect![[r#"
        otel-python-1.45.1/healthy-c GET /up: 5 lookups, 15 calls, union 2.3%: 2.3% new_provider_or_refresh (likely) Keep one boto3 session for each process
        sentry-python-2.75.0/healthy-c up: 10 lookups, 30 calls, union 2.5%: 2.5% new_provider_or_refresh (likely) Keep one boto3 session for each process
        sentry-python-2.75.0/healthy-c up: 10 lookups, 30 calls, union 2.2%: 2.2% new_provider_or_refresh (likely) Keep one boto3 session for each process
    "#]],
    );
}

#[test]
fn presigning_a_hundred_urls() {
    check(
        "/seedrep",
        expect![[r#"
        sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0 UploadsController#presign: 100 lookups, 300 calls, union 33.0%: 33.0% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0 UploadsController#presign: 100 lookups, 300 calls, union 25.9%: 25.9% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0 UploadsController#presign: 100 lookups, 300 calls, union 32.7%: 32.7% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0 UploadsController#presign: 100 lookups, 300 calls, union 24.8%: 24.8% new_provider_per_use (very likely) Share one provider between all clients
    "#]],
    );
}

#[test]
fn lost_token_answers() {
    check(
        "/token_swallow",
        expect![[r#"
        otel-node-0.223.0-proto/token_swallow-b GET /up: 2 lookups, 6 calls, union 88.6%: 88.6% token_response_lost (very likely) Allow the token answer one more hop
        otel-node-0.223.1-json/token_swallow-b GET /up: 2 lookups, 6 calls, union 77.5%: 77.5% token_response_lost (very likely) Allow the token answer one more hop
        otel-python-1.45.1/token_swallow-c GET /up: 2 lookups, 6 calls, union 53.7%: 53.7% token_response_lost (very likely) Allow the token answer one more hop
        otel-ruby-sdk-1.6.0-exporter-0.29.1/token_swallow-b GET /up: 2 lookups, 6 calls, union 87.8%: 87.8% token_response_lost (very likely) Allow the token answer one more hop
        sentry-node-11.12.0/token_swallow-b GET /up: 3 lookups, 9 calls, union 65.8%: 65.8% token_response_lost (very likely) Allow the token answer one more hop
        sentry-node-11.12.0/token_swallow-b GET /up: 3 lookups, 9 calls, union 74.1%: 74.1% token_response_lost (very likely) Allow the token answer one more hop
        sentry-python-2.75.0/token_swallow-b up: 1 lookups, 3 calls, union 15.5%: -
        sentry-python-2.75.0/token_swallow-c up: 3 lookups, 9 calls, union 50.6%: 50.6% token_response_lost (very likely) Allow the token answer one more hop
        sentry-python-2.75.0/token_swallow-c up: 3 lookups, 9 calls, union 54.7%: 54.7% token_response_lost (very likely) Allow the token answer one more hop
        sentry-ruby-5.3.0/token_swallow-b UploadsController#up: 3 lookups, 9 calls, union 0.5%: 71.6% token_response_lost (likely) Allow the token answer one more hop
        sentry-ruby-5.3.0/token_swallow-b UploadsController#up: 3 lookups, 9 calls, union 2.6%: 87.7% token_response_lost (likely) Allow the token answer one more hop
        sentry-ruby-6.6.2/token_swallow-b UploadsController#up: 3 lookups, 9 calls, union 1.8%: 49.5% token_response_lost (very likely) Allow the token answer one more hop
        sentry-ruby-6.6.2/token_swallow-b UploadsController#up: 3 lookups, 9 calls, union 1.6%: 92.8% token_response_lost (very likely) Allow the token answer one more hop
    "#]],
    );
}

#[test]
fn short_cases() {
    check(
        "/smoke",
        expect![[r#"
        otel-node-0.223.0-proto/smoke GET /up: 3 lookups, 9 calls, union 19.9%: 19.9% new_provider_or_refresh (likely) Create the client once, or share one provider
        otel-node-0.223.1-json/smoke GET /up: 3 lookups, 9 calls, union 29.0%: 29.0% new_provider_or_refresh (likely) Create the client once, or share one provider
        otel-python-1.45.1/smoke GET /up: 1 lookups, 3 calls, union 7.2%: -
        otel-ruby-sdk-1.6.0-exporter-0.29.1/smoke GET /up: 3 lookups, 9 calls, union 5.9%: 5.9% new_provider_per_use (very likely) Share one provider between all clients
        sentry-node-11.12.0/smoke GET /up: 3 lookups, 9 calls, union 19.9%: 19.9% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-python-2.75.0/smoke up: 1 lookups, 3 calls, union 1.8%: -
        sentry-ruby-5.3.0/smoke UploadsController#up: 3 lookups, 9 calls, union 9.6%: 9.6% new_provider_per_use (very likely) Share one provider between all clients
        sentry-ruby-6.6.2/smoke UploadsController#up: 3 lookups, 9 calls, union 4.4%: 4.4% new_provider_per_use (very likely) Share one provider between all clients
    "#]],
    );
    check(
        "/static_tx",
        expect![[r#"
        sentry-node-11.12.0/static_tx GET /boom: 1 lookups, 3 calls, union 12.9%: -
        sentry-node-11.12.0/static_tx GET /up: 2 lookups, 6 calls, union 31.8%: 31.8% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-node-11.12.0/static_tx GET /boom: 1 lookups, 3 calls, union 34.8%: -
    "#]],
    );
    check(
        "/errors",
        expect![[r#"
        sentry-node-11.12.0/errors GET /boom: 1 lookups, 3 calls, union 35.1%: -
        sentry-node-11.12.0/errors GET /up: 2 lookups, 6 calls, union 11.3%: 11.3% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-node-11.12.0/errors GET /boom: 1 lookups, 3 calls, union 47.5%: -
        sentry-python-2.75.0/errors boom: 1 lookups, 3 calls, union 0.7%: -
        sentry-python-2.75.0/errors up: 1 lookups, 3 calls, union 5.2%: -
        sentry-python-2.75.0/errors boom: 1 lookups, 3 calls, union 2.9%: -
        sentry-ruby-5.3.0/errors UploadsController#boom: 1 lookups, 3 calls, union 1.8%: -
        sentry-ruby-5.3.0/errors UploadsController#up: 2 lookups, 6 calls, union 20.7%: -
        sentry-ruby-5.3.0/errors UploadsController#boom: 1 lookups, 3 calls, union 0.5%: -
        sentry-ruby-6.6.2/errors UploadsController#boom: 1 lookups, 3 calls, union 0.4%: -
        sentry-ruby-6.6.2/errors UploadsController#up: 2 lookups, 6 calls, union 14.7%: 14.7% new_provider_per_use (likely) Share one provider between all clients
        sentry-ruby-6.6.2/errors UploadsController#boom: 1 lookups, 3 calls, union 0.9%: -
    "#]],
    );
    check(
        "/client_report",
        expect![[r#"
        sentry-node-11.12.0/client_report GET /boom: 1 lookups, 3 calls, union 23.8%: -
        sentry-node-11.12.0/client_report GET /up: 2 lookups, 6 calls, union 32.6%: 32.6% new_provider_or_refresh (likely) Create the client once, or share one provider
        sentry-node-11.12.0/client_report GET /boom: 1 lookups, 3 calls, union 16.5%: -
        sentry-python-2.75.0/client_report boom: 1 lookups, 3 calls, union 1.5%: -
        sentry-python-2.75.0/client_report up: 1 lookups, 3 calls, union 3.9%: -
        sentry-python-2.75.0/client_report boom: 1 lookups, 3 calls, union 2.0%: -
        sentry-ruby-5.3.0/client_report UploadsController#boom: 1 lookups, 3 calls, union 0.8%: -
        sentry-ruby-5.3.0/client_report UploadsController#up: 2 lookups, 6 calls, union 16.7%: 16.7% new_provider_per_use (likely) Share one provider between all clients
        sentry-ruby-5.3.0/client_report UploadsController#boom: 1 lookups, 3 calls, union 0.2%: -
        sentry-ruby-6.6.2/client_report UploadsController#boom: 1 lookups, 3 calls, union 1.8%: -
        sentry-ruby-6.6.2/client_report UploadsController#up: 2 lookups, 6 calls, union 4.9%: -
        sentry-ruby-6.6.2/client_report UploadsController#boom: 1 lookups, 3 calls, union 0.3%: -
    "#]],
    );
}

#[test]
fn one_call_to_a_container_endpoint() {
    check(
        "/full-uri",
        expect![[r#"
        otel-node-0.223.0-proto/full-uri GET /up: 1 lookups, 1 calls, union 0.0%: -
        otel-python-1.45.1/full-uri GET /up: 1 lookups, 1 calls, union 0.0%: -
        sentry-node-11.12.0/full-uri GET /up: 1 lookups, 1 calls, union 0.0%: -
        sentry-python-2.75.0/full-uri up: 1 lookups, 1 calls, union 0.0%: -
        sentry-ruby-6.6.2/full-uri UploadsController#up: 1 lookups, 1 calls, union 0.0%: -
    "#]],
    );
}

/// The cost may differ from the union by rounding only, wherever every call
/// has a span of its own.
#[test]
fn cost_is_the_union_of_the_calls() {
    let mut compared = 0;
    for case in cases() {
        for spans in traces(&case).values() {
            for record in records(spans) {
                let Some(class_use) = lookups(&record).filter(|used| used.hidden_ns == 0) else {
                    continue;
                };
                if class_use.family.as_ref() != "aws-imds" {
                    continue;
                }
                let share = class_use.wall_ns as f64 / record.duration_ns as f64;
                let union = share_by_union(spans, &record);
                assert!((share - union).abs() < 0.01, "{case}: {share:.3} for {union:.3}");
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "only {compared} recorded requests look up credentials");
}

/// Every other finding in the recordings, since nothing else was wrong in them.
#[test]
fn nothing_else_is_found() {
    let mut others = Vec::new();
    for case in cases() {
        for spans in traces(&case).values() {
            for record in records(spans) {
                let found = record.findings.iter();
                let found = found.filter(|finding| finding.detector != "credential-lookup");
                others.extend(found.map(|f| format!("{case}: {} {}\n", f.detector, f.subject)));
            }
        }
    }
    expect![[""]].assert_eq(&others.concat());
}
