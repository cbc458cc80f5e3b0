//! What a call asked for, how much came back, and which attempt it was.

use super::draw::digest_of;

/// Two lines and whether they ask for the same; `None` when that is not told.
fn check_asked(cases: &[(&str, &str, &str, Option<bool>)]) {
    for (style, one, other, expected) in cases {
        let (first, second) = (digest_of(style, one), digest_of(style, other));
        assert_eq!(first.asks_same(&second), *expected, "{one} | {other}");
        assert_eq!(second.asks_same(&first), *expected, "{other} | {one}");
    }
}

#[test]
fn calls_ask_for_the_same_or_not() {
    let (same, differs, unknown) = (Some(true), Some(false), None);
    let get = "client GET 1+1 db.system=redis";
    let pg = "client q 1+1 db.system.name=postgresql";
    let mongo = "client q 1+1 db.system=mongodb";
    check_asked(&[
        ("otel", "GET http://a/u/7?x=1 1+1", "GET http://a/u/7?x=1 5+1", same),
        ("otel", "GET http://a/u/7?x=1 1+1", "GET http://a/u/7?x=2 5+1", differs),
        ("otel", "GET http://a/u/7 1+1", "GET http://a/u/8 5+1", differs),
        ("otel", "GET http://a:1/u 1+1", "GET http://a:2/u 5+1", differs),
        ("otel", "GET http://a/u 1+1", "HEAD http://a/u 5+1", differs),
        (
            "otel",
            "GET http://a/u?X-Amz-Date=1&b=1 1+1",
            "GET http://a/u?X-Amz-Date=2&b=1 5+1",
            same,
        ),
        ("otel", "POST http://a/u 1+1", "POST http://a/u 5+1", unknown),
        ("otel", "POST http://a/u/7 1+1", "POST http://a/u/8 5+1", differs),
        ("otel-ruby", "GET http://a/u?x=1 1+1", "GET http://a/u?x=2 5+1", differs),
        (
            "sentry",
            "client GET http://a/u 1+1 http.query=x=1",
            "client GET http://a/u 1+1 http.query=x=2",
            differs,
        ),
        (
            "otel",
            "client GET 1+1 http.request.method=GET server.address=a",
            "client GET 1+1 http.request.method=GET server.address=a",
            unknown,
        ),
        (
            "otel",
            "aws SecretsManager.GetSecretValue 1+1 aws.secretsmanager.secret.arn=arn:a",
            "aws SecretsManager.GetSecretValue 1+1 aws.secretsmanager.secret.arn=arn:b",
            differs,
        ),
        ("otel", "aws SSM.GetParameter 1+1", "aws SSM.GetParameter 1+1", unknown),
        ("otel", "SELECT * FROM t WHERE a = 7 1+1", "SELECT * FROM t WHERE a = 7 1+1", same),
        ("otel", "SELECT * FROM t WHERE a = 7 1+1", "SELECT * FROM t WHERE a = 8 1+1", differs),
        ("otel", "SELECT * FROM t WHERE a = ? 1+1", "SELECT * FROM t WHERE a = ? 1+1", unknown),
        (
            "otel",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=7",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=7",
            same,
        ),
        (
            "otel",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=7",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=8",
            differs,
        ),
        (
            "otel",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=[Filtered]",
            "SELECT * FROM t WHERE a = $1 1+1 db.query.parameter.0=[Filtered]",
            unknown,
        ),
        ("sentry", "SELECT * FROM t WHERE a = %s 1+1", "SELECT * FROM t WHERE a = %s 1+1", unknown),
        (
            "sentry",
            "SELECT * FROM t WHERE a IN (1, 2,... 1+1",
            "SELECT * FROM t WHERE a IN (1, 2,... 1+1",
            unknown,
        ),
        ("otel", "SELECT * FROM countries 1+1", "SELECT * FROM countries 1+1", same),
        (
            "otel",
            &format!("{pg} db.query.text=\"SELECT a /*span=1*/\""),
            &format!("{pg} db.query.text=\"SELECT a /*span=2*/\""),
            same,
        ),
        (
            "otel",
            &format!("{get} db.statement=\"GET user:7\""),
            &format!("{get} db.statement=\"GET user:7\""),
            same,
        ),
        (
            "otel",
            &format!("{get} db.statement=\"GET user:7\""),
            &format!("{get} db.statement=\"GET user:8\""),
            differs,
        ),
        (
            "otel",
            &format!("{get} db.statement=\"GET ?\""),
            &format!("{get} db.statement=\"GET ?\""),
            unknown,
        ),
        ("otel", get, get, unknown),
        (
            "sentry",
            "client a:1 1+1 sentry.op=cache.get",
            "client a:2 1+1 sentry.op=cache.get",
            differs,
        ),
        (
            "sentry",
            "client a:1 1+1 sentry.op=cache.put",
            "client a:1 1+1 sentry.op=cache.put",
            unknown,
        ),
        (
            "otel",
            &format!("{mongo} db.statement='{{\"find\":\"u\",\"filter\":{{\"a\":1}}}}'"),
            &format!("{mongo} db.statement='{{\"find\":\"u\",\"filter\":{{\"a\":2}}}}'"),
            differs,
        ),
        (
            "otel",
            &format!("{mongo} db.statement='{{\"find\":\"u\",\"filter\":{{\"a\":\"?\"}}}}'"),
            &format!("{mongo} db.statement='{{\"find\":\"u\",\"filter\":{{\"a\":\"?\"}}}}'"),
            unknown,
        ),
        (
            "otel",
            "aws S3.GetObject 1+1 aws.s3.bucket=b aws.s3.key=k1",
            "aws S3.GetObject 1+1 aws.s3.bucket=b aws.s3.key=k2",
            differs,
        ),
        ("otel", "aws S3.GetObject 1+1", "aws S3.GetObject 1+1", unknown),
        (
            "otel",
            "client x 1+1 rpc.system=grpc rpc.method=a",
            "client x 1+1 rpc.system=grpc rpc.method=a",
            unknown,
        ),
        (
            "otel",
            "producer x 1+1 messaging.destination.name=a",
            "producer x 1+1 messaging.destination.name=a",
            unknown,
        ),
        ("otel", "internal x 1+1 url.full=http://a/", "internal x 1+1 url.full=http://a/", unknown),
    ]);
}

#[test]
fn sizes_and_repeats() {
    for (told, bytes, resent) in [
        ("", 0, 0),
        ("http.response.body.size=1200 http.request.resend_count=2", 1_200, 2),
        ("http.response_content_length=1200 http.resend_count=1", 1_200, 1),
        ("http.response.header.content-length=[\"1200\"]", 1_200, 0),
        ("http.response_transfer_size=1200 http.request.body.size=9", 1_200, 0),
        ("http.response.body.size=0 http.request.body.size=9", 9, 0),
        ("messaging.message.body.size=70", 70, 0),
        ("http.response.body.size=99999999999 http.resend_count=1000", u32::MAX, u8::MAX),
        ("http.response.body.size=-5 http.resend_count=-1", 0, 0),
        ("http.response.body.size=many", 0, 0),
        ("http.response.body.size=9 http.response.header.content-type=[\"image/png\"]", 0, 0),
        ("http.response.body.size=9 http.response.header.content-type=[\"text/html\"]", 9, 0),
    ] {
        let digest = digest_of("otel", &format!("GET http://a/ 1+1 {told}"));
        assert_eq!((digest.payload_bytes, digest.resend_count), (bytes, resent), "{told}");
    }
}
