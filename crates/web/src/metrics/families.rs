//! The table of everything `/metrics` tells; `docs/metrics.md` is made of it.
//!
//! A name ends in its unit, counters in `_total`. Labels have few values: they
//! are named in the program, or bounded by the list that counts them.

use hotspan_ingest::{Accepted, Counts};
use hotspan_model::measure::{Counter, Distribution};
use hotspan_store::{FrameDoor, QueryKind, StorageStats};

use super::doors::Answerer;
use super::exposition::Exposition;
use super::exposition::Kind::{self, Counter as Total, Gauge, Histogram};
use super::reading::Reading;

const NANOS_A_SECOND: f64 = 1e9;

/// One name with what it means and how its samples are had.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    write: fn(&Reading, &mut Exposition),
}

/// The whole text.
pub(super) fn text(reading: &Reading) -> String {
    let mut text = Exposition::default();
    for family in PARTS.into_iter().flatten() {
        text.family(family.name, family.kind, family.help);
        (family.write)(reading, &mut text);
    }
    text.finish()
}

/// Every family as a row of `docs/metrics.md`.
#[cfg(test)]
pub(super) fn markdown() -> String {
    let row = |family: &Family| {
        format!("| `{}` | {} | {} |\n", family.name, family.kind.word(), family.help)
    };
    PARTS.into_iter().flatten().map(row).collect()
}

const PARTS: [&[Family]; 5] = [SERVER, INGEST, QUEUES, STORE, STORED];

const SERVER: &[Family] = &[
    Family {
        name: "hotspan_build_info",
        kind: Gauge,
        help: "Always 1; the label `version` says which version runs",
        write: |_, text| text.each("version", [(env!("CARGO_PKG_VERSION"), 1)]),
    },
    Family {
        name: "hotspan_start_time_seconds",
        kind: Gauge,
        help: "When the server started, in seconds since 1970",
        write: |now, text| text.one(Some(now.stats.started_at.0 as f64 / NANOS_A_SECOND)),
    },
    Family {
        name: "hotspan_process_resident_memory_bytes",
        kind: Gauge,
        help: "Memory of the process",
        write: |now, text| text.one(now.process.resident_bytes.map(float)),
    },
    Family {
        name: "hotspan_process_resident_memory_peak_bytes",
        kind: Gauge,
        help: "The most memory the process ever had",
        write: |now, text| text.one(now.process.resident_peak_bytes.map(float)),
    },
    Family {
        name: "hotspan_process_cpu_seconds_total",
        kind: Total,
        help: "Processor time of the process, user and system",
        write: |now, text| text.one(now.process.cpu_seconds),
    },
    Family {
        name: "hotspan_work_cpu_seconds_total",
        kind: Total,
        help: "Processor time of taking in and keeping spans, by part of the work",
        write: |now, text| {
            for (part, seconds) in now.state.store.effort().seconds() {
                text.labelled("part", part.slug(), seconds);
            }
        },
    },
    Family {
        name: "hotspan_process_threads",
        kind: Gauge,
        help: "Threads of the process",
        write: |now, text| text.one(now.process.threads.map(float)),
    },
    Family {
        name: "hotspan_process_open_files",
        kind: Gauge,
        help: "Open files and sockets of the process",
        write: |now, text| text.one(now.process.open_files.map(float)),
    },
    Family {
        name: "hotspan_disk_free_bytes",
        kind: Gauge,
        help: "Room on the disk of the data directory",
        write: |now, text| text.one(now.disk.map(|disk| float(disk.free))),
    },
    Family {
        name: "hotspan_disk_size_bytes",
        kind: Gauge,
        help: "Size of the disk of the data directory",
        write: |now, text| text.one(now.disk.map(|disk| float(disk.total))),
    },
    Family {
        name: "hotspan_disk_reserve_bytes",
        kind: Gauge,
        help: "Requests are refused while less than this is free",
        write: |now, text| text.one(now.disk.map(|disk| float(disk.reserve()))),
    },
    Family {
        name: "hotspan_answer_seconds",
        kind: Histogram,
        help: "Time from a request's head to its answer, by who answered: `otlp_grpc`, `otlp_http`, `sentry`, `page` (pages and JSON)",
        write: |now, text| {
            for answerer in Answerer::ALL {
                let times = now.state.doors.answer_times.of(answerer).read();
                seconds_of(text, Some(("by", answerer.slug())), &times);
            }
        },
    },
];

const INGEST: &[Family] = &[
    Family {
        name: "hotspan_accepted_requests_total",
        kind: Total,
        help: "Requests answered with success, by door",
        write: |now, text| text.each("door", by_door(now, |accepted| accepted.requests)),
    },
    Family {
        name: "hotspan_accepted_spans_total",
        kind: Total,
        help: "Spans made durable, by door",
        write: |now, text| text.each("door", by_door(now, |accepted| accepted.spans)),
    },
    Family {
        name: "hotspan_rejected_items_total",
        kind: Total,
        help: "Items left out of requests that were taken, by reason",
        write: |now, text| named(text, "reason", &now.stats.rejected),
    },
    Family {
        name: "hotspan_refused_requests_total",
        kind: Total,
        help: "Requests refused whole, by reason",
        write: |now, text| named(text, "reason", &now.stats.refused),
    },
    Family {
        name: "hotspan_dropped_spans_total",
        kind: Total,
        help: "Spans kept and left out of analysis, by reason",
        write: |now, text| named(text, "reason", &now.stats.dropped),
    },
    Family {
        name: "hotspan_dropped_parts_total",
        kind: Total,
        help: "Attributes left out of spans that were kept, by reason",
        write: |now, text| named(text, "reason", &now.stats.dropped_parts),
    },
    Family {
        name: "hotspan_late_spans_total",
        kind: Total,
        help: "Spans that came after their trace had been analysed",
        write: |now, text| text.one(Some(float(now.stats.late))),
    },
    Family {
        name: "hotspan_duplicate_spans_total",
        kind: Total,
        help: "Spans that had been received before",
        write: |now, text| text.one(Some(float(now.stats.duplicates))),
    },
    Family {
        name: "hotspan_client_lost_items_total",
        kind: Total,
        help: "What clients say they lost, by category and reason",
        write: |now, text| named(text, "reason", &now.stats.client_losses),
    },
    Family {
        name: "hotspan_ignored_items_total",
        kind: Total,
        help: "Items accepted and not kept, by kind",
        write: |now, text| named(text, "kind", &now.stats.ignored_items),
    },
    Family {
        name: "hotspan_segments_total",
        kind: Total,
        help: "Segments analysed and booked, repeats after late spans included",
        write: |now, text| text.one(Some(float(now.stats.segments))),
    },
];

const QUEUES: &[Family] = &[
    Family {
        name: "hotspan_receiving_bytes",
        kind: Gauge,
        help: "Room that bodies being read or decoded take",
        write: |now, text| text.one(Some(float(now.receiving.taken))),
    },
    Family {
        name: "hotspan_receiving_max_bytes",
        kind: Gauge,
        help: "Room there is for them",
        write: |now, text| text.one(Some(float(now.receiving.max))),
    },
    Family {
        name: "hotspan_in_flight_bytes",
        kind: Gauge,
        help: "Bytes of requests between arrival and answer",
        write: |now, text| text.one(Some(float(now.stats.in_flight_bytes))),
    },
    Family {
        name: "hotspan_in_flight_max_bytes",
        kind: Gauge,
        help: "Beyond this requests are refused as busy",
        write: |now, text| text.one(Some(float(now.stats.in_flight_bytes_max))),
    },
    Family {
        name: "hotspan_log_queue_bytes",
        kind: Gauge,
        help: "Bytes of requests that wait for the disk or to be applied",
        write: |now, text| text.one(Some(float(now.stats.log_queue_bytes))),
    },
    Family {
        name: "hotspan_log_queue_max_bytes",
        kind: Gauge,
        help: "Beyond this requests are refused as busy",
        write: |now, text| text.one(Some(float(now.stats.log_queue_bytes_max))),
    },
    Family {
        name: "hotspan_apply_queue_requests",
        kind: Gauge,
        help: "Requests on disk that are not applied yet",
        write: |now, text| text.one(Some(float(now.stats.apply_queue))),
    },
    Family {
        name: "hotspan_analysis_queue_traces",
        kind: Gauge,
        help: "Closed traces that are not booked yet",
        write: |now, text| text.one(Some(float(now.stats.analysis_queue))),
    },
    Family {
        name: "hotspan_profile_queue_endpoints",
        kind: Gauge,
        help: "Endpoints that wait to be looked at as a whole",
        write: |now, text| text.one(Some(float(now.stats.profile_queue))),
    },
    Family {
        name: "hotspan_open_traces",
        kind: Gauge,
        help: "Traces and requests that are received and not analysed yet; 0 once all is",
        write: |now, text| text.one(Some(float(now.stats.open_traces))),
    },
    Family {
        name: "hotspan_held_traces",
        kind: Gauge,
        help: "Traces that assembly holds, those kept for late spans included",
        write: |now, text| text.one(Some(float(now.stats.held_traces))),
    },
    Family {
        name: "hotspan_held_spans",
        kind: Gauge,
        help: "Spans of these",
        write: |now, text| text.one(Some(float(now.stats.open_spans))),
    },
];

const STORE: &[Family] = &[
    Family {
        name: "hotspan_log_writable",
        kind: Gauge,
        help: "1 while the log takes requests, 0 while the disk refuses them",
        write: |now, text| text.one(Some(float(u64::from(now.stats.log_fault.is_none())))),
    },
    Family {
        name: "hotspan_log_sync_seconds",
        kind: Histogram,
        help: "Time of each sync of the log",
        write: |now, text| seconds_of(text, None, &now.state.store.meters().wal.sync.read()),
    },
    Family {
        name: "hotspan_log_group_requests",
        kind: Histogram,
        help: "Requests that shared a sync",
        write: |now, text| {
            text.histogram(None, &now.state.store.meters().wal.group.read(), 1.0);
        },
    },
    Family {
        name: "hotspan_log_written_bytes_total",
        kind: Total,
        help: "Bytes written to the log, compressed",
        write: |now, text| count(text, &now.state.store.meters().wal.bytes),
    },
    Family {
        name: "hotspan_log_sync_failures_total",
        kind: Total,
        help: "Syncs of the log that failed",
        write: |now, text| count(text, &now.state.store.meters().wal.sync_failures),
    },
    Family {
        name: "hotspan_flush_seconds",
        kind: Histogram,
        help: "Time of writing spans in memory to Parquet",
        write: |now, text| seconds_of(text, None, &now.state.store.meters().flush.time.read()),
    },
    Family {
        name: "hotspan_flushed_spans_total",
        kind: Total,
        help: "Spans written to Parquet from memory",
        write: |now, text| count(text, &now.state.store.meters().flush.spans),
    },
    Family {
        name: "hotspan_flush_failures_total",
        kind: Total,
        help: "Writes to Parquet that failed; each is tried again",
        write: |now, text| count(text, &now.state.store.meters().flush.failures),
    },
    Family {
        name: "hotspan_compaction_seconds",
        kind: Histogram,
        help: "Time of merging small files",
        write: |now, text| seconds_of(text, None, &now.state.store.meters().compaction.time.read()),
    },
    Family {
        name: "hotspan_compaction_read_files_total",
        kind: Total,
        help: "Files merged",
        write: |now, text| count(text, &now.state.store.meters().compaction.files_in),
    },
    Family {
        name: "hotspan_compaction_written_files_total",
        kind: Total,
        help: "Files they were merged into",
        write: |now, text| count(text, &now.state.store.meters().compaction.files_out),
    },
    Family {
        name: "hotspan_compaction_read_bytes_total",
        kind: Total,
        help: "Bytes of files merged",
        write: |now, text| count(text, &now.state.store.meters().compaction.bytes_in),
    },
    Family {
        name: "hotspan_compaction_written_bytes_total",
        kind: Total,
        help: "Bytes of files they were merged into",
        write: |now, text| count(text, &now.state.store.meters().compaction.bytes_out),
    },
    Family {
        name: "hotspan_compaction_copies_total",
        kind: Total,
        help: "Copies of spans received twice that merging left out",
        write: |now, text| count(text, &now.state.store.meters().compaction.copies),
    },
    Family {
        name: "hotspan_compaction_failures_total",
        kind: Total,
        help: "Merges that failed",
        write: |now, text| count(text, &now.state.store.meters().compaction.failures),
    },
    Family {
        name: "hotspan_retention_files_total",
        kind: Total,
        help: "Span files removed for their age or for room",
        write: |now, text| count(text, &now.state.store.meters().retention.files),
    },
    Family {
        name: "hotspan_retention_spans_total",
        kind: Total,
        help: "Spans in them",
        write: |now, text| count(text, &now.state.store.meters().retention.spans),
    },
    Family {
        name: "hotspan_retention_bytes_total",
        kind: Total,
        help: "Their bytes",
        write: |now, text| count(text, &now.state.store.meters().retention.bytes),
    },
    Family {
        name: "hotspan_query_seconds",
        kind: Histogram,
        help: "Time of queries by kind, failed ones included",
        write: |now, text| {
            for kind in QueryKind::ALL {
                let times = now.state.store.meters().query(kind).read();
                seconds_of(text, Some(("kind", kind.slug())), &times);
            }
        },
    },
];

const STORED: &[Family] = &[
    Family {
        name: "hotspan_log_files",
        kind: Gauge,
        help: "Files of the write-ahead log",
        write: |now, text| stored(now, text, |storage| storage.wal_files),
    },
    Family {
        name: "hotspan_log_bytes",
        kind: Gauge,
        help: "Their bytes",
        write: |now, text| stored(now, text, |storage| storage.wal_bytes),
    },
    Family {
        name: "hotspan_memory_spans",
        kind: Gauge,
        help: "Spans that only memory and the log have",
        write: |now, text| stored(now, text, |storage| storage.memory_spans),
    },
    Family {
        name: "hotspan_memory_bytes",
        kind: Gauge,
        help: "Their bytes",
        write: |now, text| stored(now, text, |storage| storage.memory_bytes),
    },
    Family {
        name: "hotspan_memory_age_seconds",
        kind: Gauge,
        help: "How long ago the oldest of them came; 0 when there is none",
        write: |now, text| {
            let age = |storage: &StorageStats| storage.memory_age.unwrap_or_default().as_secs_f64();
            text.one(now.storage.as_ref().map(age));
        },
    },
    Family {
        name: "hotspan_span_files",
        kind: Gauge,
        help: "Parquet files of spans",
        write: |now, text| stored(now, text, |storage| storage.span_files),
    },
    Family {
        name: "hotspan_span_file_bytes",
        kind: Gauge,
        help: "Their bytes",
        write: |now, text| stored(now, text, |storage| storage.span_file_bytes),
    },
    Family {
        name: "hotspan_span_file_spans",
        kind: Gauge,
        help: "Spans in them",
        write: |now, text| stored(now, text, |storage| storage.span_file_rows),
    },
    Family {
        name: "hotspan_span_files_missing",
        kind: Gauge,
        help: "Span files that should be there and are missing or damaged",
        write: |now, text| stored(now, text, |storage| storage.span_files_missing),
    },
    Family {
        name: "hotspan_database_bytes",
        kind: Gauge,
        help: "Size of the database of figures and issues",
        write: |now, text| stored(now, text, |storage| storage.database_bytes),
    },
];

fn float(number: u64) -> f64 {
    number as f64
}

fn count(text: &mut Exposition, counter: &Counter) {
    text.one(Some(float(counter.get())));
}

fn named(text: &mut Exposition, label: &str, counts: &Counts) {
    text.each(label, counts.iter().map(|(name, count)| (name, *count)));
}

fn by_door(
    now: &Reading,
    number: fn(&Accepted) -> u64,
) -> impl Iterator<Item = (&'static str, u64)> {
    let slugs = FrameDoor::ALL.into_iter().map(FrameDoor::slug);
    slugs.zip(now.stats.accepted_by_door.iter().map(number))
}

fn seconds_of(text: &mut Exposition, label: Option<(&str, &str)>, times: &Distribution) {
    text.histogram(label, times, NANOS_A_SECOND);
}

fn stored(now: &Reading, text: &mut Exposition, number: fn(&StorageStats) -> u64) {
    text.one(now.storage.as_ref().map(|storage| float(number(storage))));
}
