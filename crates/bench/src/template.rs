//! Requests encoded once and sent many times: before each sending, trace ids
//! and times are written over in the encoded bytes, so that every span sent is
//! new and the sender spends next to nothing.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

use crate::random::Random;
use crate::shape::Shape;

/// Numbers that mark the fields to be written over while encoding.
const MARK: u64 = 0x4000_0000_0000_0000;

/// An encoded request and the places in it that change.
#[derive(Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where a trace id stands, and which one of the request's traces it is.
    ids: Vec<(usize, u32)>,
    /// Where a time stands, of which trace, and nanoseconds after its start.
    times: Vec<(usize, u32, u64)>,
    traces: u32,
    pub(crate) spans: usize,
}

impl Template {
    pub(crate) fn new(shape: Shape, seed: u64, spans: usize) -> Self {
        let mut random = Random::new(seed);
        let mut request = shape.request(&mut random, spans);
        let mut traces: HashMap<Vec<u8>, u32> = HashMap::new();
        // Each time becomes a number of its own that is found again below.
        let mut marked: Vec<(u32, u64)> = Vec::new();
        let mut mark = |time: &mut u64, trace: u32| {
            marked.push((trace, *time));
            *time = MARK + marked.len() as u64 - 1;
        };
        let mut count = 0;
        for span in request
            .resource_spans
            .iter_mut()
            .flat_map(|of| &mut of.scope_spans)
            .flat_map(|scope| &mut scope.spans)
        {
            let next = traces.len() as u32;
            let trace = *traces.entry(span.trace_id.clone()).or_insert(next);
            mark(&mut span.start_time_unix_nano, trace);
            mark(&mut span.end_time_unix_nano, trace);
            count += 1;
        }
        let bytes = request.encode_to_vec();
        let ids = find_ids(&bytes, &traces);
        let times = find_times(&bytes, &marked);
        Self { bytes, ids, times, traces: traces.len() as u32, spans: count }
    }

    /// The request with new trace ids; `start` gives the start of each trace in
    /// nanoseconds.
    pub(crate) fn fill(&self, random: &mut Random, mut start: impl FnMut() -> u64) -> Bytes {
        let mut bytes = self.bytes.clone();
        let traces: Vec<([u64; 2], u64)> =
            (0..self.traces).map(|_| ([random.next(), random.next()], start())).collect();
        for (at, trace) in &self.ids {
            let [high, low] = traces[*trace as usize].0;
            bytes[*at..at + 8].copy_from_slice(&high.to_be_bytes());
            bytes[at + 8..at + 16].copy_from_slice(&low.to_be_bytes());
        }
        for (at, trace, after) in &self.times {
            let time = traces[*trace as usize].1 + after;
            bytes[*at..at + 8].copy_from_slice(&time.to_le_bytes());
        }
        bytes.into()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Trace ids follow their tag (field 1, 16 bytes).
fn find_ids(bytes: &[u8], traces: &HashMap<Vec<u8>, u32>) -> Vec<(usize, u32)> {
    let starts = bytes.windows(18).enumerate();
    starts
        .filter(|(_, window)| window[..2] == [0x0A, 16])
        .filter_map(|(at, window)| traces.get(&window[2..]).map(|trace| (at + 2, *trace)))
        .collect()
}

/// Times follow their tags (fields 7 and 8, fixed64).
fn find_times(bytes: &[u8], marked: &[(u32, u64)]) -> Vec<(usize, u32, u64)> {
    let starts = bytes.windows(9).enumerate();
    starts
        .filter(|(_, window)| window[0] == 0x39 || window[0] == 0x41)
        .filter_map(|(at, window)| {
            let value = u64::from_le_bytes(window[1..9].try_into().ok()?);
            let nth = usize::try_from(value.checked_sub(MARK)?).ok()?;
            marked.get(nth).map(|(trace, after)| (at + 1, *trace, *after))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

    #[test]
    fn filled_requests_hold_new_traces_at_the_given_times() {
        for shape in [Shape::Jaeger, Shape::Realistic] {
            let template = Template::new(shape, 1, 200);
            let filled = template.fill(&mut Random::new(2), || 1_700_000_000_000_000_000);
            let request = ExportTraceServiceRequest::decode(filled).expect("it decodes");
            let spans: Vec<_> = request
                .resource_spans
                .iter()
                .flat_map(|of| &of.scope_spans)
                .flat_map(|scope| &scope.spans)
                .collect();
            assert_eq!(spans.len(), template.spans);
            assert_eq!(template.ids.len(), template.spans);
            assert_eq!(template.times.len(), 2 * template.spans);
            for span in spans {
                assert!(span.start_time_unix_nano >= 1_700_000_000_000_000_000);
                assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
                assert!(span.end_time_unix_nano < 1_700_000_100_000_000_000);
            }
        }
    }
}
