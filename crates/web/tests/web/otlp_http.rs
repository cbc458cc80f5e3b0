//! OTLP over HTTP: both formats, every encoding, partial success and refusals.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::client::{Answer, Request};
use crate::payload::{MIB, attribute, brotli, deflate, gzip, json, nanos, protobuf, span, zstd};
use crate::server::Server;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const TAKEN: &str = "200 accepted.requests+1 accepted.spans+1";

/// Sends to the OTLP listener and compares status and counters.
async fn check(server: &Server, name: &str, request: Request, expected: &str) -> Answer {
    let (answer, moved) = server.moved(request.send(server.otlp_http)).await;
    let told = format!("{} {moved}", answer.status);
    assert_eq!(told.trim_end(), expected, "{name}: {:?}", answer.text());
    answer
}

fn traces(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post("/v1/traces", body).header("Content-Type", content_type)
}

/// `google.rpc.Status`, of which only the first two fields matter here.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_and_encodings() {
    let server = Server::open().await;
    let one = |id: u8| protobuf(vec![span(1, id)]);
    for (name, request) in [
        ("protobuf", traces(PROTOBUF, one(1))),
        ("protobuf in capitals", traces("Application/X-Protobuf", one(2))),
        ("JSON", traces(JSON, json(1, 3))),
        ("JSON with a charset", traces("application/json; charset=utf-8", json(1, 4))),
        ("gzip", traces(PROTOBUF, gzip(&one(5))).header("Content-Encoding", "gzip")),
        ("zstd", traces(PROTOBUF, zstd(&one(6))).header("Content-Encoding", "zstd")),
        ("deflate", traces(PROTOBUF, deflate(&one(7))).header("Content-Encoding", "deflate")),
        ("brotli", traces(JSON, brotli(json(1, 8).as_bytes())).header("Content-Encoding", "br")),
        ("empty encoding", traces(JSON, json(1, 9)).header("Content-Encoding", "")),
        ("chunked", traces(JSON, json(1, 10)).chunked()),
    ] {
        let answer = check(&server, name, request.clone(), TAKEN).await;
        // The partial success of a full success is unset, not empty.
        let expected: &[u8] = if answer.header("content-type") == Some(JSON) { b"{}" } else { b"" };
        assert_eq!(answer.body, expected, "{name}");
    }
    check(&server, "empty", traces(PROTOBUF, ""), "200 accepted.requests+1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_in_the_format_of_the_request() {
    let server = Server::open().await;
    let answer = check(
        &server,
        "protobuf",
        traces(PROTOBUF, [0xff, 0xff]),
        "400 rejected_requests.malformed_request+1",
    )
    .await;
    assert_eq!(answer.header("content-type"), Some(PROTOBUF));
    let status = Status::decode(answer.body.as_slice()).expect("a status");
    assert_eq!(status.code, 3, "{status:?}");
    assert!(!status.message.is_empty());

    let answer =
        check(&server, "JSON", traces(JSON, "{"), "400 rejected_requests.malformed_request+1")
            .await;
    assert_eq!(answer.header("content-type"), Some(JSON));
    assert_eq!(answer.json()["code"], 3);

    let request = traces("text/plain", "hello");
    let answer =
        check(&server, "other", request, "415 rejected_requests.unknown_content_type+1").await;
    assert_eq!(answer.header("content-type"), Some(JSON));
    let request = Request::post("/v1/traces", "hello");
    check(&server, "none", request, "415 rejected_requests.unknown_content_type+1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_spans_leave_the_good_ones() {
    let server = Server::open().await;
    let day = 86_400.0;
    let spans = vec![
        span(2, 1),
        span(2, 0),
        span(0, 2),
        Span { end_time_unix_nano: nanos(-9.0), ..span(2, 3) },
        Span {
            start_time_unix_nano: nanos(2.0 * day),
            end_time_unix_nano: nanos(2.0 * day),
            ..span(2, 4)
        },
        Span { attributes: vec![attribute("long", "x".repeat(MIB))], ..span(2, 5) },
    ];
    let expected = "200 accepted.requests+1 accepted.spans+2 dropped_parts.attribute_too_large+1 \
                    rejected.end_before_start+1 rejected.too_new+1 rejected.zero_span_id+1 \
                    rejected.zero_trace_id+1";
    let answer = check(&server, "mixed", traces(PROTOBUF, protobuf(spans)), expected).await;
    let told = ExportTraceServiceResponse::decode(answer.body.as_slice()).expect("a response");
    let partial = told.partial_success.expect("a partial success");
    assert_eq!(partial.rejected_spans, 4);
    for part in ["span 1: ", "span 2: ", "span 3: ", "span 4: "] {
        assert!(partial.error_message.contains(part), "{part}: {}", partial.error_message);
    }
    let mut broken = protobuf(vec![Span { name: "hello".to_owned(), ..span(3, 1) }, span(3, 2)]);
    let at = broken.windows(5).position(|five| five == b"hello").expect("the name");
    broken[at] = 0xff;
    let expected = "200 accepted.requests+1 accepted.spans+1 rejected.invalid_utf8+1";
    check(&server, "not UTF-8", traces(PROTOBUF, broken), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes() {
    let server = Server::open().await;
    let many = (0..100_000u32)
        .map(|number| Span { span_id: u64::from(number + 1).to_be_bytes().to_vec(), ..span(4, 1) });
    let many = protobuf(many.collect());
    check(
        &server,
        "100,000 spans in a trace",
        traces(PROTOBUF, many),
        "200 accepted.requests+1 accepted.spans+100000",
    )
    .await;
    // All are kept; as many as fit are analysed, and the rest is told.
    let counted = |stats: &serde_json::Value| {
        stats["dropped"]["assembly_overflow"].as_u64().is_some_and(|spans| spans > 0)
    };
    server.eventually("/api/v1/stats", counted).await;
    let large = "413 rejected_requests.body_too_large+1";
    let bomb = gzip(&vec![0; 80 * MIB]);
    let request = traces(PROTOBUF, bomb).header("Content-Encoding", "gzip");
    let answer = check(&server, "zip bomb", request, large).await;
    let status = Status::decode(answer.body.as_slice()).expect("a status");
    assert_eq!((status.code, answer.header("retry-after")), (8, None));
    check(&server, "65 MiB", traces(PROTOBUF, vec![0; 65 * MIB]), large).await;
    let half = gzip(&protobuf(vec![span(5, 1)]));
    let request = traces(PROTOBUF, &half[..half.len() / 2]).header("Content-Encoding", "gzip");
    check(&server, "truncated gzip", request, "400 rejected_requests.corrupt_body+1").await;
    let request = traces(PROTOBUF, "").header("Content-Encoding", "rot13");
    check(&server, "unknown encoding", request, "415 rejected_requests.unknown_encoding+1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_says_when_to_come_back() {
    let server = Server::start(|config| {
        config.receiving_bytes_max = MIB;
        config.otlp_patience = std::time::Duration::from_millis(20);
    })
    .await;
    let request = traces(PROTOBUF, vec![0; 2 * MIB]);
    let answer = check(&server, "no room", request, "429 rejected_requests.busy+1").await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    let status = Status::decode(answer.body.as_slice()).expect("a status");
    assert_eq!(status.code, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_and_keys() {
    let open = Server::open().await;
    let closed = Server::start(|config| config.keys_required = true).await;
    let key_open = open.state.catalogue.add_project("shop").await.expect("a project").key;
    let key_closed = closed.state.catalogue.add_project("shop").await.expect("a project").key;
    let denied = |status: u16, reason: &str| format!("{status} rejected_requests.{reason}+1");
    type Headers = fn(&str) -> Vec<(&'static str, String)>;
    let cases: [(&str, Headers, String, String); 7] = [
        ("nothing", |_| vec![], TAKEN.to_owned(), denied(401, "key_missing")),
        (
            "own header",
            |key| vec![("x-hotspan-key", key.to_owned())],
            TAKEN.to_owned(),
            TAKEN.to_owned(),
        ),
        (
            "bearer",
            |key| vec![("Authorization", format!("Bearer {key}"))],
            TAKEN.to_owned(),
            TAKEN.to_owned(),
        ),
        (
            "wrong key",
            |_| vec![("x-hotspan-key", "nope".to_owned())],
            denied(403, "key_unknown"),
            denied(403, "key_unknown"),
        ),
        (
            "foreign bearer",
            |_| vec![("Authorization", "Bearer nope".to_owned())],
            TAKEN.to_owned(),
            denied(403, "key_unknown"),
        ),
        (
            "name",
            |_| vec![("x-hotspan-project", "new".to_owned())],
            TAKEN.to_owned(),
            denied(401, "key_missing"),
        ),
        (
            "key and another name",
            |key| vec![("x-hotspan-key", key.to_owned()), ("x-hotspan-project", "new".to_owned())],
            denied(403, "key_of_other_project"),
            denied(403, "key_of_other_project"),
        ),
    ];
    for (number, (name, headers, expected_open, expected_closed)) in cases.into_iter().enumerate() {
        let body = protobuf(vec![span(6, number as u8 + 1)]);
        for (server, key, expected) in
            [(&open, &key_open, expected_open), (&closed, &key_closed, expected_closed)]
        {
            let request = headers(key)
                .into_iter()
                .fold(traces(PROTOBUF, body.clone()), |request, (name, value)| {
                    request.header(name, &value)
                });
            check(server, name, request, &expected).await;
        }
    }
    let projects = open.state.catalogue.projects().await.expect("a list");
    let names: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ["default", "shop", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_signals_are_counted() {
    let server = Server::open().await;
    let data_points = vec![NumberDataPoint::default(); 3];
    let gauge = Metric {
        name: "queue".to_owned(),
        data: Some(metric::Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    };
    let metrics = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics { metrics: vec![gauge], ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    };
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![LogRecord::default(); 2],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let post = |path: &str, content_type: &str, body: Vec<u8>| {
        Request::post(path, body).header("Content-Type", content_type)
    };
    let json = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}"#.to_vec();
    for (name, request, expected) in [
        (
            "metrics",
            post("/v1/metrics", PROTOBUF, metrics.encode_to_vec()),
            "200 ignored_items.otlp.metrics+3",
        ),
        ("logs", post("/v1/logs", PROTOBUF, logs.encode_to_vec()), "200 ignored_items.otlp.logs+2"),
        ("logs in JSON", post("/v1/logs", JSON, json), "200 ignored_items.otlp.logs+2"),
        (
            "broken logs",
            post("/v1/logs", PROTOBUF, vec![0xff]),
            "400 rejected_requests.malformed_request+1",
        ),
        ("profiles", post("/v1development/profiles", PROTOBUF, vec![]), "404"),
    ] {
        check(&server, name, request, expected).await;
    }
    let answer = Request::get("/v1/traces").send(server.otlp_http).await;
    assert_eq!(answer.status, 405);
}
