//! One long stretch without a span, and own time that needs none.

use expect_test::expect;

use super::draw::{check_findings, check_words};

#[test]
fn between_two_calls() {
    check_findings(
        "
        server POST /report 0..2400
          SELECT * FROM items WHERE report = 7 10+30
          GET http://rates/today 50+40
          POST http://pdf/render 1900+300
        ",
        expect![[r#"
            unexplained-gap: Time without a span: POST /report, 1 of 1 calls, 1810.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn inside_a_span_with_calls() {
    check_findings(
        "
        server POST /report 0..2400
          internal ReportsController#create 5..2390
            SELECT * FROM items WHERE report = 7 10+30
            SELECT * FROM users WHERE id = 7 50+5
            POST http://store/reports 1500+800
        ",
        expect![[r#"
            unexplained-gap: Time without a span: ReportsController#create, 1 of 1 calls, 1445.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn behind_the_last_call_of_an_inner_span() {
    check_findings(
        "
        server POST /report 0..4400
          internal ReportsController#create 5..4390
            SELECT * FROM items WHERE report = 7 10+30
            SELECT * FROM users WHERE id = 7 50+5
            SELECT * FROM rates WHERE id = 7 60+5
        ",
        expect![[r#"
            unexplained-gap: Time without a span: ReportsController#create, 1 of 1 calls, 4325.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn before_the_first_call() {
    check_findings(
        "
        server POST /report 0..4400
          SELECT * FROM items WHERE report = 7 2510+30
          SELECT * FROM users WHERE id = 7 2550+5
          POST http://store/reports 2560+1800
        ",
        expect![[r#"
            unexplained-gap: Time without a span: POST /report, 1 of 1 calls, 2510.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn beside_work_with_a_name() {
    check_findings(
        "
        server POST /report 0..3000
          SELECT * FROM items WHERE report = 7 10+30
          SELECT * FROM users WHERE id = 7 50+5
          internal layout 60+500
          GET http://store/reports/7 2100+300
          internal render 2400+550
        ",
        expect![[r#"
            unexplained-gap: Time without a span: POST /report, 1 of 1 calls, 1540.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn no_children_at_all() {
    check_findings("server GET /report 0..4400", expect![[""]]);
}

#[test]
fn somebody_who_waits_for_news() {
    check_findings(
        "
        server GET /orders/{id}/events 0..4400
          SELECT * FROM orders WHERE id = 7 10+30
          SELECT * FROM users WHERE id = 7 50+30
          SELECT * FROM news WHERE id = 7 4300+30
        ",
        expect![[""]],
    );
}

#[test]
fn few_calls() {
    check_findings(
        "
        server GET /report 0..4400
          SELECT * FROM items WHERE report = 7 10+30
          GET http://store/reports/7 3000+30
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /report, 1 of 1 calls, 2960.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn much_of_a_request_with_few_calls() {
    check_findings(
        "
        trace 1
        server GET /between 0..950
          SELECT * FROM items WHERE report = 7 10+30
          GET http://store/reports/7 440+400
        trace 2
        server GET /first 0..1000
          SELECT * FROM items WHERE report = 7 520+30
          GET http://store/reports/7 560+400
        trace 3
        server GET /last 0..530
          SELECT * FROM items WHERE report = 7 5+3
          SELECT * FROM users WHERE id = 7 9+3
        trace 4
        server GET /named 0..950
          SELECT * FROM items WHERE report = 7 10+30
          internal render 500+400
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /between, 1 of 1 calls, 400.0 ms, time_without_span (undetermined)
            unexplained-gap: Time without a span: GET /first, 1 of 1 calls, 520.0 ms, time_without_span (undetermined)
            unexplained-gap: Time without a span: GET /last, 1 of 1 calls, 518.0 ms, time_without_span (undetermined)
            unexplained-gap: Time without a span: GET /named, 1 of 1 calls, 460.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn little_of_a_request_with_few_calls() {
    check_findings(
        "
        # A short one, a small part, one call, a page that is rendered, a file, a job.
        trace 1
        server GET /short 0..500
          SELECT * FROM items WHERE report = 7 10+30
          GET http://store/reports/7 370+100
        trace 2
        server GET /part 0..2000
          SELECT * FROM items WHERE report = 7 10+30
          GET http://store/reports/7 600+1390
        trace 3
        server GET /single 0..950
          SELECT * FROM items WHERE report = 7 10+30
        trace 4
        server GET /rendered 0..900
          SELECT * FROM items WHERE report = 7 10+100
          SELECT * FROM users WHERE id = 7 120+100
        trace 5
        server GET /tail 0..390
          SELECT * FROM items WHERE report = 7 5+3
          SELECT * FROM users WHERE id = 7 9+3
        trace 6
        server GET /orders/export 0..900
          SELECT * FROM items WHERE report = 7 5+3
          SELECT * FROM users WHERE id = 7 9+3
        trace 7
        internal nightly 0..900
          SELECT * FROM items WHERE report = 7 5+3
          GET http://store/reports/7 600+200
        ",
        expect![[""]],
    );
}

#[test]
fn work_spread_evenly() {
    check_findings(
        "
        server GET /report 0..4400
          SELECT * FROM items WHERE report = 7 800+30
          SELECT * FROM users WHERE id = 7 1700+30
          SELECT * FROM rates WHERE id = 7 2600+30
          SELECT * FROM texts WHERE id = 7 3500+30
        ",
        expect![[""]],
    );
}

#[test]
fn an_answer_that_is_written_at_the_end() {
    check_findings(
        "
        server GET /export 0..9000
          SELECT * FROM items WHERE report = 7 10+300
          SELECT * FROM users WHERE id = 7 320+30
          SELECT * FROM rates WHERE id = 7 360+30
        ",
        expect![[""]],
    );
}

#[test]
fn work_with_a_name() {
    check_findings(
        "
        server GET /report 0..4400
          SELECT * FROM items WHERE report = 7 10+30
          SELECT * FROM users WHERE id = 7 50+30
          internal render pages 90+3500
          GET http://store/reports/7 3600+30
        ",
        expect![[""]],
    );
}

#[test]
fn work_with_a_name_beside_calls() {
    check_findings(
        "
        server GET /report 0..4400
          internal render pages 5..4300
          SELECT * FROM items WHERE report = 7 10+30
          SELECT * FROM users WHERE id = 7 50+30
          GET http://store/reports/7 3600+30
        ",
        expect![[""]],
    );
    // This SDK hangs everything beside everything.
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server ReportsController#show 0..4400
          internal ReportsController#show 5..4300
          SELECT * FROM items WHERE report = 7 10+30
          SELECT * FROM users WHERE id = 7 50+30
          GET http://store/reports/7 3600+30
        ",
        expect![[r#"
            unexplained-gap: Time without a span: ReportsController#show, 1 of 1 calls, 3520.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn a_pause_between_looks() {
    check_findings(
        "
        server GET /job 0..4400
          POST http://jobs/jobs 10+30
          GET http://jobs/jobs/7 50+10
          GET http://jobs/jobs/7 3060+10
        ",
        expect![[""]],
    );
}

#[test]
fn a_pause_before_another_attempt() {
    check_findings(
        "
        server GET /job 0..4400
          SELECT * FROM items WHERE report = 7 10+30
          GET http://stock/items/7 50+10 =503
          GET http://stock/items/7 3060+10
          GET http://stock/names 3080+10
        ",
        expect![[""]],
    );
}

#[test]
fn the_first_request_of_a_process() {
    check_findings(
        "
        trace 1 lang=python
        server GET /up 0..4400
          SELECT * FROM items WHERE report = 7 10+30
          PUT http://169.254.169.254/latest/api/token 2510+10
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2520+10
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 2530+10
          PUT https://bucket.s3.amazonaws.com/k 2600+500
        ",
        expect![[""]],
    );
}

#[test]
fn short_or_a_small_part() {
    check_findings(
        "
        server GET /report 0..400
          SELECT * FROM items WHERE report = 7 10+30
          SELECT * FROM users WHERE id = 7 50+30
          GET http://store/reports/7 280+100
        server GET /long 0..9000
          SELECT * FROM items WHERE report = 7 10+4000
          SELECT * FROM users WHERE id = 7 4020+3000
          GET http://store/reports/7 8020+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT items, 1 of 1 calls, 4000.0 ms, slow_filter (possible)
            slow-query: Slow query: SELECT users, 1 of 1 calls, 3000.0 ms, slow_filter (possible)
        "#]],
    );
}

#[test]
fn the_words() {
    check_words(
        "
        server POST /report 0..2400
          SELECT * FROM items WHERE report = 7 10+30
          GET http://rates/today 50+40
          POST http://pdf/render 1900+300
        ",
        expect![[r#"
            For 1.8 s (75.4%) of the request nothing in POST /report has a span: after GET rates/today, before POST pdf/render, beginning 90 ms into it. What it is cannot be told from this trace: work, a call or a lock without a span, a pause of the runtime, a sleep. A profile of the process over such a request decides between work and waiting, and a span around what stands between the two names it.
              GET rates/today: is what ended before it
              POST pdf/render: is what began after it
              90 ms: from the beginning of the request on
        "#]],
    );
}
