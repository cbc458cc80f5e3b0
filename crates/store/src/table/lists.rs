//! Events and links as list columns.

use std::sync::Arc;

use datafusion::arrow::array::builder::{FixedSizeBinaryBuilder, Int64Builder, StringBuilder};
use datafusion::arrow::array::{ArrayRef, ListArray, StructArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::Fields;
use hotspan_model::{Event, Link};

use super::attributes::PlainAttributeColumns;
use super::columns::{InstantColumns, take};
use super::schema::{SPAN_ID_BYTES, TRACE_ID_BYTES, event_fields, link_fields, list_item};
use crate::StoreError;

/// Where each row's items end.
#[derive(Debug)]
struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    fn close_row(&mut self, items: usize) {
        let last = self.0.last().copied().unwrap_or_default();
        // A batch has at most some ten thousand rows; its items stay far below 2^31.
        self.0.push(last.saturating_add(i32::try_from(items).unwrap_or(i32::MAX)));
    }

    fn list(
        &mut self,
        fields: Fields,
        items: Vec<ArrayRef>,
        keep: bool,
    ) -> Result<ArrayRef, StoreError> {
        let offsets = if keep { self.0.clone() } else { std::mem::take(self).0 };
        let items = StructArray::try_new(fields.clone(), items, None)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(ListArray::try_new(list_item(fields), offsets, Arc::new(items), None)?))
    }
}

/// Grows the `events` column.
#[derive(Debug, Default)]
pub(super) struct EventColumns {
    offsets: Offsets,
    time: InstantColumns,
    name: StringBuilder,
    attributes: PlainAttributeColumns,
    dropped: Int64Builder,
}

impl EventColumns {
    pub(super) fn append(&mut self, events: &[Event]) {
        for event in events {
            self.time.append(event.time);
            self.name.append_value(&event.name);
            self.attributes.append(&event.attributes);
            self.dropped.append_value(event.dropped_attributes.into());
        }
        self.offsets.close_row(events.len());
    }

    pub(super) fn array(&mut self, keep: bool) -> Result<ArrayRef, StoreError> {
        let mut items = Vec::from(self.time.arrays(keep));
        items.push(take(&mut self.name, keep));
        items.extend(self.attributes.arrays(keep));
        items.push(take(&mut self.dropped, keep));
        self.offsets.list(event_fields(), items, keep)
    }
}

/// Grows the `links` column.
#[derive(Debug)]
pub(super) struct LinkColumns {
    offsets: Offsets,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    trace_state: StringBuilder,
    attributes: PlainAttributeColumns,
    dropped: Int64Builder,
}

impl Default for LinkColumns {
    fn default() -> Self {
        Self {
            offsets: Offsets::default(),
            trace_id: FixedSizeBinaryBuilder::new(TRACE_ID_BYTES),
            span_id: FixedSizeBinaryBuilder::new(SPAN_ID_BYTES),
            trace_state: StringBuilder::new(),
            attributes: PlainAttributeColumns::default(),
            dropped: Int64Builder::new(),
        }
    }
}

impl LinkColumns {
    pub(super) fn append(&mut self, links: &[Link]) -> Result<(), StoreError> {
        for link in links {
            self.trace_id.append_value(link.trace_id.0)?;
            self.span_id.append_value(link.span_id.0)?;
            self.trace_state.append_value(&link.trace_state);
            self.attributes.append(&link.attributes);
            self.dropped.append_value(link.dropped_attributes.into());
        }
        self.offsets.close_row(links.len());
        Ok(())
    }

    pub(super) fn array(&mut self, keep: bool) -> Result<ArrayRef, StoreError> {
        let mut items = vec![
            take(&mut self.trace_id, keep),
            take(&mut self.span_id, keep),
            take(&mut self.trace_state, keep),
        ];
        items.extend(self.attributes.arrays(keep));
        items.push(take(&mut self.dropped, keep));
        self.offsets.list(link_fields(), items, keep)
    }
}
