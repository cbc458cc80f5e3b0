//! What queries answer about endpoints and traces.

use expect_test::expect;
use hotspan_model::{Class, UnixNanos};

use super::super::{EndpointRow, Filter, SparkPoint, TimeWindow, TraceFilter, TraceSummary};
use super::history::{check, history, id_of, ms};
use super::{START, minutes};

fn of_row(row: &EndpointRow) -> String {
    format!(
        "{}: {} of {} requests, {} errors, p50 {} p95 {} p99 {} ms, wall {} ms, lost {} ms = \
         {:.1}%, {} issues, credentials {} ms",
        row.endpoint.name,
        row.samples,
        row.requests,
        row.errors,
        ms(row.p50_ns),
        ms(row.p95_ns),
        ms(row.p99_ns),
        ms(row.wall_ns),
        ms(row.lost_ns),
        row.share_lost * 100.0,
        row.issues,
        ms(row.time.get(Class::CredentialLookup)),
    )
}

#[test]
fn endpoints() {
    let fixture = history();
    let of = |project: Option<&str>, service: Option<&str>| Filter {
        project: project.map(str::to_owned),
        service: service.map(str::to_owned),
    };
    for (window, filter, expected) in [
        (
            minutes(0, 60),
            of(None, None),
            expect![[r#"
            GET /a: 10 of 10 requests, 0 errors, p50 996 p95 996 p99 996 ms, wall 10000 ms, lost 4000 ms = 40.0%, 1 issues, credentials 4000 ms
            GET /c: 40 of 40 requests, 0 errors, p50 35 p95 35 p99 35 ms, wall 1400 ms, lost 480 ms = 34.3%, 1 issues, credentials 480 ms
            POST /b: 3 of 12 requests, 4 errors, p50 200 p95 200 p99 200 ms, wall 2400 ms, lost 0 ms = 0.0%, 0 issues, credentials 0 ms
        "#]],
        ),
        (
            // From inside the third minute: minutes are the grain.
            TimeWindow { from: UnixNanos(minutes(2, 2).from.0 + 5), to: minutes(4, 4).to },
            of(None, None),
            expect![[r#"
                GET /a: 2 of 2 requests, 0 errors, p50 996 p95 996 p99 996 ms, wall 2000 ms, lost 800 ms = 40.0%, 1 issues, credentials 800 ms
                GET /c: 4 of 4 requests, 0 errors, p50 35 p95 35 p99 35 ms, wall 140 ms, lost 48 ms = 34.3%, 1 issues, credentials 48 ms
            "#]],
        ),
        (
            minutes(-1_440, 1_440),
            of(None, Some("billing")),
            expect![[r#"
            POST /b: 3 of 12 requests, 4 errors, p50 200 p95 200 p99 200 ms, wall 2400 ms, lost 0 ms = 0.0%, 0 issues, credentials 0 ms
        "#]],
        ),
        (
            minutes(60, 1_440),
            of(Some("default"), None),
            expect![[r#"
            GET /a: 5 of 5 requests, 0 errors, p50 595 p95 595 p99 595 ms, wall 3000 ms, lost 0 ms = 0.0%, 0 issues, credentials 0 ms
        "#]],
        ),
        (minutes(0, 60), of(Some("other"), None), expect![[""]]),
        (minutes(60, 0), of(None, None), expect![[""]]),
    ] {
        let list = fixture.book.endpoints(window, &filter).expect("lists");
        assert_eq!(list.as_of, Some(START));
        check(list.rows.iter().map(of_row), &expected);
    }
}

#[test]
fn sparklines_have_no_holes() {
    let fixture = history();
    let list = fixture.book.endpoints(minutes(-30, 150), &Filter::default()).expect("lists");
    let spark = |point: &SparkPoint| {
        let minute = (point.start.0 - START.0) / hotspan_model::time::NANOS_PER_MINUTE;
        format!("{minute}: {} {:?}", point.requests, point.p95_ns.map(ms))
    };
    check(
        list.rows[0].spark.iter().map(spark),
        &expect![[r#"
        -30: 0 None
        -25: 0 None
        -20: 0 None
        -15: 0 None
        -10: 0 None
        -5: 0 None
        0: 5 Some(996)
        5: 5 Some(996)
        10: 0 None
        15: 0 None
        20: 0 None
        25: 0 None
        30: 0 None
        35: 0 None
        40: 0 None
        45: 0 None
        50: 0 None
        55: 0 None
        60: 0 None
        65: 0 None
        70: 0 None
        75: 0 None
        80: 0 None
        85: 0 None
        90: 0 None
        95: 0 None
        100: 0 None
        105: 0 None
        110: 0 None
        115: 0 None
        120: 5 Some(595)
        125: 0 None
        130: 0 None
        135: 0 None
        140: 0 None
        145: 0 None
    "#]],
    );
}

#[test]
fn one_endpoint() {
    let fixture = history();
    let id = id_of(&fixture, "GET /a");
    assert_eq!(fixture.book.endpoint(id).expect("reads").expect("there").to_string(), "GET /a");
    assert_eq!(fixture.book.endpoint(99).expect("reads"), None);
    assert_eq!(fixture.book.endpoint_detail(99, minutes(0, 60)).expect("reads"), None);
    for quiet in [minutes(60, 90), minutes(90, 60)] {
        let detail = fixture.book.endpoint_detail(id, quiet).expect("reads").expect("there");
        assert_eq!((detail.row.samples, detail.row.wall_ns, detail.tree.paths()), (0, 0, 0));
    }

    let detail = fixture.book.endpoint_detail(id, minutes(0, 180)).expect("reads").expect("there");
    let mut lines = vec![of_row(&detail.row)];
    lines.extend(detail.series.iter().filter(|bucket| bucket.requests > 0.0).map(|bucket| {
        let minute = (bucket.start.0 - START.0) / hotspan_model::time::NANOS_PER_MINUTE;
        format!("{minute}: {} requests, p50 {:?}", bucket.requests, bucket.quantile_ns(0.5).map(ms))
    }));
    lines.extend(detail.releases.iter().map(|release| {
        format!(
            "release {}: {} requests, p95 {}",
            release.release,
            release.requests,
            ms(release.p95_ns)
        )
    }));
    lines.extend(detail.tree.roots.iter().map(|(name, node)| {
        format!("tree {name}: {} spans, {} ms", node.count / 1_000, ms(node.total_ns))
    }));
    lines.push(format!("histogram of {}", detail.histogram.count()));
    check(
        lines,
        &expect![[r#"
        GET /a: 15 of 15 requests, 0 errors, p50 996 p95 996 p99 996 ms, wall 13000 ms, lost 4000 ms = 30.8%, 1 issues, credentials 4000 ms
        0: 2 requests, p50 Some(996)
        2: 2 requests, p50 Some(996)
        4: 2 requests, p50 Some(996)
        6: 2 requests, p50 Some(996)
        8: 2 requests, p50 Some(996)
        120: 5 requests, p50 Some(595)
        release 1.1: 5 requests, p95 595
        release 1.0: 10 requests, p95 996
        tree GET /a: 15 spans, 13000 ms
        histogram of 15
    "#]],
    );
}

fn of_trace(trace: &TraceSummary) -> String {
    format!(
        "{} {} after {} s: {} ms, lost {} ms, {} spans{}",
        trace.endpoint.name,
        trace.entry_span,
        (trace.start.0 - START.0) / 1_000_000_000,
        ms(trace.duration_ns),
        ms(trace.lost_ns),
        trace.spans,
        if trace.error { ", error" } else { "" },
    )
}

#[test]
fn lists_of_traces() {
    let fixture = history();
    let slowest = |name: &str, window, n| {
        fixture.book.slowest_traces(id_of(&fixture, name), window, n).expect("lists")
    };
    check(
        slowest("GET /a", minutes(0, 180), 2).iter().map(of_trace),
        &expect![[r#"
        GET /a 0000000000000009 after 540 s: 1000 ms, lost 400 ms, 16 spans
        GET /a 0000000000000008 after 480 s: 1000 ms, lost 400 ms, 16 spans
    "#]],
    );
    check(
        slowest("GET /a", minutes(60, 180), 1).iter().map(of_trace),
        &expect![[r#"
        GET /a 0000000000000040 after 7264 s: 600 ms, lost 0 ms, 1 spans
    "#]],
    );
    for (filter, n, expected) in [
        (
            TraceFilter::default(),
            2,
            expect![[r#"
            GET /a 0000000000000040 after 7264 s: 600 ms, lost 0 ms, 1 spans
            GET /a 000000000000003f after 7263 s: 600 ms, lost 0 ms, 1 spans
        "#]],
        ),
        (
            TraceFilter { duration_min_ns: Some(1_000_000_000), ..TraceFilter::default() },
            2,
            expect![[r#"
                GET /a 0000000000000009 after 540 s: 1000 ms, lost 400 ms, 16 spans
                GET /a 0000000000000008 after 480 s: 1000 ms, lost 400 ms, 16 spans
            "#]],
        ),
        (
            TraceFilter { errors_only: true, ..TraceFilter::default() },
            9,
            expect![[r#"
            POST /b 000000000000000a after 10 s: 200 ms, lost 0 ms, 1 spans, error
        "#]],
        ),
        (
            TraceFilter { service: Some("billing".into()), ..TraceFilter::default() },
            9,
            expect![[r#"
                POST /b 000000000000000c after 12 s: 200 ms, lost 0 ms, 1 spans
                POST /b 000000000000000b after 11 s: 200 ms, lost 0 ms, 1 spans
                POST /b 000000000000000a after 10 s: 200 ms, lost 0 ms, 1 spans, error
            "#]],
        ),
        (TraceFilter { project: Some("other".into()), ..TraceFilter::default() }, 9, expect![[""]]),
    ] {
        let recent = fixture.book.recent_traces(minutes(0, 180), &filter, n).expect("lists");
        check(recent.iter().map(of_trace), &expected);
    }
}

#[test]
fn the_profile_that_detectors_read() {
    let fixture = history();
    let id = id_of(&fixture, "GET /c");
    let profile = fixture.book.endpoint_profile(id, minutes(0, 60)).expect("reads").expect("there");
    let mut lines = vec![format!(
        "{} {} {}: {} of {} requests, {} ms, from {} to {}",
        profile.endpoint,
        profile.sdk.name,
        profile.sdk.language.slug(),
        profile.samples,
        profile.requests,
        ms(profile.entry_wall_ns),
        profile.window.0,
        profile.window.1,
    )];
    lines.extend(profile.uses.iter().map(|class_use| {
        format!(
            "{} {}: {} of {} requests, {} lookups, {} calls, {} ms, {} hidden, {} witnesses, {:?}",
            class_use.class.slug(),
            class_use.family,
            class_use.samples_affected,
            class_use.requests_affected,
            class_use.lookups,
            class_use.calls,
            ms(class_use.wall_ns),
            ms(class_use.hidden_ns),
            class_use.evidence.len(),
            class_use.templates,
        )
    }));
    check(
        lines,
        &expect![[r#"
        GET /c sentry.ruby ruby: 40 of 40 requests, 1400 ms, from 2026-11-23T00:00:00.000Z to 2026-11-23T00:00:00.000Z
        credential_lookup aws-imds: 40 of 40 requests, 40 lookups, 120 calls, 480 ms, 48 hidden, 5 witnesses, ["PUT token", "GET credentials"]
    "#]],
    );
    let empty = fixture.book.endpoint_profile(id, minutes(60, 90)).expect("reads").expect("there");
    assert_eq!((empty.samples, empty.uses.len()), (0, 0));
    assert_eq!(fixture.book.endpoint_profile(99, minutes(0, 60)).expect("reads"), None);
}

#[test]
fn services() {
    let fixture = history();
    let services = fixture.book.services().expect("lists");
    let names: Vec<_> = services.iter().map(|(_, service)| service.as_str()).collect();
    assert_eq!(names, ["billing", "shop"]);
}
