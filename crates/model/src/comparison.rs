//! An endpoint before and after a fix: what is compared, and what came of it.
//!
//! Only the figures stand here. How they are judged is in `analysis`, when they
//! are looked at in `ingest`, how they are kept in `store`.

use crate::sketch::Sketch;
use crate::time::UnixNanos;

/// One minute of an endpoint's requests and what one issue cost them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MinuteFigures {
    /// Minutes since 1970-01-01T00:00.
    pub minute: i64,
    /// Requests received, unweighted: what statistics rest on.
    pub samples: u64,
    /// Those of them that did what the issue is about.
    pub samples_affected: u64,
    /// Weighted requests.
    pub requests: f64,
    /// Weighted wall time of all requests.
    pub wall_ns: i64,
    /// The part of it that was lost to the issue.
    pub lost_ns: i64,
    /// Durations of all requests.
    pub sketch: Sketch,
}

/// One side of a comparison, summed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SideFigures {
    /// Start of its first minute with requests.
    pub from: UnixNanos,
    /// End of its last minute with requests.
    pub to: UnixNanos,
    /// Minutes with requests.
    pub minutes: u64,
    /// Requests received, unweighted.
    pub samples: u64,
    /// Those of them that did what the issue is about.
    pub samples_affected: u64,
    /// Weighted requests.
    pub requests: f64,
    /// The part of the wall time that was lost to the issue, 0..=1.
    pub share: f64,
    /// 95th percentile of the duration; 0 without requests.
    pub p95_ns: i64,
}

/// What became of the 95th percentile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Latency {
    /// It fell, beyond what chance explains.
    Faster,
    /// It did not move, or not beyond what chance explains.
    #[default]
    Same,
    /// It rose, beyond what chance explains.
    Slower,
}

impl Latency {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Faster, Self::Same, Self::Slower];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Same => "same",
            Self::Slower => "slower",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|latency| latency.slug() == slug)
    }
}

/// Before and after, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Comparison {
    /// Before the fix.
    pub before: SideFigures,
    /// Since the fix.
    pub after: SideFigures,
    /// The share after the fix is below this with 95% confidence.
    pub share_after_max: f64,
    /// The share at which the issue counts as gone.
    pub share_gone: f64,
    /// What became of the 95th percentile.
    pub latency: Latency,
    /// How sure the verdict is, 0..1. Where there is none yet, how sure it is
    /// that the issue is gone.
    pub confidence: f64,
}

/// What is missing for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// So many more requests.
    pub requests: u64,
    /// So many more minutes with requests.
    pub minutes: u64,
    /// There are no requests with the issue from before to compare with.
    pub before: bool,
}

impl Needs {
    /// True when there is enough of everything and the figures still lie on
    /// both sides of the mark.
    pub fn is_clearness_only(self) -> bool {
        self == Self::default()
    }
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The issue is gone.
    Verified,
    /// It is still there.
    NotFixed,
    /// Too early to say.
    NotYet(Needs),
}
