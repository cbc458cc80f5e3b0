//! Time-outs that their SDK does not show as such: calls without a span, and
//! calls without an answer and without an error.

use expect_test::expect;

use super::draw::{check_findings, check_words};

/// A request with a stretch of `length` between two calls.
fn with_a_stretch(number: usize, sdk: &str, length: f64) -> String {
    format!(
        "trace {number} style=sentry-5 sdk={sdk}
server StockController#show 0..{}
  internal StockController#show 1..{}
    SELECT * FROM items WHERE id = 7 3+2
    GET http://prices/7 {}+30
",
        length + 45.0,
        length + 44.0,
        length + 5.0
    )
}

#[test]
fn whole_seconds_where_spans_are_dropped() {
    let old = "sentry.ruby.rails/5.3.0";
    let found = [
        with_a_stretch(1, old, 3006.6),
        with_a_stretch(2, old, 2004.0),
        with_a_stretch(3, old, 12_012.0),
    ];
    check_findings(
        &found.concat(),
        expect![[r#"
        timeout-plateau: Time-outs without a span: in StockController#show, 1 of 1 calls, 3006.6 ms, timeouts_at_once_without_spans (possible)
        timeout-plateau: Time-outs without a span: in StockController#show, 1 of 1 calls, 2004.0 ms, timeouts_at_once_without_spans (possible)
        timeout-plateau: Time-outs without a span: in StockController#show, 1 of 1 calls, 12012.0 ms, timeouts_at_once_without_spans (possible)
    "#]],
    );
    // Not on the second, a single one, and a version that keeps the spans.
    let others = [
        with_a_stretch(1, old, 2700.0),
        with_a_stretch(2, old, 1006.0),
        with_a_stretch(3, "sentry.ruby.rails/6.6.2", 3006.6),
    ];
    check_findings(
        &others.concat(),
        expect![[r#"
        unexplained-gap: Time without a span: StockController#show, 1 of 1 calls, 2700.0 ms, time_without_span (undetermined)
        unexplained-gap: Time without a span: StockController#show, 1 of 1 calls, 1006.0 ms, time_without_span (undetermined)
        unexplained-gap: Time without a span: StockController#show, 1 of 1 calls, 3006.6 ms, time_without_span (undetermined)
    "#]],
    );
}

#[test]
fn a_request_of_nothing_but_whole_seconds() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        server StockController#show 0..3008
          internal StockController#show 1.2..3007.8
        ",
        expect![[r#"
            timeout-plateau: Time-outs without a span: in StockController#show, 1 of 1 calls, 3006.6 ms, timeouts_at_once_without_spans (possible)
        "#]],
    );
    check_words(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        server StockController#show 0..3008
          internal StockController#show 1.2..3007.8
        ",
        expect![[r#"
            For 3.007 s (100.0% of the request) nothing in StockController#show has a span. This telemetry SDK drops the spans of calls that time out, and time-outs are set to whole seconds: 3 of them may have passed in one call that nobody answered, or in several one after another. Work seldom ends so exactly; a sleep would look the same. A newer version of the telemetry SDK, which keeps those spans, decides it; so does a line in the log where the code rescues time-outs.
              3.007 s: the longest stretch without a span
              3: whole seconds, and next to nothing more
        "#]],
    );
}

#[test]
fn whole_seconds_that_are_meant() {
    // A name, a pause between looks, a pause before another attempt, a job.
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        server StockController#show 0..3020
          internal StockController#show 1..3019
          internal render_pdf 5..3008
        trace 2 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        server StockController#wait 0..3040
          GET http://jobs/7 5+10
          GET http://jobs/7 3020+10
        trace 3 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        server StockController#again 0..3040
          GET http://jobs/7 5+10 =503
          GET http://stock/7 3020+10
        trace 4 style=sentry-5 sdk=sentry.ruby.rails/5.3.0
        internal nightly 0..3040
          GET http://jobs/7 5+10
          GET http://stock/7 3020+10
        ",
        expect![[""]],
    );
}

#[test]
fn neither_an_error_nor_an_answer() {
    check_findings(
        "
        trace 1 lang=python style=sentry sdk=sentry.python/2.75.0
        server offers 0..4000
          GET http://stock/items/7 10+1004 ×3 every 1010 !timeout !ok
        trace 2 lang=python style=sentry sdk=sentry.python/2.75.0
        server offer 0..4000
          GET http://stock/items/7 10+2004 !timeout !ok
        ",
        expect![[r#"
            timeout-plateau: Time-outs: GET stock/items/{id}, 3 of 3 calls, 3012.0 ms, calls_time_out (likely)
            timeout-plateau: Time-outs: GET stock/items/{id}, 1 of 1 calls, 2004.0 ms, call_timed_out (possible)
        "#]],
    );
    // Of odd length, answered, of a program's own spans, and of another SDK.
    check_findings(
        "
        trace 1 lang=python style=sentry sdk=sentry.python/2.75.0
        server odd 0..4000
          GET http://stock/items/7 10+2304 !timeout !ok
        trace 2 lang=python style=sentry sdk=sentry.python/2.75.0
        server answered 0..4000
          GET http://stock/items/7 10+2004
        trace 3 lang=python style=sentry sdk=sentry.python/2.75.0
        server own 0..4000
          GET http://stock/items/7 10+2004 !timeout !ok
          GET http://stock/items/8 2020+20 !timeout !ok
        trace 4 lang=javascript style=sentry sdk=sentry.javascript.node/9.1.0
        server another 0..4000
          GET http://stock/items/7 10+2004 !timeout !ok
        ",
        expect![[""]],
    );
    check_words(
        "
        trace 1 lang=python style=sentry sdk=sentry.python/2.75.0
        server offer 0..4000
          GET http://stock/items/7 10+2004 !timeout !ok
        ",
        expect![[r#"
            GET stock/items/{id} ended after 2.0 s, without an answer: 2.0 s of the critical path (50.1%), in which the request waited and got nothing. 2.0 s is a round number, as people set them. Whether the other side has spans of it decides the rest: if it has, it is too slow; if it has none, the way there is blocked, or the name leads to where nobody listens.
              2.004 s: its length
              0 of 1: say themselves that time was over
        "#]],
    );
}
