//! Calls that end at a time-out, and calls that only take long.

use expect_test::expect;

use super::draw::{check_findings, check_words};

#[test]
fn equal_lengths_without_an_answer() {
    check_findings(
        "
        trace 1 lang=python
        server GET /page 0..20000
          GET http://stock/items/1 10+5003 !timeout
          GET http://stock/items/2 5020+5011 !timeout
          GET http://stock/items/3 10040+5006 !timeout
        ",
        expect![[r#"
            timeout-plateau: Time-outs: GET stock/items/{id}, 3 of 3 calls, 15020.0 ms, calls_time_out (likely)
        "#]],
    );
}

#[test]
fn they_say_so_themselves() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://stock/items/1 10+700 !timeout error.type=timeout
          GET http://stock/prices 720+705 !timeout error.type=timeout
          GET http://stock/items/3 1430+702 !timeout error.type=timeout
        ",
        expect![[r#"
            timeout-plateau: Time-outs: a call to stock, 3 of 3 calls, 2107.0 ms, calls_time_out (very likely)
        "#]],
    );
}

#[test]
fn one_at_a_known_time_out() {
    check_findings(
        "
        trace 1 lang=ruby
        server POST /pay 0..61000
          SELECT * FROM orders WHERE id = 7 5+2
          POST http://pay/charges 10+60004 !timeout
        ",
        expect![[r#"
            timeout-plateau: Time-outs: POST pay/charges, 1 of 1 calls, 60004.0 ms, call_timed_out (likely)
        "#]],
    );
}

#[test]
fn one_that_says_so() {
    check_findings(
        "
        server GET /page 0..4000
          client q 10+3000 rpc.system=grpc rpc.service=shop.Cart rpc.method=Get !error rpc.grpc.status_code=4
        ",
        expect![[r#"
            timeout-plateau: Time-outs: shop.Cart/Get, 1 of 1 calls, 3000.0 ms, call_timed_out (very likely)
        "#]],
    );
}

#[test]
fn a_gateway_gave_up() {
    check_findings(
        "
        server GET /page 0..30000
          GET http://reports/yearly 10+29010 =504
        ",
        expect![[r#"
            timeout-plateau: Time-outs: GET reports/yearly, 1 of 1 calls, 29010.0 ms, call_timed_out (very likely)
        "#]],
    );
}

#[test]
fn while_connecting() {
    check_findings(
        "
        trace 1 lang=javascript
        server GET /page 0..11000
          GET http://stock/items/1 10+10004 !error
            internal tcp.connect 12+10001 !error net.peer.name=stock
        ",
        expect![[r#"
            timeout-plateau: Time-outs: connect stock, 1 of 1 calls, 10001.0 ms, call_timed_out (likely)
        "#]],
    );
}

#[test]
fn without_names() {
    check_findings(
        "
        trace 1 style=sentry sdk=sentry.ruby/6.6.2
        server GET /page 0..9000
          client - 10+2003 !error =500
          client - 2020+2001 !error =500
          client - 4030+2005 !error =500
        ",
        expect![[r#"
            timeout-plateau: Time-outs: a call without a name, 3 of 3 calls, 6009.0 ms, calls_time_out (likely)
        "#]],
    );
}

#[test]
fn gaps_where_spans_are_dropped() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /page 0..9000
          repeat ×3 every 2500
            GET http://config/a 5+10
            GET http://stock/b 2020+10
        ",
        expect![[r#"
            timeout-plateau: Time-outs without a span: before GET stock/b, 3 of 3 calls, 6000.0 ms, timeouts_without_spans (possible)
        "#]],
    );
}

#[test]
fn answered_after_a_wait_for_a_name_server() {
    check_findings(
        "
        trace 1 lang=python
        server GET /page 0..20000
          GET http://api/a 10+5012
          GET http://api/b 5030+11 ×6 every 15
          GET http://api/c 5200+5013
          GET http://api/d 10300+5011
        ",
        expect![[r#"
            timeout-plateau: Time-outs: a call to api, 3 of 3 calls, 15036.0 ms, wait_before_answer (likely)
        "#]],
    );
}

#[test]
fn waits_for_a_lock_in_a_database() {
    check_findings(
        "
        server POST /order 0..60000
          UPDATE stock SET n = $1 WHERE sku = $2 10+50002 !error status_code=0
        ",
        expect![[r#"
            timeout-plateau: Time-outs: UPDATE stock, 1 of 1 calls, 50002.0 ms, call_timed_out (possible)
        "#]],
    );
}

#[test]
fn attempts_that_are_no_storm() {
    check_findings(
        "
        trace 1 lang=python
        server GET /page 0..11000
          GET http://stock/items/1 10+5004 !timeout
          GET http://stock/items/1 5020+5003 !timeout
        ",
        expect![[r#"
            timeout-plateau: Time-outs: GET stock/items/{id}, 2 of 2 calls, 10007.0 ms, call_timed_out (likely)
        "#]],
    );
    check_findings(
        "
        trace 1 lang=python
        server GET /page 0..6000
          GET http://stock/items/1 10+5004 !timeout
          GET http://stock/items/1 5020+30
        ",
        expect![[r#"
            timeout-plateau: Time-outs: GET stock/items/{id}, 1 of 1 calls, 5004.0 ms, call_timed_out (likely)
        "#]],
    );
}

#[test]
fn slow_calls_of_different_lengths() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://stock/items/1 10+1200
          GET http://stock/items/2 1220+2100
          GET http://stock/items/3 3330+1700
        ",
        expect![[""]],
    );
}

#[test]
fn equal_work_that_was_answered() {
    check_findings(
        "
        server POST /render 0..9000
          POST http://render/pages 10+2210 ×3 every 2230
        ",
        expect![[""]],
    );
}

#[test]
fn slow_around_a_second_and_answered() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://search/q1 10+1005
          GET http://search/q2 1020+1012
          GET http://search/q3 2040+1008
          GET http://search/q4 3060+760
          GET http://search/q5 3830+1300
        ",
        expect![[""]],
    );
}

#[test]
fn answers_of_equal_length_to_equal_questions() {
    check_findings(
        "
        server POST /jobs 0..9000
          POST http://worker/run 10+1004 ×3 every 1020
        ",
        expect![[""]],
    );
}

#[test]
fn long_polling() {
    check_findings(
        "
        server GET /next 0..70000
          GET http://bus/topics/a/events 10+20003 ×3 every 20010 !timeout
        server GET /lead 0..40000
          GET http://consul/v1/kv/leader?index=7&wait=30s 10+30004
        ",
        expect![[""]],
    );
}

#[test]
fn blocking_commands() {
    check_findings(
        "
        consumer work 0..40000
          client BLPOP 10+5004 ×6 every 5010 db.system.name=redis db.operation.name=BLPOP
          aws SQS.ReceiveMessage 30100+5000
        ",
        expect![[""]],
    );
}

#[test]
fn cancelled_together() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://stock/items/1 10+1777 !error
          GET http://stock/items/2 11+1776 !error
          GET http://stock/items/3 12+1775 !error
        ",
        expect![[""]],
    );
}

#[test]
fn one_failure_of_any_length() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://stock/items/1 10+3470 !error
        ",
        expect![[""]],
    );
}

#[test]
fn a_short_time_out_in_a_long_request() {
    check_findings(
        "
        server GET /page 0..90000
          GET http://stock/items/1 10+1003 !timeout error.type=timeout
        ",
        expect![[""]],
    );
}

#[test]
fn failures_of_one_odd_length() {
    check_findings(
        "
        server GET /page 0..9000
          client a 10+702 rpc.system=grpc rpc.service=shop.Cart rpc.method=Get !error
          client b 720+705 rpc.system=grpc rpc.service=shop.Cart rpc.method=List !error
          client c 1430+703 rpc.system=grpc rpc.service=shop.Cart rpc.method=Sum !error
        ",
        expect![[""]],
    );
}

#[test]
fn answered_and_all_long() {
    check_findings(
        "
        trace 1 lang=go
        server GET /page 0..20000
          GET http://api/a 10+5012
          GET http://api/b 5030+5014
          GET http://api/c 10050+5011
        ",
        expect![[r#"
            timeout-plateau: Time-outs: a call to api, 3 of 3 calls, 15037.0 ms, wait_before_answer (possible)
        "#]],
    );
    // A second is what many services take for their work.
    check_findings(
        "
        trace 1 lang=go
        server GET /page 0..5000
          GET http://api/a 10+1012
          GET http://api/b 1030+1014
          GET http://api/c 2050+1011
        ",
        expect![[""]],
    );
}

#[test]
fn server_errors_are_answers() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://stock/items/1 10+1503 =500
          GET http://stock/items/2 1520+1504 =500
          GET http://stock/items/3 3030+1502 =500
        ",
        expect![[""]],
    );
}

#[test]
fn nobody_waited_for_them() {
    check_findings(
        "
        server GET /page 0..9000
          POST http://render/pages 1+8990
          GET http://stats/a 10+2001 !timeout error.type=timeout
          GET http://stats/b 2020+2001 !timeout error.type=timeout
          GET http://stats/c 4030+2001 !timeout error.type=timeout
        ",
        expect![[""]],
    );
}

#[test]
fn pauses_between_looks_are_no_dropped_spans() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /wait 0..9000
          GET http://jobs/7 5+10 ×5 every 2010
        ",
        expect![[""]],
    );
}

#[test]
fn the_words() {
    check_words(
        "
        trace 1 lang=ruby
        server POST /pay 0..190000
          GET http://stock/items/1 10+60003 !timeout
          GET http://stock/items/2 60020+60011 !timeout
          GET http://stock/items/3 120040+60006 !timeout
        ",
        expect![[r#"
            3 times GET stock/items/{id} ended after 60.0 s each, with an error and without an answer. Work does not take the same time again and again: these calls waited for an answer until somebody gave up. 60.0 s is the default of Net::HTTP for opening a connection and for reading, also under Faraday, HTTParty and RestClient. They take 3 min of the critical path (94.7%). Whether the other side has spans of it decides the rest: if it has, it is too slow; if it has none, the way there is blocked, or the name leads to where nobody listens.
              60.003 s to 60.011 s: from the shortest to the longest of them
              0 of 3: say themselves that time was over
        "#]],
    );
}
