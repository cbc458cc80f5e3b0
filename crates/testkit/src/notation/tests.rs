//! What the notation turns into, as tables.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: Expect) {
    let lines: Vec<String> = parse(text).iter().map(draw).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

fn draw(span: &Span) -> String {
    let ms = |time: UnixNanos| time.since(BASE) as f64 / 1e6;
    let parent = span.parent.map_or("-".to_owned(), |id| id.0[7].to_string());
    let attributes: Vec<String> =
        span.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "{}/{}<{parent} {} `{}` {}..{} {:?} {} {}",
        span.trace_id.0[15],
        span.span_id.0[7],
        span.kind.slug(),
        span.name,
        ms(span.start),
        ms(span.end),
        span.entry,
        span.status.slug(),
        attributes.join(" ")
    )
}

#[test]
fn shapes() {
    check(
        "
        GET /reports 0..50
          process 1..49
            repeat ×2 every 10
              GET http://a/b 2+1
              client - 5+1 !error orphan
          db 3+1 service=db unsure
        ",
        expect![[r#"
            1/1<- server `GET /reports` 0..50 Yes unset http.request.method=GET http.route=/reports
            1/2<1 internal `process` 1..49 No unset 
            1/3<2 client `GET` 2..3 No unset http.request.method=GET url.full=http://a/b server.address=a http.response.status_code=200
            1/4<255 client `` 5..6 No error 
            1/5<2 client `GET` 12..13 No unset http.request.method=GET url.full=http://a/b server.address=a http.response.status_code=200
            1/6<255 client `` 15..16 No error 
            1/7<1 internal `db` 3..4 Unknown unset 
        "#]],
    );
}

#[test]
fn attributes() {
    check(
        "
        GET /reports 0..50
          client q 1+1 a.b=7 a.c=\"7 or\\n8\" a.d='{\"e\": 1}' a.f=true a.g=[\"h\"] =404
          SELECT a.b='x y' 1+1
        ",
        expect![[r#"
            1/1<- server `GET /reports` 0..50 Yes unset http.request.method=GET http.route=/reports
            1/2<1 client `q` 1..2 No error a.b=7 a.c=7 or
            8 a.d={"e": 1} a.f=true a.g=["h"] http.response.status_code=404
            1/3<1 client `SELECT` 1..2 No unset db.system.name=postgresql db.query.text=SELECT a.b='x y'
        "#]],
    );
}

#[test]
fn styles() {
    let text = |style: &str| {
        format!(
            "trace 1 style={style}\nGET /r 0..9\n  PUT http://h:8/p 1..2 =403\n  SELECT 1 2..3\n  aws S3.PutObject 3..4\n"
        )
    };
    let all: Vec<String> = Style::ALL.iter().map(|(name, _)| text(name)).collect();
    check(
        &all.join(""),
        expect![[r#"
        1/1<- server `GET /r` 0..9 Yes unset http.request.method=GET http.route=/r
        1/2<1 client `PUT` 1..2 No error http.request.method=PUT url.full=http://h:8/p server.address=h http.response.status_code=403
        1/3<1 client `SELECT` 2..3 No unset db.system.name=postgresql db.query.text=SELECT 1
        1/4<1 client `S3.PutObject` 3..4 No unset rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
        2/1<- server `GET /r` 0..9 Yes unset http.method=GET http.route=/r
        2/2<1 client `PUT` 1..2 No error http.method=PUT http.url=http://h:8/p http.status_code=403
        2/3<1 client `SELECT` 2..3 No unset db.system=postgresql db.statement=SELECT 1
        2/4<1 client `S3.PutObject` 3..4 No unset rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
        3/1<- server `GET /r` 0..9 Yes unset http.method=GET http.route=/r
        3/2<1 client `HTTP PUT` 1..2 No error http.method=PUT http.target=/p net.peer.name=h http.status_code=403
        3/3<1 client `SELECT` 2..3 No unset db.system=postgresql db.statement=SELECT 1
        3/4<1 client `S3.PutObject` 3..4 No unset rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
        4/1<- server `GET /r` 0..9 Yes unset sentry.op=http.server sentry.transaction.source=route
        4/2<1 client `PUT http://h:8/p` 1..2 No error sentry.op=http.client http.request.method=PUT url=http://h:8/p http.response.status_code=403
        4/3<1 client `SELECT 1` 2..3 No unset sentry.op=db.sql.query
        4/4<1 client `S3.PutObject` 3..4 No unset sentry.op=rpc rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
        5/1<- server `GET /r` 0..9 Yes unset sentry.op=http.server sentry.transaction.source=route
        5/2<1 client `PUT http://h:8/p` 1..2 No error sentry.op=http.client status=403
        5/3<1 client `SELECT 1` 2..3 No unset sentry.op=db.sql.query
        5/4<1 client `S3.PutObject` 3..4 No unset sentry.op=rpc rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
        6/1<- server `GET /r` 0..9 Yes unset sentry.op=http.server sentry.transaction.source=route
        6/2<1 client `PUT h` 1..2 No error sentry.op=http.client http.request.method=PUT url.full=http://h:8/p server.address=h http.response.status_code=403
        6/3<1 client `SELECT 1` 2..3 No unset sentry.op=db.sql.query
        6/4<1 client `S3.PutObject` 3..4 No unset sentry.op=rpc rpc.system=aws-api rpc.service=S3 rpc.method=PutObject
    "#]],
    );
}

#[test]
fn more_traces() {
    check(
        "
        trace 1 ×2 every 1000 weight=4
        job 0..1
        trace 9 at=5
        job 0..1
        ",
        expect![[r#"
            1/1<- server `job` 0..1 Yes unset 
            2/1<- server `job` 1000..1001 Yes unset 
            3/1<- server `job` 5..6 Yes unset 
        "#]],
    );
}
