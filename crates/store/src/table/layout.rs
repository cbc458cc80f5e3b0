//! How span files are laid out: encodings, pages, row groups, statistics.
//!
//! Chosen by measurement, see `examples/span_files.rs`. Only encodings and
//! page versions that every engine reads.

use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;

use super::schema::{SCHEMA_VERSION, SCHEMA_VERSION_KEY};

/// Rows of a row group at most: large, because each has dictionaries of its
/// own; what is skipped within it is decided by page.
pub(super) const ROW_GROUP_ROWS: usize = 524_288;
/// Rows of a page: a trace by id decodes one page of each column.
const PAGE_ROWS: usize = 8_192;
/// Bytes of distinct values up to which a column is written as numbers into
/// them: enough for some ten thousand statements and URLs.
const DICTIONARY_BYTES: usize = 4 << 20;
/// How often a bloom filter may be wrong.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Columns that queries compare; statistics of others would be weight.
const COMPARED: [&str; 12] = [
    "project",
    "service",
    "name",
    "kind",
    "status",
    "start",
    "duration_ns",
    "is_entry",
    "environment",
    "release",
    "http_status",
    "received_at",
];

/// How a span file is written.
pub(super) fn properties() -> WriterProperties {
    let trace_id = ColumnPath::from("trace_id");
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("hotspan ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_bloom_filter_enabled(trace_id.clone(), true)
        .set_column_bloom_filter_fpp(trace_id, BLOOM_FALSE_POSITIVES)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            SCHEMA_VERSION_KEY.to_owned(),
            SCHEMA_VERSION.to_string(),
        )]));
    for compared in COMPARED {
        let column = ColumnPath::from(compared);
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Page);
    }
    // Ids that never repeat gain nothing from a dictionary, nor do measures;
    // those differ from their neighbours by little.
    for unique in ["span_id", "start", "duration_ns"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(unique), false);
    }
    for measure in ["start", "duration_ns"] {
        let column = ColumnPath::from(measure);
        properties = properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}
