//! What texts mean, what is wrong with others, and that no text is a surprise.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{SpanFilter, parse};

/// Each text as it reads back, or what is wrong with it.
fn check(texts: &[&str], expected: Expect) {
    let lines: Vec<String> = texts
        .iter()
        .map(|text| match parse(text) {
            Ok(filter) => format!("{text}  ->  {filter}"),
            Err(error) => {
                format!("{text}\n{}{}  {error}", " ".repeat(error.column), "^".repeat(error.width))
            }
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn fields() {
    check(
        &[
            "",
            "service:api",
            "service.name:api env:prod release:1.2.* project:default scope:*redis*",
            "duration:>2s duration:<=1.5ms span.duration:500 duration:>1h duration:<300us duration:>7µs",
            "status:error status:[ok,unset] kind:Server span:kind = client",
            "http.status_code:404 http.response.status_code:>=500 http.status:5xx http.status:[404,4*]",
            "start:>=2026-11-23T14:02 timestamp:<2026-11-23T14:02:11.25+02:00 time:>2026-11-23 time:<1795442531250",
            "trace:4bf92f3577b34da6a3ce929d0e0e4736 4bf92f3577b34da6a3ce929d0e0e4736 id:00f067aa0ba902b7 parent:00f067aa0ba902b7",
            "is:entry is:root is:error entry:false has:environment has:parent has:name env:*",
        ],
        expect![[r#"
              ->  
            service:api  ->  service:"api"
            service.name:api env:prod release:1.2.* project:default scope:*redis*  ->  service:"api" environment:"prod" release:"1.2.*" project:"default" scope:"*redis*"
            duration:>2s duration:<=1.5ms span.duration:500 duration:>1h duration:<300us duration:>7µs  ->  duration:>2000000000ns duration:<=1500000ns duration:500000000ns duration:>3600000000000ns duration:<300000ns duration:>7000ns
            status:error status:[ok,unset] kind:Server span:kind = client  ->  status:error status:[ok,unset] kind:server kind:client
            http.status_code:404 http.response.status_code:>=500 http.status:5xx http.status:[404,4*]  ->  http.status_code:404 http.status_code:>=500 (http.status_code:>=500 http.status_code:<=599) (http.status_code:404 OR (http.status_code:>=400 http.status_code:<=499))
            start:>=2026-11-23T14:02 timestamp:<2026-11-23T14:02:11.25+02:00 time:>2026-11-23 time:<1795442531250  ->  start:>=2026-11-23T14:02:00.000000000Z start:<2026-11-23T12:02:11.250000000Z start:>2026-11-23T00:00:00.000000000Z start:<2026-11-23T14:02:11.250000000Z
            trace:4bf92f3577b34da6a3ce929d0e0e4736 4bf92f3577b34da6a3ce929d0e0e4736 id:00f067aa0ba902b7 parent:00f067aa0ba902b7  ->  trace:4bf92f3577b34da6a3ce929d0e0e4736 trace:4bf92f3577b34da6a3ce929d0e0e4736 id:00f067aa0ba902b7 parent:00f067aa0ba902b7
            is:entry is:root is:error entry:false has:environment has:parent has:name env:*  ->  is:entry !has:parent status:error !is:entry has:environment has:parent {} has:environment"#]],
    );
}

#[test]
fn attributes() {
    check(
        &[
            "http.url:*169.254* has:db.statement !has:db.statement db.system:[mysql,postgresql]",
            "span.http.url:x resource.host.name:web-1 .http.method:GET attributes.a:b op:db.query",
            "http.response.body.size:>10KB x.y:>=1.5MiB x.y:<-3 x.y:=7 x.y:!=7 x.y:\"\" x.y:*",
            "\"my:key\":v span.\"my key\":v has:\"my key\" \"service\":v span.serivce:v",
            "http.url:http://x/y?a=(1)&b=[2] path.x:a\\ b\\*c name:\"GET \\\"x\\\" \\* *\"",
            ".db.statement = nil && .db.statement != nil",
        ],
        expect![[r#"
            http.url:*169.254* has:db.statement !has:db.statement db.system:[mysql,postgresql]  ->  http.url:"*169.254*" db.statement:* !db.statement:* db.system:["mysql","postgresql"]
            span.http.url:x resource.host.name:web-1 .http.method:GET attributes.a:b op:db.query  ->  span.http.url:"x" resource.host.name:"web-1" http.method:"GET" span.a:"b" span.sentry.op:"db.query"
            http.response.body.size:>10KB x.y:>=1.5MiB x.y:<-3 x.y:=7 x.y:!=7 x.y:"" x.y:*  ->  http.response.body.size:>10000.0 x.y:>=1572864.0 x.y:<-3.0 x.y:"7" !x.y:"7" x.y:"" x.y:*
            "my:key":v span."my key":v has:"my key" "service":v span.serivce:v  ->  "my:key":"v" span."my key":"v" "my key":* "service":"v" span.serivce:"v"
            http.url:http://x/y?a=(1)&b=[2] path.x:a\ b\*c name:"GET \"x\" \* *"  ->  http.url:"http://x/y?a=(1)&b=[2]" path.x:"a b\*c" name:"GET \"x\" \* *"
            .db.statement = nil && .db.statement != nil  ->  !db.statement:* !!db.statement:*"#]],
    );
}

#[test]
fn joined() {
    check(
        &[
            "a OR b c",
            "(a OR b) c",
            "a AND b || c && d",
            "!a -b NOT c !(a b) !!a",
            "-environment:dev (service:a OR (service:b name:x))",
            "{ span.http.status_code >= 500 && resource.service.name = \"api\" } || {}",
            "{ duration > 2s && name = \"GET /x\" && kind != server }",
            "POST /reports -healthz GET*orders \"two words\" http://169.254.169.254/latest",
        ],
        expect![[r#"
            a OR b c  ->  "a" OR ("b" "c")
            (a OR b) c  ->  ("a" OR "b") "c"
            a AND b || c && d  ->  ("a" "b") OR ("c" "d")
            !a -b NOT c !(a b) !!a  ->  !"a" !"b" !"c" !("a" "b") !!"a"
            -environment:dev (service:a OR (service:b name:x))  ->  !environment:"dev" (service:"a" OR (service:"b" name:"x"))
            { span.http.status_code >= 500 && resource.service.name = "api" } || {}  ->  (span.http.status_code:>=500.0 service:"api") OR {}
            { duration > 2s && name = "GET /x" && kind != server }  ->  duration:>2000000000ns name:"GET /x" !kind:server
            POST /reports -healthz GET*orders "two words" http://169.254.169.254/latest  ->  "POST" "/reports" !"healthz" "GET*orders" "two words" "http://169.254.169.254/latest""#]],
    );
}

/// Texts that are not filters, and one that is.
const FAULTS: &[&str] = &[
    "serivce:api",
    "server:x",
    "service:",
    "service: api",
    "service:>api",
    "kind:servr",
    "status:fail",
    "duration:fast",
    "duration:>2parsecs",
    "http.status:ok",
    "start:2026-11-23",
    "start:>yesterday",
    "start:>2026-02-31",
    "trace:abc",
    "is:slow",
    "has:serivce",
    "(service:api",
    "service:api)",
    "()",
    "a OR",
    "AND a",
    "a OR OR b",
    "!",
    "name:\"open",
    "kind:[server,",
    "kind:[server client]",
    "duration:>[1s,2s]",
    "http.url=~\"x.*\"",
    "db.time:>2s",
    "x.y:>abc",
    ":x",
    "é serivce:x",
];

#[test]
fn faults() {
    check(
        FAULTS,
        expect![[r#"
            serivce:api
            ^^^^^^^  at character 1: found `serivce`, expected a field or an attribute (did you mean `service`? An attribute of this name is `span.serivce`)
            server:x  ->  server:"x"
            service:
                    ^  at character 9: found the end, expected a text
            service: api
                    ^  at character 9: found ` `, expected a text (no blank after the colon; quotes keep blanks within a value)
            service:>api
            ^^^^^^^^^^^^  at character 1: found `service:>api`, expected `:` or `=` and a value (service has no order)
            kind:servr
                 ^^^^^  at character 6: found `servr`, expected internal, server, client, producer or consumer (did you mean `server`?)
            status:fail
                   ^^^^  at character 8: found `fail`, expected unset, ok or error
            duration:fast
                     ^^^^  at character 10: found `fast`, expected a duration such as 2s, 1.5ms or 300us
            duration:>2parsecs
                      ^^^^^^^^  at character 11: found `2parsecs`, expected a duration such as 2s, 1.5ms or 300us
            http.status:ok
                        ^^  at character 13: found `ok`, expected an HTTP status such as 404 or 5xx
            start:2026-11-23
                  ^^^^^^^^^^  at character 7: found `2026-11-23`, expected `>`, `>=`, `<` or `<=` before a time
            start:>yesterday
                   ^^^^^^^^^  at character 8: found `yesterday`, expected a time such as 2026-11-23T14:02 (UTC)
            start:>2026-02-31
                   ^^^^^^^^^^  at character 8: found `2026-02-31`, expected a time such as 2026-11-23T14:02 (UTC)
            trace:abc
                  ^^^  at character 7: found `abc`, expected a trace id of 32 hex digits
            is:slow
               ^^^^  at character 4: found `slow`, expected entry, root or error
            has:serivce
                ^^^^^^^  at character 5: found `serivce`, expected the name of an attribute or a field (did you mean `service`? An attribute of this name is `span.serivce`)
            (service:api
                        ^  at character 13: found the end, expected `)` (it closes the bracket at character 1)
            service:api)
                       ^  at character 12: found `)`, expected a condition such as service:api, duration:>2s or a part of a name (there is no bracket open here)
            ()
             ^  at character 2: found `)`, expected a condition such as service:api, duration:>2s or a part of a name
            a OR
                ^  at character 5: found the end, expected a condition such as service:api, duration:>2s or a part of a name
            AND a
            ^^^  at character 1: found `AND`, expected a condition such as service:api, duration:>2s or a part of a name
            a OR OR b
                 ^^  at character 6: found `OR`, expected a condition such as service:api, duration:>2s or a part of a name
            !
             ^  at character 2: found the end, expected a condition such as service:api, duration:>2s or a part of a name
            name:"open
                 ^  at character 6: found `"`, expected a closing quote after it (write \" for a quote within the text)
            kind:[server,
                         ^  at character 14: found the end, expected internal, server, client, producer or consumer
            kind:[server client]
                         ^  at character 14: found `c`, expected `,` or `]`
            duration:>[1s,2s]
                      ^  at character 11: found `[`, expected one value to compare with
            http.url=~"x.*"
                    ^^  at character 9: found `=~`, expected `:` or a sign that compares (there are no regular expressions here; `*` stands for any text, as in http.url:*169.254*)
            db.time:>2s
                     ^^  at character 10: found `2s`, expected a number (the unit of an attribute is not known: write the number as it is sent)
            x.y:>abc
                 ^^^  at character 6: found `abc`, expected a number
            :x
            ^  at character 1: found `:`, expected a condition such as service:api, duration:>2s or a part of a name
            é serivce:x
              ^^^^^^^  at character 3: found `serivce`, expected a field or an attribute (did you mean `service`? An attribute of this name is `span.serivce`)"#]],
    );
}

#[test]
fn limits() {
    for text in [
        "a ".repeat(3_000),
        "a ".repeat(101),
        format!("{}a{}", "(".repeat(40), ")".repeat(40)),
        "!".repeat(40),
        format!("x.y:[{}b]", "a,".repeat(100)),
    ] {
        let error = parse(&text).expect_err("too much");
        assert!(error.expected.starts_with("at most "), "{error}");
    }
    let text = format!("{}a{}", "(".repeat(30), ")".repeat(30));
    assert_eq!(parse(&text), parse("a"));
}

#[test]
fn patterns() {
    for (pattern, text, fits) in [
        ("GET", "GET", true),
        ("GET", "GETS", false),
        ("GET*", "GET /x", true),
        ("*GET", "xGET", true),
        ("*a*b*", "xaxxbx", true),
        ("*a*b*", "xbxxax", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a**a", "aba", true),
        ("*", "", true),
        ("*é*", "café x", true),
    ] {
        let filter = parse(&format!("name:\"{pattern}\"")).expect("a filter");
        let SpanFilter::Term(super::Term::Text(_, patterns)) = filter else {
            panic!("{pattern} is not a text term")
        };
        assert_eq!(patterns[0].fits(text), fits, "{pattern} {text}");
    }
}

/// Pieces of which some make filters.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("service:"),
        Just("duration"),
        Just(":"),
        Just(">"),
        Just(">="),
        Just("2s"),
        Just("="),
        Just("!"),
        Just("-"),
        Just("NOT "),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just(" OR "),
        Just(" AND "),
        Just("&&"),
        Just("||"),
        Just("["),
        Just("]"),
        Just(","),
        Just("\""),
        Just("\\"),
        Just("*"),
        Just("kind:server"),
        Just("status:error"),
        Just("http.url"),
        Just("span."),
        Just("resource."),
        Just("has:"),
        Just("is:entry"),
        Just("http.status:5xx"),
        Just(" "),
        Just("start:>2026-11-23"),
        Just("é"),
        Just("a.b:[x,y]"),
        Just("a.b:>1e3"),
        Just("nil"),
        Just("4bf92f3577b34da6a3ce929d0e0e4736"),
        Just("span:id"),
        Just("\n"),
        Just("name:"),
    ];
    prop_oneof![prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat()), ".{0,24}",]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// Whatever was typed either reads, and reads back the same, or the error
    /// points into the text.
    #[test]
    fn any_text(text in texts()) {
        match parse(&text) {
            Ok(filter) => {
                let printed = filter.to_string();
                let again = parse(&printed);
                prop_assert_eq!(again.as_ref().ok(), Some(&filter), "{} -> {}: {:?}", text, printed, again);
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.at));
                prop_assert_eq!(text[..error.at].chars().count(), error.column);
                prop_assert!(error.column + error.width <= text.chars().count() + 1);
            }
        }
    }
}
