//! The life of an issue: what people and measurements make of it over time.
//!
//! open → fix claimed → verified or not fixed; verified → regressed when it
//! returns; ignored as long as somebody wants. Who measures and when is in
//! `ingest`, the statistics in `analysis`, where it is kept in `store`.

use crate::comparison::{Comparison, Needs};
use crate::issue::IssueStatus;
use crate::time::UnixNanos;

/// Why an issue changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeReason {
    /// Somebody says that a fix is deployed.
    Claimed,
    /// Before and after were compared.
    Measured,
    /// It was seen again.
    Returned,
    /// Nothing could be said for so long that the comparison ended.
    Lapsed,
    /// Somebody chose not to see it.
    Ignored,
    /// Somebody opened it again.
    Reopened,
    /// It was ignored until it grew, and it grew.
    Grown,
    /// It was ignored until a date, which has come.
    Due,
}

impl ChangeReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Claimed,
        Self::Measured,
        Self::Returned,
        Self::Lapsed,
        Self::Ignored,
        Self::Reopened,
        Self::Grown,
        Self::Due,
    ];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Measured => "measured",
            Self::Returned => "returned",
            Self::Lapsed => "lapsed",
            Self::Ignored => "ignored",
            Self::Reopened => "reopened",
            Self::Grown => "grown",
            Self::Due => "due",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.slug() == slug)
    }
}

/// One step in the life of an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// When.
    pub at: UnixNanos,
    /// The state before.
    pub from: IssueStatus,
    /// The state since.
    pub to: IssueStatus,
    /// Why.
    pub reason: ChangeReason,
    /// Who asked for it; empty when nobody did, or nobody logs in.
    pub actor: String,
    /// The release it is about; empty when none is known.
    pub release: String,
    /// What was measured, where something was.
    pub comparison: Option<Comparison>,
}

/// What began a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Somebody said that a fix is deployed.
    Claim,
    /// A release that was not seen before.
    Release,
}

impl Origin {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Release => "release",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Claim, Self::Release].into_iter().find(|origin| origin.slug() == slug)
    }
}

/// How far a comparison has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No request of the claimed release was seen yet.
    AwaitingRelease,
    /// There is too little to say anything.
    Waiting(Needs),
    /// The issue is gone.
    Verified,
    /// It is still there.
    NotFixed,
    /// There was too little for too long.
    Lapsed,
}

impl Progress {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::AwaitingRelease => "awaiting_release",
            Self::Waiting(_) => "waiting",
            Self::Verified => "verified",
            Self::NotFixed => "not_fixed",
            Self::Lapsed => "lapsed",
        }
    }

    /// True while the answer is out.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::AwaitingRelease | Self::Waiting(_))
    }
}

/// The latest comparison of an issue before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// What began it.
    pub origin: Origin,
    /// The release it is about; empty when none is known.
    pub release: String,
    /// Requests until here are *before*.
    pub before_to: UnixNanos,
    /// Requests from here on are *after*.
    pub started: UnixNanos,
    /// When it was last looked at.
    pub checked: UnixNanos,
    /// How far it has come.
    pub progress: Progress,
    /// The figures so far; `None` before the first look.
    pub comparison: Option<Comparison>,
}

/// How long an issue is to be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ignore {
    /// For ever.
    #[default]
    Forever,
    /// Until it costs twice as much a day as now.
    UntilGrown,
    /// Until a moment.
    Until(UnixNanos),
}

/// How long an issue is ignored, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// For ever.
    Forever,
    /// Until its time lost in a day is [`GROWTH`] times this.
    UntilGrown {
        /// Nanoseconds lost in the day before it was ignored.
        day_wall_ns: i64,
    },
    /// Until a moment.
    Until(UnixNanos),
}

/// An issue that is ignored until it grows must cost so many times as much.
pub const GROWTH: i64 = 2;

/// What a person does with an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Says that a fix is deployed, and in which release where that is known.
    ClaimFix {
        /// The release with the fix; empty when not told.
        release: String,
    },
    /// Chooses not to see it.
    Ignore(Ignore),
    /// Opens it again.
    Reopen,
}

impl Action {
    /// The state it leads to.
    pub fn target(&self) -> IssueStatus {
        match self {
            Self::ClaimFix { .. } => IssueStatus::FixClaimed,
            Self::Ignore(_) => IssueStatus::Ignored,
            Self::Reopen => IssueStatus::Open,
        }
    }

    /// What the history gives as its reason.
    pub fn reason(&self) -> ChangeReason {
        match self {
            Self::ClaimFix { .. } => ChangeReason::Claimed,
            Self::Ignore(_) => ChangeReason::Ignored,
            Self::Reopen => ChangeReason::Reopened,
        }
    }

    /// True where it makes sense: an open issue cannot be reopened, and of one
    /// that is verified nobody need claim a fix. A claim made again begins
    /// anew.
    pub fn is_possible_from(&self, status: IssueStatus) -> bool {
        match self {
            Self::ClaimFix { .. } => status != IssueStatus::Verified,
            Self::Ignore(_) => true,
            Self::Reopen => status != IssueStatus::Open,
        }
    }
}

/// What an issue has lived through.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IssueLife {
    /// In its state since.
    pub since: UnixNanos,
    /// Changes of its state, the newest first; bounded.
    pub history: Vec<StateChange>,
    /// The latest comparison of before and after.
    pub verification: Option<Verification>,
    /// How long it is ignored; `None` when it is not.
    pub ignored: Option<Ignored>,
}

/// How a deploy became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeploySource {
    /// Somebody told by the API.
    Told,
    /// The first request of a release was seen.
    Seen,
}

impl DeploySource {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Seen => "seen",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Told, Self::Seen].into_iter().find(|source| source.slug() == slug)
    }
}

/// A release of a service that went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// The project.
    pub project: String,
    /// The service.
    pub service: String,
    /// As told or sent.
    pub release: String,
    /// Where; empty when not told.
    pub environment: String,
    /// When.
    pub at: UnixNanos,
    /// How it became known.
    pub source: DeploySource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for reason in ChangeReason::ALL {
            assert_eq!(ChangeReason::from_slug(reason.slug()), Some(reason));
        }
        for origin in [Origin::Claim, Origin::Release] {
            assert_eq!(Origin::from_slug(origin.slug()), Some(origin));
        }
        for source in [DeploySource::Told, DeploySource::Seen] {
            assert_eq!(DeploySource::from_slug(source.slug()), Some(source));
        }
    }

    #[test]
    fn what_people_can_do() {
        let claim = Action::ClaimFix { release: String::new() };
        for (status, can_claim, can_reopen) in [
            (IssueStatus::Open, true, false),
            (IssueStatus::FixClaimed, true, true),
            (IssueStatus::Verified, false, true),
            (IssueStatus::NotFixed, true, true),
            (IssueStatus::Regressed, true, true),
            (IssueStatus::Ignored, true, true),
        ] {
            let can = |action: &Action| action.is_possible_from(status);
            assert_eq!((can(&claim), can(&Action::Reopen)), (can_claim, can_reopen), "{status:?}");
            assert!(can(&Action::Ignore(Ignore::Forever)));
        }
    }
}
