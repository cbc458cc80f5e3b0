//! The labelled corpus: recordings of whole runs, a file each. What they are
//! expected to show is no business of this file.
//!
//! A recording is a gzip file of requests, one after the other: a line of JSON
//! with `method`, `path`, `headers`, `received` and `bytes`, then the body of
//! so many bytes, then a line end.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hotspan_model::UnixNanos;
use hotspan_wire::encoding::{Encoding, decompress};

use crate::fixtures::RecordedRequest;

/// A recording is small; anything beyond is a broken file.
const RECORDING_BYTES_MAX: usize = 64 << 20;

/// The folder of the corpus.
pub fn corpus_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/corpus")
}

/// The requests of a recording, in the order they arrived. A file that cannot
/// be read is a fault of the checkout, so it panics with the path.
pub fn recording(path: &Path) -> Vec<RecordedRequest> {
    let whole = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let whole = decompress(whole.into(), Encoding::Gzip, RECORDING_BYTES_MAX)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rest = whole;
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let (request, after) =
            first_request(&rest).unwrap_or_else(|| panic!("{}: not a recording", path.display()));
        requests.push(request);
        rest = after;
    }
    requests
}

/// The request that `rest` begins with, and what follows it.
fn first_request(rest: &Bytes) -> Option<(RecordedRequest, Bytes)> {
    let line_end = rest.iter().position(|byte| *byte == b'\n')?;
    let head: serde_json::Value = serde_json::from_slice(&rest[..line_end]).ok()?;
    let (from, bytes) = (line_end + 1, usize::try_from(head["bytes"].as_u64()?).ok()?);
    let to = from.checked_add(bytes).filter(|to| *to < rest.len())?;
    let pair = |pair: &serde_json::Value| {
        Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()))
    };
    let request = RecordedRequest {
        method: head["method"].as_str()?.to_owned(),
        path: head["path"].as_str()?.to_owned(),
        headers: head["headers"].as_array()?.iter().filter_map(pair).collect(),
        body: rest.slice(from..to),
        received: UnixNanos::from_seconds(head["received"].as_f64()?),
    };
    Some((request, rest.slice(to + 1..)))
}
