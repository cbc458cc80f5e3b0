//! What the server does with an issue by itself: which stretches of time to
//! compare, and what becomes of the issue then. Pure steps without clock or
//! store, so that each is tested as a line; who takes them is in
//! [`crate::verify`], the statistics are in `analysis`.

use hotspan_analysis::verification::Judgement;
use hotspan_model::comparison::Needs;
use hotspan_model::life::{
    ChangeReason, GROWTH, Ignored, Origin, Progress, StateChange, Verification,
};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Comparison, IssueStatus, UnixNanos, Verdict};
use hotspan_store::{Check, TimeWindow, WatchedIssue};

const HOUR_NS: i64 = 60 * NANOS_PER_MINUTE;
const DAY_NS: i64 = 24 * HOUR_NS;
/// The stretch before a fix that it is compared with: a whole day, because
/// nights differ from days.
const BEFORE_NS: i64 = DAY_NS;
/// A comparison that cannot be decided for so long ends. With the day before
/// it, it stays within the eight days for which there are minutes.
const LAPSE_NS: i64 = 7 * DAY_NS;
/// The stretch that is looked at again after *not fixed*: a deploy may have
/// rolled out slowly.
const AGAIN_NS: i64 = HOUR_NS;
/// Stretches in which the return of an issue is looked for: the short one
/// tells soon, the long one tells for endpoints with few requests.
const RETURN_NS: i64 = 30 * NANOS_PER_MINUTE;
const RETURN_LONG_NS: i64 = DAY_NS;

/// What to look at next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    /// Nothing now.
    Nothing,
    /// The state changes without a look.
    Change(Box<Check>),
    /// Compare before and after.
    Compare {
        /// The comparison, as it began or goes on.
        verification: Verification,
        before: TimeWindow,
        after: TimeWindow,
        /// It was *not fixed*; only *verified* would be news.
        again: bool,
    },
    /// Look whether it is back.
    Return {
        /// What it was like when it was open.
        before: hotspan_model::comparison::SideFigures,
        windows: Vec<TimeWindow>,
    },
    /// Look whether it grew.
    Growth {
        /// What it cost in a day when it was ignored.
        day_wall_ns: i64,
        day: TimeWindow,
    },
}

/// Decides what to look at. `long` asks for long stretches too, which cost more
/// to read.
pub(crate) fn plan(issue: &WatchedIssue, now: UnixNanos, long: bool) -> Plan {
    match issue.status {
        IssueStatus::Ignored => ignoring(issue, now),
        IssueStatus::Verified => watching(issue, now, long),
        _ => comparing(issue, now),
    }
}

fn ignoring(issue: &WatchedIssue, now: UnixNanos) -> Plan {
    match issue.ignored {
        Some(Ignored::Until(at)) if at <= now => {
            let due = Some((IssueStatus::Open, ChangeReason::Due));
            Plan::Change(Box::new(check(issue, None, due, now)))
        }
        Some(Ignored::UntilGrown { day_wall_ns }) => {
            Plan::Growth { day_wall_ns, day: TimeWindow { from: now.plus(-DAY_NS), to: now } }
        }
        _ => Plan::Nothing,
    }
}

/// What it costs in a day now ends ignoring, or not.
pub(crate) fn grown(
    issue: &WatchedIssue,
    then_ns: i64,
    now_ns: i64,
    now: UnixNanos,
) -> Option<Check> {
    let grown = now_ns > 0 && now_ns >= then_ns.saturating_mul(GROWTH);
    grown.then(|| check(issue, None, Some((IssueStatus::Open, ChangeReason::Grown)), now))
}

fn watching(issue: &WatchedIssue, now: UnixNanos, long: bool) -> Plan {
    let measured = issue.verification.as_ref().and_then(|known| known.comparison);
    let Some(Comparison { before, .. }) = measured else { return Plan::Nothing };
    let back = |nanos: i64| TimeWindow { from: issue.since.max(now.plus(-nanos)), to: now };
    let mut windows = vec![back(RETURN_NS)];
    if long && back(RETURN_LONG_NS) != windows[0] {
        windows.push(back(RETURN_LONG_NS));
    }
    Plan::Return { before, windows }
}

/// It is back.
pub(crate) fn regressed(issue: &WatchedIssue, comparison: Comparison, now: UnixNanos) -> Check {
    let mut check = check(issue, None, Some((IssueStatus::Regressed, ChangeReason::Returned)), now);
    if let Some(change) = &mut check.change {
        change.comparison = Some(comparison);
        change.release =
            issue.deploy.as_ref().map(|deploy| deploy.release.clone()).unwrap_or_default();
    }
    check
}

fn comparing(issue: &WatchedIssue, now: UnixNanos) -> Plan {
    let Some(verification) = current(issue, now) else { return Plan::Nothing };
    let age = now.since(verification.started);
    match verification.progress {
        Progress::AwaitingRelease if age <= LAPSE_NS => Plan::Nothing,
        Progress::AwaitingRelease | Progress::Waiting(_) if age > LAPSE_NS => {
            Plan::Change(Box::new(lapsed(issue, verification, now)))
        }
        Progress::AwaitingRelease | Progress::Waiting(_) => Plan::Compare {
            before: before(issue, &verification),
            after: TimeWindow { from: verification.started, to: now },
            again: false,
            verification,
        },
        Progress::NotFixed if age <= LAPSE_NS => Plan::Compare {
            before: before(issue, &verification),
            after: TimeWindow { from: verification.started.max(now.plus(-AGAIN_NS)), to: now },
            again: true,
            verification,
        },
        _ => Plan::Nothing,
    }
}

/// The comparison that is under way: the known one, moved on by releases that
/// went out since, or a new one that such a release begins.
fn current(issue: &WatchedIssue, now: UnixNanos) -> Option<Verification> {
    let deploy = issue.deploy.as_ref();
    let Some(known) = &issue.verification else {
        return deploy.filter(|deploy| deploy.at > issue.since).map(|deploy| begun(deploy, now));
    };
    if known.progress.is_pending() {
        return Some(moved_on(issue, known));
    }
    let newer = deploy.filter(|deploy| deploy.at > known.started.max(issue.since));
    Some(newer.map_or_else(|| known.clone(), |deploy| begun(deploy, now)))
}

fn begun(deploy: &hotspan_model::life::Deploy, now: UnixNanos) -> Verification {
    Verification {
        origin: Origin::Release,
        release: deploy.release.clone(),
        before_to: deploy.at,
        started: deploy.at,
        checked: now,
        progress: Progress::Waiting(Needs::default()),
        comparison: None,
    }
}

/// A claim that names a release counts from that release's first request; one
/// that names none, from the newest release since.
fn moved_on(issue: &WatchedIssue, known: &Verification) -> Verification {
    let mut moved = known.clone();
    let waits = known.origin == Origin::Claim && !known.release.is_empty();
    if known.progress == Progress::AwaitingRelease {
        if let Some(at) = issue.awaited {
            // A release that has been out for long says nothing about a fix
            // that is claimed only now.
            let at = at.max(known.started.plus(-BEFORE_NS));
            (moved.started, moved.before_to) = (at, at.min(known.before_to));
            moved.progress = Progress::Waiting(Needs::default());
        }
    } else if let Some(deploy) = issue.deploy.as_ref().filter(|_| !waits)
        && deploy.at > known.started
    {
        moved.started = deploy.at;
        moved.release.clone_from(&deploy.release);
    }
    moved
}

/// The day before the fix; where the issue was not seen in it, the day until it
/// was seen last. The minute of the fix belongs to neither side.
fn before(issue: &WatchedIssue, verification: &Verification) -> TimeWindow {
    let minute = |at: UnixNanos| UnixNanos(at.minute().saturating_mul(NANOS_PER_MINUTE));
    let end = minute(verification.before_to);
    let seen = minute(issue.last_seen).plus(NANOS_PER_MINUTE);
    let to = if seen < end.plus(-BEFORE_NS) { seen } else { end };
    TimeWindow { from: to.plus(-BEFORE_NS), to }
}

fn lapsed(issue: &WatchedIssue, verification: Verification, now: UnixNanos) -> Check {
    let verification = Verification { progress: Progress::Lapsed, checked: now, ..verification };
    let change = (issue.status == IssueStatus::FixClaimed)
        .then_some((IssueStatus::Open, ChangeReason::Lapsed));
    check(issue, Some(verification), change, now)
}

/// What a comparison leads to; `None` when there is no news.
pub(crate) fn conclude(
    issue: &WatchedIssue,
    verification: Verification,
    judgement: &Judgement,
    again: bool,
    now: UnixNanos,
) -> Option<Check> {
    if again && judgement.verdict != Verdict::Verified {
        return None;
    }
    let (progress, to) = match judgement.verdict {
        Verdict::Verified => (Progress::Verified, Some(IssueStatus::Verified)),
        Verdict::NotFixed => (
            Progress::NotFixed,
            (issue.status == IssueStatus::FixClaimed).then_some(IssueStatus::NotFixed),
        ),
        Verdict::NotYet(needs) => (Progress::Waiting(needs), None),
    };
    let verification = Verification {
        progress,
        checked: now,
        comparison: Some(judgement.comparison),
        ..verification
    };
    let change = to.map(|to| (to, ChangeReason::Measured));
    Some(check(issue, Some(verification), change, now))
}

fn check(
    issue: &WatchedIssue,
    verification: Option<Verification>,
    change: Option<(IssueStatus, ChangeReason)>,
    now: UnixNanos,
) -> Check {
    let measured = |reason: ChangeReason| {
        verification
            .as_ref()
            .filter(|_| reason != ChangeReason::Due && reason != ChangeReason::Grown)
    };
    let change = change.map(|(to, reason)| StateChange {
        at: now,
        from: issue.status,
        to,
        reason,
        actor: String::new(),
        release: measured(reason).map(|known| known.release.clone()).unwrap_or_default(),
        comparison: measured(reason).and_then(|known| known.comparison),
    });
    Check { issue_id: issue.id, status: issue.status, since: issue.since, verification, change }
}

#[cfg(test)]
mod tests;
