//! Spans in memory: batches of columns.

use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use hotspan_model::{Attributes, Span};

use super::columns::SpanColumns;
use crate::{Batch, StoreError};

/// Rows of a batch at most.
const BATCH_ROWS_MAX: usize = 8_192;
/// Bytes of a batch at most, by [`bytes_of`].
const BATCH_BYTES_MAX: usize = 8 << 20;
/// What a span takes beside its texts.
const SPAN_BYTES: usize = 400;
/// What an attribute takes beside its texts: a number, or where its texts end.
const ATTRIBUTE_BYTES: usize = 16;

/// Spans in memory. The newest rows grow in builders, the tail; a query takes
/// a copy of the tail, which serves until the next span comes.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    batches: Vec<RecordBatch>,
    tail: SpanColumns,
    tail_bytes: usize,
    tail_copy: Option<RecordBatch>,
    rows: usize,
    bytes: usize,
    /// When the first thing was put in that is not durable in the table yet.
    began: Option<Instant>,
}

impl Memtable {
    /// Adds the spans of a request.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.began.get_or_insert_with(Instant::now);
        for span in &batch.spans {
            self.tail_copy = None;
            self.tail.append(&batch.project, batch.received_at, span)?;
            let bytes = bytes_of(span);
            self.rows += 1;
            self.bytes += bytes;
            self.tail_bytes += bytes;
            if self.tail.len() >= BATCH_ROWS_MAX || self.tail_bytes >= BATCH_BYTES_MAX {
                self.close_tail()?;
            }
        }
        Ok(())
    }

    /// Turns the tail into a batch. After this, [`Self::batches`] is everything.
    pub(super) fn close_tail(&mut self) -> Result<(), StoreError> {
        if self.tail.len() > 0 {
            self.batches.push(self.tail.batch(false)?);
            self.tail_bytes = 0;
            self.tail_copy = None;
        }
        Ok(())
    }

    /// Batches without the tail.
    pub(super) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Everything as batches.
    pub(super) fn snapshot(&mut self) -> Result<Vec<RecordBatch>, StoreError> {
        self.copy_tail()?;
        Ok(self.batches.iter().chain(&self.tail_copy).cloned().collect())
    }

    /// Makes the tail's rows readable.
    fn copy_tail(&mut self) -> Result<(), StoreError> {
        if self.tail_copy.is_none() && self.tail.len() > 0 {
            self.tail_copy = Some(self.tail.batch(true)?);
        }
        Ok(())
    }

    /// Notes that a position without spans waits to be made durable.
    pub(super) fn touch(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of texts and numbers, as far as a glance at each span tells.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn bytes_of(span: &Span) -> usize {
    let events =
        span.events.iter().map(|event| event.name.len() + attribute_bytes(&event.attributes));
    let links = span.links.iter().map(|link| 40 + attribute_bytes(&link.attributes));
    SPAN_BYTES
        + span.name.len()
        + span.status_message.len()
        + span.trace_state.len()
        + attribute_bytes(&span.attributes)
        + attribute_bytes(&span.resource.attributes)
        + attribute_bytes(&span.scope.attributes)
        + events.chain(links).sum::<usize>()
}

fn attribute_bytes(attributes: &Attributes) -> usize {
    attributes.text_bytes() + attributes.len() * ATTRIBUTE_BYTES
}
