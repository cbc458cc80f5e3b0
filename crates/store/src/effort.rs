//! Where the server's CPU time goes, by part of the work: what a benchmark and
//! an operator ask first. Only adding up happens here; reading the thread's
//! CPU clock is one system call a request or larger unit, never one a span.

use std::sync::atomic::{AtomicU64, Ordering};

use cpu_time::ThreadTime;

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Requests decoded, judged, hashed and scrubbed.
    Decode,
    /// Frames compressed, written and synced.
    Log,
    /// Spans put into memory, in columns.
    Table,
    /// Spans digested and sorted into traces.
    Assembly,
    /// Traces analysed.
    Analysis,
    /// Segments booked.
    Book,
    /// Memory written to Parquet.
    Flush,
    /// Parquet files made into fewer.
    Compaction,
    /// The endpoint form of detection.
    Profile,
}

impl Part {
    /// Every part, in the order in which a span meets them.
    pub const ALL: [Self; 9] = [
        Self::Decode,
        Self::Log,
        Self::Table,
        Self::Assembly,
        Self::Analysis,
        Self::Book,
        Self::Flush,
        Self::Compaction,
        Self::Profile,
    ];

    /// The stable name it is shown by.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Log => "log",
            Self::Table => "table",
            Self::Assembly => "assembly",
            Self::Analysis => "analysis",
            Self::Book => "book",
            Self::Flush => "flush",
            Self::Compaction => "compaction",
            Self::Profile => "profile",
        }
    }
}

/// CPU nanoseconds by part, since the store was opened.
#[derive(Debug, Default)]
pub struct Effort([AtomicU64; Part::ALL.len()]);

impl Effort {
    /// Does the work and adds what it cost this thread. Work that hands parts
    /// of itself to other threads is measured there.
    pub fn of<T>(&self, part: Part, work: impl FnOnce() -> T) -> T {
        let began = ThreadTime::now();
        let done = work();
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0[part as usize].fetch_add(nanos, Ordering::Relaxed);
        done
    }

    /// CPU seconds by part.
    pub fn seconds(&self) -> impl Iterator<Item = (Part, f64)> + '_ {
        let nanos = |part: Part| self.0[part as usize].load(Ordering::Relaxed);
        Part::ALL.into_iter().map(move |part| (part, nanos(part) as f64 / 1e9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_for_its_part_only() {
        let effort = Effort::default();
        let sum =
            effort.of(Part::Book, || (0..3_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert_eq!(sum, 4_499_998_500_000);
        let spent: Vec<_> = effort.seconds().filter(|(_, seconds)| *seconds > 0.0).collect();
        assert!(matches!(spent[..], [(Part::Book, _)]), "{spent:?}");
    }
}
