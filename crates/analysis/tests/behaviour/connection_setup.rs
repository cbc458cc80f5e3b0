//! Connections that are opened again and again, in a request or in each.

use expect_test::{Expect, expect};
use hotspan_analysis::analyze_profile;

use super::draw::{check_findings, check_words, draw_finding, profile, records};

#[test]
fn for_each_call() {
    check_findings(
        "
        trace 1 lang=javascript
        server GET /page 0..900
          repeat ×4 every 200
            internal tcp.connect 10+15 net.peer.name=api
            internal tls.connect 26+20 net.peer.name=api
            GET http://api/items/{n} 48+60
        ",
        expect![[r#"
            connection-setup: New connections: api, 4 of 8 calls, 140.0 ms, connection_per_call (likely)
        "#]],
    );
}

#[test]
fn inside_the_calls() {
    check_findings(
        "
        trace 1 lang=go
        server GET /page 0..900
          repeat ×4 every 200
            GET http://api/items/{n} 10+100
              internal http.getconn 11+50 net.host.name=api:443
                internal http.dns 12+8 net.host.name=api
                internal http.connect 21+12 http.remote=10.0.0.7:443
                internal http.tls 34+25
        ",
        expect![[r#"
            connection-setup: New connections: api, 4 of 12 calls, 180.0 ms, connection_per_call (likely)
        "#]],
    );
}

#[test]
fn one_step_in_another() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×3 every 200
            internal tls.connect 10+40 net.peer.name=api
              internal tcp.connect 11+15 net.peer.name=api
            GET http://api/items/{n} 52+60
        ",
        expect![[r#"
            connection-setup: New connections: api, 3 of 3 calls, 120.0 ms, connection_per_call (likely)
        "#]],
    );
}

#[test]
fn to_a_database() {
    check_findings(
        "
        trace 1 lang=php
        server GET /page 0..400
          repeat ×4 every 60
            client PDO::__construct 10+22 db.system=mysql net.peer.name=db
            SELECT * FROM a{n} WHERE id = 7 33+3
        ",
        expect![[r#"
            connection-setup: New connections: db, 4 of 4 calls, 88.0 ms, connection_per_call (likely)
        "#]],
    );
}

#[test]
fn names_only() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×5 every 100
            internal dns.lookup 10+12 net.peer.name=api
            GET http://api/items/{n} 23+30
        ",
        expect![[r#"
            connection-setup: Name resolved again: api, 5 of 5 calls, 60.0 ms, name_resolved_per_call (likely)
        "#]],
    );
}

#[test]
fn opened_once_and_kept() {
    check_findings(
        "
        server GET /page 0..900
          internal tcp.connect 10+35 net.peer.name=api
          internal tls.connect 46+40 net.peer.name=api
          GET http://api/items/{n} 90+60 ×4 every 70
        ",
        expect![[""]],
    );
}

#[test]
fn to_different_hosts() {
    check_findings(
        "
        server GET /page 0..900
          internal tcp.connect 10+35 net.peer.name=api
          GET http://api/a 46+10
          internal tcp.connect 60+35 net.peer.name=search
          GET http://search/b 96+10
          internal tcp.connect 110+35 net.peer.name=mail
          POST http://mail/c 146+10
        ",
        expect![[""]],
    );
}

#[test]
fn names_that_are_not_told() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×4 every 100
            client dns.lookup 10+35
            GET http://api{n}x/a 46+10
        ",
        expect![[""]],
    );
}

#[test]
fn needed_at_one_time() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×4 every 30
            internal tcp.connect 10+25 net.peer.name=api
            GET http://api/items/{n} 36+200
        ",
        expect![[""]],
    );
}

#[test]
fn they_cost_next_to_nothing() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×5 every 100
            internal tcp.connect 10+0.4 net.peer.name=api
            GET http://api/items/{n} 11+30 =404
        ",
        expect![[""]],
    );
}

#[test]
fn waiting_for_a_pool_is_no_connecting() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×5 every 100
            client pg-pool.connect 10+8 db.system=postgresql net.peer.name=db
            SELECT * FROM a{n} WHERE id = 7 19+3
        ",
        expect![[""]],
    );
}

#[test]
fn of_credential_lookups() {
    check_findings(
        "
        trace 1 lang=ruby
        server POST /up 0..9000
          repeat ×3 every 2000
            internal connect 10+30 net.peer.name=169.254.169.254
            PUT http://169.254.169.254/latest/api/token 41+2
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 44+2
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 47+2
        ",
        expect![[""]],
    );
}

/// Requests of 80 ms to a service, some with a connection of their own.
fn requests(every: u32, with: u32, without: u32, connect: &str) -> String {
    format!(
        "trace 1 lang=python at=5 ×{without} every {every}
server GET /price 0..80
  GET http://prices/7 20+40
trace 1 lang=python ×{with} every {every}
server GET /price 0..80
  {connect}
  GET http://prices/7 20+40
"
    )
}

fn check_profile(text: &str, expected: Expect) {
    let records = records(text);
    assert!(records.iter().all(|record| record.findings.is_empty()), "no trace shows it");
    let findings = analyze_profile(&profile(&records));
    let lines = findings.iter().map(|f| format!("{}\n{}\n", draw_finding(f).trim(), f.cause.text));
    expected.assert_eq(&lines.collect::<String>());
}

const CONNECT: &str = "internal connect 1+12 net.peer.name=prices";

#[test]
fn one_in_every_request() {
    check_profile(
        &requests(500, 60, 1, CONNECT),
        expect![[r#"
        -> New connections: prices 14.8%: connection_per_request (likely) | Keep one session
        60 of 61 requests opened a connection to prices, 60 connections in all, 12 ms each. Nothing repeats inside a request, so no single trace shows this: the client or the connection lives as long as one request, or idle connections are closed sooner than the next request comes.
    "#]],
    );
    let resolve = "internal dns.lookup 1+9 net.peer.name=prices";
    check_profile(
        &requests(500, 60, 1, resolve),
        expect![[r#"
        -> Name resolved again: prices 11.1%: name_resolved_per_request (likely) | Keep one session
        60 of 61 requests resolved the name prices, 60 times in all, 9.0 ms each. Nothing keeps the answer, or the connection, until the next request.
    "#]],
    );
}

#[test]
fn not_in_most_requests() {
    check_profile(&requests(500, 20, 60, CONNECT), expect![[""]]);
}

#[test]
fn requests_far_apart() {
    check_profile(&requests(30_000, 60, 1, CONNECT), expect![[""]]);
}

#[test]
fn too_few_requests_or_too_little_time() {
    check_profile(&requests(500, 20, 1, CONNECT), expect![[""]]);
    let quick = "internal connect 1+0.5 net.peer.name=prices";
    check_profile(&requests(500, 60, 1, quick), expect![[""]]);
}

#[test]
fn one_issue_in_both_forms() {
    let often = "server GET /price 0..900
  repeat ×4 every 100
    internal connect 1+20 net.peer.name=prices
    GET http://prices/a{n} 22+40";
    let in_trace = records(often)[0].findings[0].fingerprint.clone();
    let in_profile = analyze_profile(&profile(&records(&requests(500, 60, 1, CONNECT))));
    assert_eq!(in_profile[0].fingerprint, in_trace);
}

#[test]
fn the_words() {
    check_words(
        "
        server GET /page 0..900
          repeat ×4 every 200
            internal tcp.connect 10+15 net.peer.name=api
            internal tls.connect 26+20 net.peer.name=api
            GET http://api/items/{n} 48+60
        ",
        expect![[r#"
            4 connections to api are opened in one request, one after the other, 35 ms each: 140 ms of its critical path (15.6%). A connection can serve the next call as well; most likely a client is created for each call, or the connection is closed after it.
              4 × 35 ms: connections and the mean of all steps of one
        "#]],
    );
}
