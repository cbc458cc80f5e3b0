//! Recorded requests of real SDKs, by the name of their case. Reads
//! `fixtures/captures` and changes nothing in what was recorded.
//!
//! A missing or broken fixture is a fault of the checkout, so it panics with
//! the path rather than making every test handle it.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hotspan_model::UnixNanos;
use hotspan_wire::encoding::{Encoding, decompress};

/// Recorded bodies are small; anything beyond is a broken file.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A request as an SDK sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// E.g. `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values, in the order and spelling received.
    pub headers: Vec<(String, String)>,
    /// The body, still compressed when `Content-Encoding` says so.
    pub body: Bytes,
    /// When it arrived.
    pub received: UnixNanos,
}

/// The wire format of a recorded request, as its path and headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodyFormat {
    /// OTLP traces in protobuf.
    OtlpProtobuf,
    /// OTLP traces in JSON.
    OtlpJson,
    /// A Sentry envelope.
    SentryEnvelope,
}

impl RecordedRequest {
    /// The value of a header; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The wire format.
    pub fn format(&self) -> BodyFormat {
        let json =
            self.header("content-type").is_some_and(|value| value.starts_with("application/json"));
        match (self.path.contains("/envelope/"), json) {
            (true, _) => BodyFormat::SentryEnvelope,
            (false, true) => BodyFormat::OtlpJson,
            (false, false) => BodyFormat::OtlpProtobuf,
        }
    }

    /// The body, decompressed.
    pub fn plain_body(&self) -> Bytes {
        let encoding = self.header("content-encoding").unwrap_or_default();
        Encoding::from_header(encoding)
            .and_then(|encoding| decompress(self.body.clone(), encoding, BODY_BYTES_MAX))
            .unwrap_or_else(|error| panic!("recorded body of {}: {error}", self.path))
    }
}

/// The folder of recorded requests.
pub fn captures_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/captures")
}

/// Every case as `<sdk>-<version>/<case>`, sorted.
pub fn cases() -> Vec<String> {
    let mut cases: Vec<String> = names_in(&captures_dir())
        .into_iter()
        .filter(|sdk| captures_dir().join(sdk).is_dir())
        .flat_map(|sdk| {
            names_in(&captures_dir().join(&sdk))
                .into_iter()
                .map(move |case| format!("{sdk}/{case}"))
        })
        .collect();
    cases.sort();
    cases
}

/// The requests of a case such as `sentry-ruby-5.3.0/healthy-b`, in the order
/// they arrived.
pub fn case(name: &str) -> Vec<RecordedRequest> {
    let folder = captures_dir().join(name);
    let mut stems: Vec<String> = names_in(&folder)
        .iter()
        .filter_map(|file| file.strip_suffix(".body").map(str::to_owned))
        .collect();
    stems.sort();
    stems.iter().map(|stem| request(&folder, stem)).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("no recorded requests in {}: {error}", folder.display()));
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn request(folder: &Path, stem: &str) -> RecordedRequest {
    let read = |suffix: &str| {
        let path = folder.join(format!("{stem}.{suffix}"));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let head: serde_json::Value = serde_json::from_slice(&read("headers.json"))
        .unwrap_or_else(|error| panic!("headers of {}/{stem}: {error}", folder.display()));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let headers = head["headers"].as_array().into_iter().flatten();
    RecordedRequest {
        method: text(&head["method"]),
        path: text(&head["path"]),
        headers: headers.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        body: read("body").into(),
        received: UnixNanos::from_seconds(head["received"].as_f64().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_loads_and_decompresses() {
        let cases = cases();
        assert!(cases.len() >= 40, "{} cases", cases.len());
        for name in cases {
            let requests = case(&name);
            assert!(!requests.is_empty(), "{name}");
            for request in requests {
                assert_eq!(request.method, "POST", "{name}");
                assert!(!request.plain_body().is_empty(), "{name}");
                assert!(request.received > UnixNanos(0), "{name}");
            }
        }
    }

    #[test]
    fn formats_are_told() {
        for (name, format) in [
            ("sentry-ruby-5.3.0/smoke", BodyFormat::SentryEnvelope),
            ("sentry-node-11.12.0/smoke", BodyFormat::SentryEnvelope),
            ("otel-python-1.45.1/smoke", BodyFormat::OtlpProtobuf),
            ("otel-node-0.223.1-json/smoke", BodyFormat::OtlpJson),
        ] {
            for request in case(name) {
                assert_eq!(request.format(), format, "{name}");
            }
        }
    }
}
