//! The page for whoever runs the server: is it well, what comes in, what
//! waits, what is kept, what was left out and what to do about it.
//!
//! [`health`] decides what is wrong, [`left_out`] knows the remedies.

pub(crate) mod health;
mod left_out;

use hotspan_ingest::Stats;
use hotspan_model::UnixNanos;
use hotspan_model::measure::Distribution;
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_store::{BookStats, DayStorage, DiskSpace, StorageStats};
use maud::{Markup, html};

use crate::metrics::process::Process;
use crate::parts::figures::{Figure, figures};
use crate::parts::format;
use crate::parts::meter::{self, meter, part};
use crate::parts::shell::{Frame, Place, page, when};
use crate::parts::sparkline::sparkline;
use health::{Level, troubles};
use left_out::counts;

/// What "lately" means on this page.
pub(crate) const RECENT_NS: i64 = 10 * NANOS_PER_MINUTE;
/// Days listed one by one.
const DAYS_SHOWN: usize = 14;

/// Everything the page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// When counting began.
    pub(crate) started_at: UnixNanos,
    /// Counters since then.
    pub(crate) stats: Stats,
    /// What is on disk and in memory.
    pub(crate) storage: StorageStats,
    /// Span files by day, newest first.
    pub(crate) days: Vec<DayStorage>,
    /// Room on the disk, when it tells.
    pub(crate) disk: Option<DiskSpace>,
    /// What the book holds.
    pub(crate) book: BookStats,
    /// How often each cap was met.
    pub(crate) caps: Vec<(String, u64)>,
    /// What the system says about the process.
    pub(crate) process: Process,
    /// Everything that is bounded, with its bound.
    pub(crate) queues: Vec<Queue>,
    /// Spans a second over the last hour, oldest first.
    pub(crate) incoming: Vec<Option<f64>>,
    /// Spans a second now.
    pub(crate) spans_per_second: Option<f64>,
    /// Processors kept busy now.
    pub(crate) processors: Option<f64>,
    /// Requests refused lately that would have been taken at a better time.
    pub(crate) refused_lately: u64,
    /// Times of syncs lately.
    pub(crate) syncs: Distribution,
    /// Requests that shared a sync.
    pub(crate) group: Distribution,
    /// Times of writing memory to Parquet.
    pub(crate) flush: Distribution,
    /// Times of merging files.
    pub(crate) compaction: Distribution,
    /// Copies that merging left out.
    pub(crate) compaction_copies: u64,
}

/// Something that waits, and how much of it may.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    pub(crate) name: &'static str,
    taken: f64,
    max: f64,
    says: String,
    /// What does not fit is refused; otherwise older things make room.
    refuses: bool,
}

impl Queue {
    /// One that is bounded in bytes.
    pub(crate) fn bytes(name: &'static str, taken: u64, max: u64) -> Self {
        let says = format!("{} of {}", format::bytes(taken), format::bytes(max));
        Self { name, taken: taken as f64, max: max as f64, says, refuses: true }
    }

    /// One that is bounded in number, in which older things make room.
    pub(crate) fn count(name: &'static str, taken: u64, max: u64) -> Self {
        let says = format!("{} of {}", format::exact(taken), format::exact(max));
        Self { name, taken: taken as f64, max: max as f64, says, refuses: false }
    }

    /// Nearly full, so that something will be refused soon.
    pub(crate) fn is_pressing(&self) -> bool {
        self.refuses && self.share() >= meter::HIGH
    }

    /// How full it is, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        meter::share(self.taken, self.max)
    }
}

/// The page.
pub(crate) fn status(frame: &Frame, model: &Status) -> Markup {
    let body = html! {
        (verdict(frame, model))
        (figures(&numbers(model)))
        div.three-one {
            (incoming(model))
            (queues(model))
        }
        div.three {
            (log(model))
            (stored(model))
            (process(frame, model))
        }
        (damaged(model))
        (days(model))
        (left_out(model))
    };
    page(frame, Some(Place::Status), "Status", &body)
}

/// One sentence; below it whatever is wrong.
fn verdict(frame: &Frame, model: &Status) -> Markup {
    let troubles = troubles(model);
    let rate = model.spans_per_second.map(|rate| format!("{} spans/s", per_second(rate)));
    html! {
        section.lede { p {
            @match troubles.first().map(|worst| worst.level) {
                None => { b.well { "Healthy." } " " },
                Some(Level::Warning) => { b { "Working, with a warning." } " " },
                Some(Level::Bad) => { b.bad { "Not well." } " " },
            }
            @if let Some(rate) = rate { (rate) " come in; " }
            (format::exact(model.stats.accepted_spans)) " spans in " (format::exact(model.stats.accepted_requests))
            " requests were made durable since the start " (when(model.started_at, frame.now)) "."
        } }
        @if !troubles.is_empty() {
            ul.troubles {
                @for trouble in &troubles {
                    li.trouble.worst[trouble.level == Level::Bad] {
                        b { (trouble.says) } " " (trouble.remedy)
                    }
                }
            }
        }
    }
}

fn numbers(model: &Status) -> Vec<Figure> {
    let stats = &model.stats;
    let unknown = || "–".to_owned();
    let process = &model.process;
    vec![
        Figure::new(model.spans_per_second.map_or_else(unknown, per_second), "spans a second"),
        Figure::new(format::exact(stats.segments), "requests analysed").hint(
            "Segments: an entry span with its descendants in one service; again after a late span",
        ),
        Figure::new(format::exact(stats.open_traces), "traces to analyse")
            .hint("Received and not analysed yet; 0 once everything is"),
        Figure::new(
            model.processors.map_or_else(unknown, |busy| format!("{busy:.2}")),
            "processors busy",
        ),
        Figure::new(process.resident_bytes.map_or_else(unknown, format::bytes), "memory"),
        Figure::new(
            model.disk.map_or_else(unknown, |disk| format::bytes(disk.free)),
            "free on disk",
        ),
    ]
}

fn per_second(rate: f64) -> String {
    format::average(rate)
}

fn incoming(model: &Status) -> Markup {
    let rates = || model.incoming.iter().copied().flatten();
    let peak = rates().fold(0.0, f64::max);
    let mean = rates().sum::<f64>() / rates().count().max(1) as f64;
    let minutes = model.incoming.len() / 6;
    html! {
        section.incoming {
            h2 { "Coming in" span.more { "spans a second, last " (minutes.max(1)) " min" } }
            @if model.incoming.is_empty() {
                p.soft { "The first figures come within 20 s of the start." }
            } @else {
                (sparkline(&model.incoming, false, "spans a second over the last hour"))
                p.soft { "Peak " b { (per_second(peak)) } " · mean " b { (per_second(mean)) } }
            }
            (doors(model))
        }
    }
}

fn doors(model: &Status) -> Markup {
    let doors = hotspan_store::FrameDoor::ALL.into_iter().zip(&model.stats.accepted_by_door);
    html! {
        table.facts { tbody {
            @for (door, accepted) in doors.filter(|(_, accepted)| accepted.requests > 0) {
                tr {
                    th scope="row" { (door.slug()) }
                    td.num { (format::exact(accepted.requests)) " requests" }
                    td.num { (format::exact(accepted.spans)) " spans" }
                }
            }
        } }
    }
}

fn queues(model: &Status) -> Markup {
    html! {
        section.queues {
            h2 { "Queues" span.more { "each has a bound" } }
            dl {
                @for queue in &model.queues {
                    dt { (queue.name) span.right.soft { (queue.says) } }
                    dd {
                        @if queue.refuses { (meter(queue.taken, queue.max, &queue.says)) }
                        @else { (part(queue.taken, queue.max, &queue.says)) }
                    }
                }
            }
        }
    }
}

fn facts(title: &str, says: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        section.counts {
            h2 { (title) }
            p.soft { (says) }
            table.facts { tbody {
                @for (name, value) in rows { tr { th scope="row" { (name) } td.num { (value) } } }
            } }
        }
    }
}

fn log(model: &Status) -> Markup {
    let (stats, storage) = (&model.stats, &model.storage);
    let age = storage.memory_age.map_or_else(|| "–".to_owned(), |age| duration(age.as_nanos()));
    let groups = model.group.count();
    let mean = model.group.sum as f64 / groups.max(1) as f64;
    facts(
        "Write-ahead log",
        "A request is answered once it is here, synced. Times of the last 10 min.",
        &[
            ("sync, median", quantile(&model.syncs, 0.5)),
            ("sync, p99", quantile(&model.syncs, 0.99)),
            ("requests per sync", if groups == 0 { "–".to_owned() } else { format::average(mean) }),
            ("on disk", files(storage.wal_files, storage.wal_bytes)),
            ("oldest span only here", age),
            ("waiting to be applied", format::exact(stats.apply_queue)),
            ("waiting to be booked", format::exact(stats.analysis_queue)),
        ],
    )
}

fn stored(model: &Status) -> Markup {
    let storage = &model.storage;
    let each = storage.span_file_bytes as f64 / storage.span_file_rows.max(1) as f64;
    let merged = model.compaction.count();
    facts(
        "Spans",
        "In memory first, then in Parquet files, which are merged later.",
        &[
            (
                "in memory",
                format!(
                    "{} · {}",
                    format::exact(storage.memory_spans),
                    format::bytes(storage.memory_bytes)
                ),
            ),
            (
                "in files",
                format!(
                    "{} · {}",
                    format::exact(storage.span_file_rows),
                    files(storage.span_files, storage.span_file_bytes)
                ),
            ),
            (
                "bytes a span",
                if storage.span_file_rows == 0 { "–".to_owned() } else { format!("{each:.0}") },
            ),
            ("writing out, median", quantile(&model.flush, 0.5)),
            (
                "merges",
                if merged == 0 {
                    "none yet".to_owned()
                } else {
                    format!(
                        "{} · median {}",
                        format::exact(merged),
                        quantile(&model.compaction, 0.5)
                    )
                },
            ),
            ("copies merged away", format::exact(model.compaction_copies)),
            (
                "figures and issues",
                format!(
                    "{} · {} endpoints",
                    format::bytes(storage.database_bytes),
                    format::exact(model.book.endpoints)
                ),
            ),
        ],
    )
}

fn process(frame: &Frame, model: &Status) -> Markup {
    let process = &model.process;
    let known = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let disk = model.disk.map(|disk| {
        let free = disk.free as f64 / disk.total.max(1) as f64;
        format!(
            "{} of {} · {}",
            format::bytes(disk.free),
            format::bytes(disk.total),
            format::percent(free)
        )
    });
    let up = frame.now.since(model.started_at).max(0);
    facts(
        "Process",
        "What the system says about this server and its disk.",
        &[
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("running for", format::duration_short(up)),
            (
                "memory, now and at most",
                format!(
                    "{} · {}",
                    known(process.resident_bytes.map(format::bytes)),
                    known(process.resident_peak_bytes.map(format::bytes))
                ),
            ),
            (
                "processor time",
                known(
                    process
                        .cpu_seconds
                        .map(|seconds| format::duration_short((seconds * 1e9) as i64)),
                ),
            ),
            (
                "threads · open files",
                format!(
                    "{} · {}",
                    known(process.threads.map(format::exact)),
                    known(process.open_files.map(format::exact))
                ),
            ),
            ("free on disk", known(disk)),
            ("requests refused below", known(model.disk.map(|disk| format::bytes(disk.reserve())))),
        ],
    )
}

/// Span files that cannot be read, by name.
fn damaged(model: &Status) -> Markup {
    let files = &model.storage.span_files_damaged;
    html! {
        @if !files.is_empty() {
            section.counts {
                h2 { "Missing or damaged" span.more { "in the data directory" } }
                table.facts { tbody { @for file in files { tr {
                    th scope="row" { code { (file.path) } small { (file.reason) } }
                    td.num { (format::plural(file.spans as f64, "span", "spans")) }
                } } } }
            }
        }
    }
}

fn days(model: &Status) -> Markup {
    let most = model.days.iter().map(|day| day.bytes).max().unwrap_or(0) as f64;
    let (shown, older) = model.days.split_at(model.days.len().min(DAYS_SHOWN));
    let midnight = |day: i64| UnixNanos(day.saturating_mul(24 * 60 * NANOS_PER_MINUTE));
    html! {
        @if !model.days.is_empty() {
            section.stored-days {
                h2 { "Kept by day" span.more { "by when spans began, UTC" } }
                table.list.narrow { tbody {
                    @for day in shown { tr {
                        td { (format::day(midnight(day.day))) }
                        td.fill { (part(day.bytes as f64, most, &format::bytes(day.bytes))) }
                        td.num { (format::bytes(day.bytes)) }
                        td.num { (format::exact(day.spans)) " spans" }
                        td.num { (format::plural(day.files as f64, "file", "files")) }
                    } }
                    @if !older.is_empty() { tr {
                        td { (older.len()) " more" }
                        td {}
                        td.num { (format::bytes(older.iter().map(|day| day.bytes).sum())) }
                        td.num { (format::exact(older.iter().map(|day| day.spans).sum())) " spans" }
                        td.num { (format::exact(older.iter().map(|day| day.files).sum())) " files" }
                    } }
                } }
            }
        }
    }
}

/// Lists with something in them; the others are named in one line.
fn left_out(model: &Status) -> Markup {
    let stats = &model.stats;
    let caps = model.caps.iter().filter(|(_, times)| *times > 0).cloned().collect();
    let other = [("late", stats.late), ("duplicates", stats.duplicates)];
    let other = other.into_iter().filter(|(_, count)| *count > 0);
    let other = other.map(|(name, count)| (name.to_owned(), count)).collect();
    let lists = [
        ("Refused requests", "Whole requests that were turned away.", &stats.refused),
        (
            "Rejected items",
            "Refused one by one; the rest of their request was kept.",
            &stats.rejected,
        ),
        ("Left out of analysis", "Spans that are kept and not analysed.", &stats.dropped),
        ("Parts left out", "Attributes left out of spans that were kept.", &stats.dropped_parts),
        (
            "Late and twice",
            "Late spans came after their trace was analysed; copies are kept once.",
            &other,
        ),
        ("Lost by clients", "What SDKs say they dropped before sending.", &stats.client_losses),
        (
            "Not kept",
            "Accepted items of kinds that Hotspan does not keep yet.",
            &stats.ignored_items,
        ),
        ("Caps met", "Values beyond a cap are counted together as “(other)”.", &caps),
    ];
    let (full, empty): (Vec<_>, Vec<_>) =
        lists.into_iter().partition(|(.., list)| !list.is_empty());
    let names: Vec<String> = empty.iter().map(|(title, ..)| title.to_lowercase()).collect();
    html! {
        div.three { @for (title, says, list) in full { (counts(title, says, list)) } }
        @if !names.is_empty() { p.soft.notes { "Nothing counted under: " (names.join(" · ")) "." } }
    }
}

fn files(number: u64, bytes: u64) -> String {
    format!("{} · {}", format::plural(number as f64, "file", "files"), format::bytes(bytes))
}

fn quantile(times: &Distribution, q: f64) -> String {
    times.quantile(q).map_or_else(|| "–".to_owned(), |nanos| duration(u128::from(nanos)))
}

fn duration(nanos: u128) -> String {
    format::duration_short(i64::try_from(nanos).unwrap_or(i64::MAX))
}
