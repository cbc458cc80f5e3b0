//! The view decoder against `prost`: equal on sound requests, and as strict on
//! broken ones.

use hotspan_wire::{Decoded, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;

use crate::{generate, reference, rewire};

/// Decoded spans and refusals in reading order. As text, because generated
/// floats may be NaN, which equals nothing.
fn outcome(decoded: &Decoded) -> Vec<String> {
    let mut items: Vec<(u32, String)> = decoded
        .span_items()
        .zip(&decoded.spans)
        .map(|(item, span)| (item, format!("{span:?}")))
        .collect();
    items.extend(
        decoded
            .rejections
            .iter()
            .map(|rejection| (rejection.item, format!("{:?}", rejection.reason))),
    );
    items.sort();
    let numbers: Vec<u32> = items.iter().map(|(item, _)| *item).collect();
    let expected: Vec<u32> = (0..items.len() as u32).collect();
    assert_eq!(numbers, expected, "every item has one number");
    items.into_iter().map(|(_, text)| text).collect()
}

fn expected(request: ExportTraceServiceRequest) -> Vec<String> {
    reference::decode(request)
        .into_iter()
        .map(|item| match item {
            Ok(span) => format!("{span:?}"),
            Err(reason) => format!("{reason:?}"),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn sound_requests_decode_as_prost_decodes_them(request in generate::request()) {
        let decoded = otlp::decode_protobuf(&request.encode_to_vec()).expect("is sound");
        prop_assert_eq!(outcome(&decoded), expected(request));
    }

    #[test]
    fn damaged_requests_are_read_as_prost_reads_them(
        request in generate::request(),
        damages in generate::damages(),
    ) {
        let mut body = request.encode_to_vec();
        generate::apply(&mut body, &damages);
        let of_prost = ExportTraceServiceRequest::decode(&body[..]);
        match (otlp::decode_protobuf(&body), of_prost) {
            (Ok(decoded), Ok(request)) => {
                prop_assert_eq!(outcome(&decoded), expected(request));
            }
            // Milder on purpose: text that is not UTF-8 costs only the spans it
            // belongs to, if any.
            (Ok(_), Err(error)) => {
                prop_assert!(error.to_string().contains("not UTF-8"), "prost refuses: {}", error);
            }
            (Err(error), Ok(_)) => prop_assert!(false, "prost accepts: {}", error),
            (Err(_), Err(_)) => {}
        }
    }

    /// Sound, but not as generated code writes it: what `prost` accepts has the
    /// same meaning here, what it refuses is refused.
    #[test]
    fn rewritten_requests_decode_as_prost_decodes_them(
        request in generate::request(),
        changes in rewire::changes(),
    ) {
        let body = rewire::apply(&request.encode_to_vec(), &changes);
        match (otlp::decode_protobuf(&body), ExportTraceServiceRequest::decode(&body[..])) {
            (Ok(decoded), Ok(request)) => {
                prop_assert_eq!(outcome(&decoded), expected(request));
            }
            (Ok(_), Err(error)) => {
                prop_assert!(error.to_string().contains("not UTF-8"), "prost refuses: {}", error);
            }
            (Err(error), Ok(_)) => prop_assert!(false, "prost accepts: {}", error),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = otlp::decode_protobuf(&body);
        let _ = otlp::count_metrics(&body, otlp::Format::Protobuf);
        let _ = otlp::count_logs(&body, otlp::Format::Protobuf);
    }
}
