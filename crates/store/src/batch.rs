//! The spans of one accepted request, as both consumers of the log get them.

use std::sync::Arc;

use hotspan_model::{Span, UnixNanos};

/// Accepted and scrubbed spans of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The project whose key the request carried.
    pub project: Arc<str>,
    /// When the request came in.
    pub received_at: UnixNanos,
    /// Accepted spans only, in reading order.
    pub spans: Vec<Span>,
    /// The content hash of each span, in the same order.
    pub hashes: Vec<u128>,
    /// What the call of each span asked for, values included, as a hash; 0
    /// where that is not told. In the same order; where it ends, nothing is told.
    /// Never stored.
    pub asked: Vec<u64>,
}
