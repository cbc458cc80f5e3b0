//! Every request that real SDKs sent decodes, and the typical ones decode to
//! what their snapshots show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use expect_test::{Expect, expect, expect_file};
use hotspan_model::{EntryHint, Span};
use hotspan_wire::encoding::{Encoding, decompress};
use hotspan_wire::{Decoded, Shape, jaeger, otlp, sentry, shape_of, zipkin};
use serde::Deserialize;

use crate::show;

/// The folder of all recorded requests.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/captures")
}

/// One recorded request.
pub(crate) struct Capture {
    /// E.g. `sentry-ruby-5.3.0/healthy-b/001`.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) content_type: String,
    /// Decompressed as its header says.
    pub(crate) body: Bytes,
}

#[derive(Deserialize)]
struct Head {
    path: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn value(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}

/// Every recorded request, in the order of their names.
pub(crate) fn all() -> Vec<Capture> {
    let mut captures = Vec::new();
    for sdk in folders(&root()) {
        for case in folders(&sdk) {
            for file in files(&case, ".headers.json") {
                captures.push(capture(&file));
            }
        }
    }
    captures
}

/// The requests of one case, e.g. `sentry-ruby-5.3.0/healthy-b`.
pub(crate) fn case(name: &str) -> Vec<Capture> {
    let captures: Vec<_> =
        files(&root().join(name), ".headers.json").iter().map(|file| capture(file)).collect();
    assert!(!captures.is_empty(), "no requests in {name}");
    captures
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = entries(folder).into_iter().filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let is_wanted = |path: &PathBuf| path.to_string_lossy().ends_with(suffix);
    let mut found: Vec<_> = entries(folder).into_iter().filter(is_wanted).collect();
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect()
}

fn capture(head_file: &Path) -> Capture {
    let stem = head_file.to_string_lossy().replace(".headers.json", "");
    let head = std::fs::read(head_file).expect("the head can be read");
    let head: Head = serde_json::from_slice(&head).expect("the head is JSON");
    let body = std::fs::read(format!("{stem}.body")).expect("the body can be read");
    let encoding = Encoding::from_header(head.value("content-encoding")).expect("is known");
    Capture {
        name: stem.rsplit("captures/").next().unwrap_or_default().to_owned(),
        path: head.path.clone(),
        content_type: head.value("content-type").to_owned(),
        body: decompress(body.into(), encoding, 64 << 20).expect("decompresses"),
    }
}

impl Capture {
    /// Decodes at the door that the request was sent to.
    pub(crate) fn decode(&self) -> Decoded {
        let decoded = match self.shape() {
            Shape::SentryEnvelope => sentry::decode_envelope(&self.body, "shop"),
            Shape::SentryEvent => sentry::decode_store(&self.body, "shop"),
            Shape::OtlpJson => otlp::decode_json(&self.body),
            Shape::OtlpProtobuf => otlp::decode_protobuf(&self.body),
            Shape::JaegerJson => jaeger::decode_json(&self.body),
            Shape::ZipkinJson => zipkin::decode_json(&self.body),
        };
        decoded.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(crate) fn shape(&self) -> Shape {
        match (self.path.as_str(), self.content_type.as_str()) {
            ("/v1/traces", "application/json") => Shape::OtlpJson,
            ("/v1/traces", _) => Shape::OtlpProtobuf,
            _ => Shape::SentryEnvelope,
        }
    }
}

/// All spans of a case together.
fn spans_of(case_name: &str) -> Vec<Span> {
    case(case_name).iter().flat_map(|capture| capture.decode().spans).collect()
}

#[test]
fn every_request_decodes_without_a_rejection() {
    let mut table = BTreeMap::<String, [usize; 4]>::new();
    for capture in all() {
        let decoded = capture.decode();
        assert_eq!(decoded.rejections, [], "{}", capture.name);
        assert_eq!(decoded.dropped, [], "{}", capture.name);
        assert_eq!(shape_of(&capture.body), Some(capture.shape()), "{}", capture.name);
        let sdk = capture.name.split('/').next().unwrap_or_default();
        let row = table.entry(sdk.to_owned()).or_default();
        row[0] += 1;
        row[1] += decoded.spans.len();
        row[2] += decoded.spans.iter().filter(|span| span.entry == EntryHint::Yes).count();
        row[3] += decoded.counts.iter().map(|(_, count)| *count as usize).sum::<usize>();
    }
    let text: String = table
        .iter()
        .map(|(sdk, [requests, spans, entries, counted])| {
            format!(
                "{sdk}: {requests} requests, {spans} spans, {entries} entries, {counted} counted\n"
            )
        })
        .collect();
    expect![[r#"
        otel-node-0.223.0-proto: 9 requests, 86 spans, 10 entries, 0 counted
        otel-node-0.223.1-json: 12 requests, 79 spans, 8 entries, 0 counted
        otel-python-1.45.1: 15 requests, 54 spans, 10 entries, 0 counted
        otel-ruby-sdk-1.6.0-exporter-0.29.1: 14 requests, 101 spans, 8 entries, 0 counted
        sentry-node-11.12.0: 27 requests, 303 spans, 25 entries, 0 counted
        sentry-python-2.75.0: 28 requests, 305 spans, 26 entries, 0 counted
        sentry-ruby-5.3.0: 22 requests, 807 spans, 20 entries, 0 counted
        sentry-ruby-6.6.2: 32 requests, 819 spans, 23 entries, 6 counted
    "#]]
    .assert_eq(&text);
}

/// Snapshots of single requests stand in files beside this one.
#[test]
fn typical_requests() {
    for name in [
        "sentry-ruby-5.3.0/errors/001",
        "sentry-ruby-5.3.0/healthy-b/000",
        "sentry-ruby-6.6.2/client_report/003",
        "sentry-ruby-6.6.2/token_swallow-b/001",
        "sentry-python-2.75.0/smoke/000",
        "sentry-python-2.75.0/client_report/002",
        "sentry-node-11.12.0/smoke/000",
        "sentry-node-11.12.0/static_tx/001",
        "sentry-node-11.12.0/errors/001",
        "otel-node-0.223.0-proto/smoke/001",
        "otel-node-0.223.1-json/healthy-a/000",
        "otel-python-1.45.1/smoke/000",
        "otel-ruby-sdk-1.6.0-exporter-0.29.1/smoke/000",
    ] {
        let (case_name, _) = name.rsplit_once('/').expect("a path");
        let capture = case(case_name)
            .into_iter()
            .find(|capture| capture.name == name)
            .unwrap_or_else(|| panic!("{name} is not recorded"));
        let file = format!("snapshots/{}.txt", name.replace('/', "--"));
        expect_file![file].assert_eq(&show::decoded(&capture.decode()));
    }
}

/// One app, one case, two encodings: the same spans with the same attributes.
#[test]
fn protobuf_and_json_of_one_case_have_the_same_shape() {
    for case in ["healthy-a", "healthy-b", "token_swallow-b"] {
        let of_protobuf = requests(&spans_of(&format!("otel-node-0.223.0-proto/{case}")));
        let of_json = requests(&spans_of(&format!("otel-node-0.223.1-json/{case}")));
        assert!(!of_protobuf.is_empty(), "{case}");
        assert_eq!(of_protobuf, of_json, "{case}");
    }
}

/// The outlines of the requests that came in, each once, sorted: how many
/// requests a run made is no matter of encoding.
fn requests(spans: &[Span]) -> Vec<String> {
    let mut outlines: Vec<String> =
        show::outline(spans).split("\nserver ").map(str::to_owned).collect();
    outlines.sort();
    outlines.dedup();
    outlines
}

fn check_key(name: &str, expected: Expect) {
    let capture = &case(name)[0];
    expected.assert_eq(&format!("{:?}", sentry::envelope_key(&capture.body)));
}

#[test]
fn keys_in_envelopes() {
    check_key("sentry-ruby-5.3.0/smoke", expect![[r#"Some("pub")"#]]);
    check_key("sentry-node-11.12.0/smoke", expect!["None"]);
}
