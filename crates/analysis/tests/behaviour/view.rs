//! The view of a trace page: what hangs where, what is marked, what is missing.

use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_analysis::{TraceNode, trace_view};
use hotspan_testkit::notation;

fn check(text: &str, expected: Expect) {
    let view = trace_view(&Arc::from("default"), &notation::parse(text));
    let at = |time: hotspan_model::UnixNanos| time.since(view.start) as f64 / 1e6;
    let ms = |nanos: i64| nanos as f64 / 1e6;
    let node = |(place, node): (usize, &TraceNode)| {
        let parent = node.parent.map_or("-".to_owned(), |parent| parent.to_string());
        format!(
            "{place}<{parent}{} `{}` {}..{} self {} critical {} {}{}\n",
            if node.inferred { "?" } else { "" },
            node.span.name,
            at(node.span.start),
            at(node.span.end),
            ms(node.self_ns),
            ms(node.critical_ns),
            node.class.slug(),
            if node.offender { " !" } else { "" },
        )
    };
    let mut lines: String = view.nodes.iter().enumerate().map(node).collect();
    for hidden in &view.hidden {
        lines.push_str(&format!(
            "hidden before {}: `{}` {}..{}\n",
            hidden.before,
            hidden.label,
            at(hidden.start),
            at(hidden.end)
        ));
    }
    expected.assert_eq(&lines);
}

#[test]
fn siblings_hang_under_what_covers_them_and_gaps_are_named() {
    check(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server POST /up 0..4500
          internal UploadsController#up 10..4490
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2060+5
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 2066+4
          PUT http://bucket.s3.amazonaws.com/tmp/1 2100+40
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 4200+5
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 4206+4
        ",
        expect![[r#"
            0<- `POST /up` 0..4500 self 20 critical 20 own
            1<0 `UploadsController#up` 10..4490 self 422 critical 422 own
            2<1? `GET 169.254.169.254/latest/meta-data/iam/security-credentials` 2060..2065 self 5 critical 5 credential_lookup !
            3<1? `GET 169.254.169.254/latest/meta-data/iam/security-credentials/{role}` 2066..2070 self 4 critical 4 credential_lookup !
            4<1? `PUT bucket.s3.amazonaws.com/tmp/{id}` 2100..2140 self 40 critical 40 http
            5<1? `GET 169.254.169.254/latest/meta-data/iam/security-credentials` 4200..4205 self 5 critical 5 credential_lookup !
            6<1? `GET 169.254.169.254/latest/meta-data/iam/security-credentials/{role}` 4206..4210 self 4 critical 4 credential_lookup !
            hidden before 2: `PUT /latest/api/token (no span: timed out)` 60..2060
            hidden before 5: `PUT /latest/api/token (no span: timed out)` 2200..4200
        "#]],
    );
}

#[test]
fn services_and_strays() {
    check(
        "
        server GET /a 0..100
          POST http://b/x 10..60
            server POST /x 12..58 service=b
          SELECT 1 200..210 orphan
        ",
        expect![[r#"
            0<- `GET /a` 0..100 self 50 critical 50 own
            1<0 `POST b/x` 10..60 self 50 critical 50 http
            2<1 `POST /x` 12..58 self 46 critical 46 own
            3<- `SELECT` 200..210 self 10 critical 0 database
        "#]],
    );
}
