//! Whether the server is well, in one sentence, and what to do if not.

use hotspan_model::time::NANOS_PER_MINUTE;

use super::{RECENT_NS, Status};
use crate::parts::format;

/// Spans in memory are written every few minutes; older ones are stuck.
const MEMORY_AGE_MAX_NS: i64 = 15 * NANOS_PER_MINUTE;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Requests are refused, or data cannot be read.
    Bad,
    /// It works, and somebody should look.
    Warning,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How bad.
    pub(crate) level: Level,
    /// What, as a sentence.
    pub(crate) says: String,
    /// What to do, as a sentence.
    pub(crate) remedy: String,
}

impl Trouble {
    fn new(level: Level, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level, says: says.into(), remedy: remedy.into() }
    }
}

/// Everything that is not as it should be, worst first.
pub(crate) fn troubles(model: &Status) -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> =
        [log(model), disk(model), damage(model), flush(model), busy(model), queues(model)]
            .into_iter()
            .flatten()
            .collect();
    troubles.sort_by_key(|trouble| trouble.level);
    troubles
}

fn log(model: &Status) -> Option<Trouble> {
    let fault = model.stats.log_fault.as_ref()?;
    let reason = &fault.reason;
    Some(if fault.halted {
        Trouble::new(
            Level::Bad,
            format!("Every request is refused: the log stopped after a disk failure ({reason})."),
            "Repair the disk of the data directory, then start the server again. Nothing that was acknowledged is lost.",
        )
    } else {
        Trouble::new(
            Level::Bad,
            format!("Requests are refused: {reason}."),
            "Make room on the disk of the data directory; requests are taken again by themselves.",
        )
    })
}

fn disk(model: &Status) -> Option<Trouble> {
    let disk = model.disk?;
    let soon = !disk.is_low() && disk.free < disk.reserve().saturating_mul(2);
    soon.then(|| {
        Trouble::new(
            Level::Warning,
            format!("Only {} of the disk are free.", format::bytes(disk.free)),
            format!(
                "Make room, or keep fewer days: below {} requests are refused.",
                format::bytes(disk.reserve())
            ),
        )
    })
}

fn damage(model: &Status) -> Option<Trouble> {
    let damaged = &model.storage.span_files_damaged;
    let missing = model.storage.span_files_missing.max(damaged.len() as u64);
    (missing > 0).then(|| {
        let files = match missing {
            1 => "A span file is".to_owned(),
            number => format!("{} span files are", format::exact(number)),
        };
        let spans: u64 = damaged.iter().map(|file| file.spans).sum();
        Trouble::new(
            Level::Bad,
            format!(
                "{files} missing or damaged, with {} in all; everything else is shown.",
                format::plural(spans as f64, "span", "spans")
            ),
            "Each is named below: stop the server and put it back from a backup.",
        )
    })
}

fn flush(model: &Status) -> Option<Trouble> {
    if let Some(error) = &model.storage.flush_error {
        return Some(Trouble::new(
            Level::Bad,
            format!(
                "Spans in memory could not be written to Parquet and are tried again: {error}."
            ),
            "Look at the disk of the data directory. The log keeps these spans meanwhile.",
        ));
    }
    let age = i64::try_from(model.storage.memory_age?.as_nanos()).unwrap_or(i64::MAX);
    (age > MEMORY_AGE_MAX_NS).then(|| {
        Trouble::new(
            Level::Warning,
            format!("Spans have been in memory for {}.", format::duration_short(age)),
            "The disk may be too slow for what comes in; the log keeps these spans meanwhile.",
        )
    })
}

fn busy(model: &Status) -> Option<Trouble> {
    let refused = model.refused_lately;
    (refused > 0).then(|| {
        Trouble::new(
            Level::Warning,
            format!(
                "{} refused in the last {}.",
                format::plural(refused as f64, "request was", "requests were"),
                format::duration_short(RECENT_NS)
            ),
            "The reasons are below, each with what to do about it.",
        )
    })
}

fn queues(model: &Status) -> Option<Trouble> {
    let full = model.queues.iter().find(|queue| queue.is_pressing())?;
    Some(Trouble::new(
        Level::Warning,
        format!("{} takes {} of its room.", full.name, format::percent(full.share())),
        "When it is full, senders are told to come back later. More processors, a faster disk or fewer spans help.",
    ))
}

#[cfg(test)]
mod tests {
    use hotspan_ingest::Stats;
    use hotspan_store::{DiskSpace, LogFault, StorageStats};

    use super::super::Queue;
    use super::*;

    fn fault(halted: bool) -> Stats {
        let log_fault = Some(LogFault { halted, reason: "no space left".to_owned() });
        Stats { log_fault, ..Stats::default() }
    }

    /// What is wrong, the part of its sentence that says so, and how bad it is.
    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let storage = StorageStats::default;
        let cases: [(&str, Status, Option<Level>); 8] = [
            ("", Status::default(), None),
            (
                "the log stopped",
                Status { stats: fault(true), ..Status::default() },
                Some(Level::Bad),
            ),
            (
                "Requests are refused",
                Status { stats: fault(false), ..Status::default() },
                Some(Level::Bad),
            ),
            (
                "of the disk are free",
                Status {
                    disk: Some(DiskSpace { free: 300 << 20, total: 1 << 40 }),
                    ..Status::default()
                },
                Some(Level::Warning),
            ),
            (
                "2 span files are",
                Status {
                    storage: StorageStats { span_files_missing: 2, ..storage() },
                    ..Status::default()
                },
                Some(Level::Bad),
            ),
            (
                "could not be written to Parquet",
                Status {
                    storage: StorageStats { flush_error: Some("no".to_owned()), ..storage() },
                    ..Status::default()
                },
                Some(Level::Bad),
            ),
            (
                "refused in the last",
                Status { refused_lately: 3, ..Status::default() },
                Some(Level::Warning),
            ),
            (
                "takes 90%",
                Status { queues: vec![Queue::bytes("A queue", 90, 100)], ..Status::default() },
                Some(Level::Warning),
            ),
        ];
        for (part, model, level) in cases {
            let troubles = troubles(&model);
            assert_eq!(troubles.first().map(|worst| worst.level), level, "{part}: {troubles:?}");
            if let Some(worst) = troubles.first() {
                assert!(worst.says.contains(part) && !worst.remedy.is_empty(), "{worst:?}");
            }
        }
        // What makes room by itself is no trouble, and the worst comes first.
        let held = vec![Queue::count("Spans in open traces", 100, 100)];
        assert_eq!(troubles(&Status { queues: held, ..Status::default() }), []);
        let both = Status { refused_lately: 3, stats: fault(true), ..Status::default() };
        assert_eq!(troubles(&both).first().map(|worst| worst.level), Some(Level::Bad));
    }
}
