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
    let missing = model.storage.span_files_missing;
    (missing > 0).then(|| {
        Trouble::new(
            Level::Bad,
            format!(
                "{} missing or damaged; everything else is shown.",
                match missing {
                    1 => "A span file is".to_owned(),
                    number => format!("{} span files are", format::exact(number)),
                }
            ),
            "Stop the server and put the files back from a backup. The server's log names them at its start.",
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
