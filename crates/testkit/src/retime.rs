//! Recorded requests as if they happened at another time. The formats
//! themselves are moved by `hotspan_wire::retime`; here whole cases are.
//!
//! Servers refuse old spans by design, so a recording is of no use to them as
//! it stands.

use hotspan_model::UnixNanos;
use hotspan_wire::retime::{
    latest_time_otlp_json, latest_time_otlp_protobuf, latest_time_sentry, otlp_json, otlp_protobuf,
    sentry,
};

use crate::fixtures::{BodyFormat, RecordedRequest};

/// Headers that speak of the bytes as they were recorded.
const BODY_HEADERS: [&str; 3] = ["content-encoding", "content-length", "transfer-encoding"];

/// The requests with every time moved so that the latest of the whole case is
/// `latest`, and with ids of their own. The same `salt` gives the same ids, so
/// that requests of one case still belong together. Bodies are uncompressed.
pub fn retimed(requests: &[RecordedRequest], latest: UnixNanos, salt: u64) -> Vec<RecordedRequest> {
    let recorded = requests
        .iter()
        .filter_map(latest_time)
        .max()
        .or_else(|| requests.iter().map(|request| request.received).max())
        .unwrap_or(latest);
    let by_ns = latest.since(recorded);
    requests.iter().map(|request| moved(request, by_ns, salt)).collect()
}

/// The latest time that a request's body tells.
pub fn latest_time(request: &RecordedRequest) -> Option<UnixNanos> {
    let body = request.plain_body();
    match request.format() {
        BodyFormat::SentryEnvelope => latest_time_sentry(&body),
        BodyFormat::OtlpJson => latest_time_otlp_json(&body),
        BodyFormat::OtlpProtobuf => latest_time_otlp_protobuf(&body),
    }
}

fn moved(request: &RecordedRequest, by_ns: i64, salt: u64) -> RecordedRequest {
    let body = request.plain_body();
    let moved = match request.format() {
        BodyFormat::SentryEnvelope => sentry(&body, by_ns, salt),
        BodyFormat::OtlpJson => otlp_json(&body, by_ns, salt),
        BodyFormat::OtlpProtobuf => otlp_protobuf(&body, by_ns, salt),
    };
    let body = moved.unwrap_or_else(|error| panic!("recorded body of {}: {error}", request.path));
    let speaks_of_body =
        |name: &str| BODY_HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header));
    RecordedRequest {
        headers: request
            .headers
            .iter()
            .filter(|(name, _)| !speaks_of_body(name))
            .cloned()
            .collect(),
        body: body.into(),
        received: request.received.plus(by_ns),
        ..request.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{case, cases};

    #[test]
    fn every_case_moves_to_the_time_asked_for() {
        let now = UnixNanos(1_900_000_000_000_000_000);
        for name in cases() {
            let recorded = case(&name);
            let moved = retimed(&recorded, now, 7);
            if recorded.iter().any(|request| latest_time(request).is_some()) {
                let latest = moved.iter().filter_map(latest_time).max();
                let off_ns = latest.map(|latest| latest.since(now).abs());
                // Sentry's seconds are floating point.
                assert!(off_ns.is_some_and(|off| off < 2_000), "{name}: {off_ns:?}");
            }
            assert_eq!(moved, retimed(&recorded, now, 7), "{name}: same salt, same ids");
        }
    }

    #[test]
    fn another_salt_gives_other_ids() {
        let recorded = case("otel-node-0.223.1-json/healthy-b");
        let now = UnixNanos(1_900_000_000_000_000_000);
        assert_ne!(retimed(&recorded, now, 1), retimed(&recorded, now, 2));
    }
}
