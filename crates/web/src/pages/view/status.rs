//! What this server received, refused, dropped and keeps.

use hotspan_ingest::Stats;
use hotspan_store::{BookStats, StorageStats};
use maud::{Markup, html};

use crate::parts::figures::{Figure, figures};
use crate::parts::format;
use crate::parts::shell::{Frame, Place, page, when};

/// Everything the page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// Counters since the start.
    pub(crate) stats: Stats,
    /// What is on disk and in memory.
    pub(crate) storage: StorageStats,
    /// What the book holds.
    pub(crate) book: BookStats,
    /// How often each cap was met.
    pub(crate) caps: Vec<(String, u64)>,
}

/// The page.
pub(crate) fn status(frame: &Frame, model: &Status) -> Markup {
    let stats = &model.stats;
    let body = html! {
        section.lede { p {
            b { (format::exact(stats.accepted_spans)) " spans" } " in " (format::exact(stats.accepted_requests))
            " requests were accepted since this server started " (when(stats.started_at, frame.now)) "."
            @if trouble(model) { " " span.bad { "Not everything went well: see below." } }
        } }
        (figures(&numbers(model)))
        @if let Some(error) = &model.storage.flush_error {
            p.bad { "Writing spans to disk failed and is being tried again: " (error) }
        }
        div.three {
            (counts("Rejected", "Items that were refused one by one, by reason; the rest of their request was kept.", &stats.rejected))
            (counts("Refused requests", "Whole requests that were turned away, by reason.", &stats.refused))
            (counts("Left out of analysis", "Spans that are kept but not analysed, by reason.", &stats.dropped))
            (counts("Lost by clients", "What SDKs say they dropped before sending, by category and reason.", &stats.client_losses))
            (counts("Not kept", "Accepted items of kinds that Hotspan does not keep yet.", &stats.ignored_items))
            (counts("Caps met", "Values beyond a cap are counted together as “(other)”.", &model.caps.iter().filter(|(_, times)| *times > 0).cloned().collect()))
            (kept(model))
        }
    };
    page(frame, Some(Place::Status), "Status", &body)
}

fn trouble(model: &Status) -> bool {
    model.storage.flush_error.is_some()
        || model.storage.span_files_missing > 0
        || !model.stats.refused.is_empty()
}

fn numbers(model: &Status) -> Vec<Figure> {
    let stats = &model.stats;
    vec![
        Figure::new(format::exact(stats.segments), "requests analysed"),
        Figure::new(format::exact(stats.rejected.values().sum()), "items rejected"),
        Figure::new(format::exact(stats.late), "spans came late")
            .hint("They arrived after their trace had been analysed"),
        Figure::new(format::exact(stats.duplicates), "duplicates")
            .hint("Spans that had been received before; kept once"),
        Figure::new(format::exact(stats.open_traces), "traces open").hint(format!(
            "{} spans wait for their trace to become quiet",
            format::exact(stats.open_spans)
        )),
    ]
}

fn counts(title: &str, says: &str, counts: &std::collections::BTreeMap<String, u64>) -> Markup {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    html! {
        section.counts {
            h2 { (title) }
            p.soft { (says) }
            @if sorted.is_empty() { p { "None." } } @else {
                table.facts { tbody { @for (name, count) in sorted { tr {
                    th scope="row" { code { (name) } } td.num { (format::exact(*count)) }
                } } } }
            }
        }
    }
}

fn kept(model: &Status) -> Markup {
    let (stats, storage) = (&model.stats, &model.storage);
    let rows = [
        (
            "span files",
            format!(
                "{} · {}",
                format::exact(storage.span_files),
                format::bytes(storage.span_file_bytes)
            ),
        ),
        ("spans in them", format::exact(storage.span_file_rows)),
        (
            "spans in memory",
            format!(
                "{} · {}",
                format::exact(storage.memory_spans),
                format::bytes(storage.memory_bytes)
            ),
        ),
        (
            "write-ahead log",
            format!(
                "{} files · {}",
                format::exact(storage.wal_files),
                format::bytes(storage.wal_bytes)
            ),
        ),
        ("database", format::bytes(storage.database_bytes)),
        (
            "endpoints and issues",
            format!(
                "{} · {}",
                format::exact(model.book.endpoints),
                format::exact(model.book.issues)
            ),
        ),
        ("requests in flight", format::bytes(stats.in_flight_bytes)),
        ("waiting to be applied", format::exact(stats.apply_queue)),
        ("waiting to be booked", format::exact(stats.analysis_queue)),
    ];
    html! {
        section.counts {
            h2 { "Kept" }
            p.soft { "What is on disk and in memory now." }
            table.facts { tbody {
                @for (name, value) in rows { tr { th scope="row" { (name) } td.num { (value) } } }
                @if storage.span_files_missing > 0 {
                    tr { th scope="row" { span.bad { "files missing" } } td.num { span.bad { (format::exact(storage.span_files_missing)) } } }
                }
            } }
        }
    }
}
