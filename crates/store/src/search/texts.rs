//! Which row groups can hold an attribute that is asked for, by looking at
//! stored bytes before anything is decoded. A row group whose dictionary lacks
//! a key has no attribute of that name; and texts that pass are somewhere in
//! the dictionary of values or, byte for byte, in a page, or nowhere.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

use super::attribute::{Probe, Source};
use super::row_groups::broken;
use crate::StoreError;

/// The attributes of one row group, looked at when first asked for.
pub(super) struct GroupTexts<'a> {
    file: &'a Arc<File>,
    group: &'a RowGroupMetaData,
    /// Keys by column; `None` when the dictionary does not have them all.
    keys: HashMap<&'static str, Option<Vec<Box<str>>>>,
}

impl<'a> GroupTexts<'a> {
    pub(super) fn new(file: &'a Arc<File>, group: &'a RowGroupMetaData) -> Self {
        Self { file, group, keys: HashMap::new() }
    }

    /// False when the probe can find nothing in this column.
    pub(super) fn may_hold(&mut self, probe: &Probe, source: Source) -> Result<bool, StoreError> {
        let column = source.column();
        if !self.keys.contains_key(column) {
            let keys = self.read_keys(column).map_err(broken)?;
            self.keys.insert(column, keys);
        }
        let keys = self.keys.get(column).and_then(Option::as_ref);
        if keys.is_some_and(|keys| !keys.iter().any(|key| **key == *probe.key())) {
            return Ok(false);
        }
        if !source.is_text() {
            return Ok(true);
        }
        match self.chunk(column, "value") {
            None => Ok(false),
            Some(chunk) => self.values_may_hold(probe, chunk).map_err(broken),
        }
    }

    fn chunk(&self, column: &str, part: &str) -> Option<&'a ColumnChunkMetaData> {
        let path = format!("{column}.key_value.{part}");
        self.group.columns().iter().find(|chunk| chunk.column_path().string() == path)
    }

    fn pages(
        &self,
        chunk: &ColumnChunkMetaData,
    ) -> Result<SerializedPageReader<File>, ParquetError> {
        let rows = self.group.num_rows().max(0) as usize;
        SerializedPageReader::new(Arc::clone(self.file), chunk, rows, None)
    }

    fn read_keys(&self, column: &str) -> Result<Option<Vec<Box<str>>>, ParquetError> {
        // A file of a time before this column has none.
        let Some(chunk) = self.chunk(column, "key") else { return Ok(Some(Vec::new())) };
        if is_empty(chunk) {
            return Ok(Some(Vec::new()));
        }
        if !is_all_in_dictionary(chunk) {
            return Ok(None);
        }
        Ok(match self.pages(chunk)?.get_next_page()? {
            Some(Page::DictionaryPage { buf, num_values, .. }) => {
                plain_texts(&buf, num_values as usize)
            }
            _ => None,
        })
    }

    fn values_may_hold(
        &self,
        probe: &Probe,
        chunk: &ColumnChunkMetaData,
    ) -> Result<bool, ParquetError> {
        if is_empty(chunk) {
            return Ok(false);
        }
        let dictionary_suffices = is_all_in_dictionary(chunk);
        if !dictionary_suffices && probe.needs_values() {
            return Ok(true);
        }
        let mut pages = self.pages(chunk)?;
        while let Some(page) = pages.get_next_page()? {
            match &page {
                Page::DictionaryPage { buf, num_values, .. } => {
                    let texts = plain_texts(buf, *num_values as usize);
                    let may_hold =
                        |texts: Vec<Box<str>>| texts.iter().any(|text| probe.text_may_hold(text));
                    if texts.is_none_or(may_hold) {
                        return Ok(true);
                    }
                    if dictionary_suffices {
                        return Ok(false);
                    }
                }
                page => match page.encoding() {
                    // The dictionary was looked through before.
                    Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {}
                    Encoding::PLAIN if !probe.bytes_may_hold(page.buffer(), true) => {}
                    Encoding::DELTA_LENGTH_BYTE_ARRAY
                        if !probe.bytes_may_hold(page.buffer(), false) => {}
                    _ => return Ok(true),
                },
            }
        }
        Ok(false)
    }
}

/// A row without entries counts as a value that is not there.
fn is_empty(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    nulls.is_some_and(|nulls| nulls >= chunk.num_values().max(0) as u64)
}

fn is_all_in_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    chunk.dictionary_page_offset().is_some()
        && chunk.page_encoding_stats_mask().is_some_and(|encodings| {
            encodings.is_only(Encoding::PLAIN_DICTIONARY)
                || encodings.is_only(Encoding::RLE_DICTIONARY)
        })
}

/// Texts as Parquet writes them plainly: four bytes of length, then the text.
fn plain_texts(mut bytes: &[u8], count: usize) -> Option<Vec<Box<str>>> {
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4 + 1));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length)?;
        texts.push(std::str::from_utf8(text).ok()?.into());
        bytes = rest;
    }
    Some(texts)
}
