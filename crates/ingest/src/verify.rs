//! The server's own look at issues: compares before and after a fix, notices
//! returns and ends of ignoring. What follows from a look is in
//! [`crate::life`]; here are only the order of steps and the waiting.
//!
//! A look changes the book only while the issue is still as it was read, so a
//! crash or a person in between costs nothing but another look.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hotspan_analysis::verification;
use hotspan_model::{Endpoint, UnixNanos};
use hotspan_store::{Check, Part, Store, StoreError, WatchedIssue};

use crate::clock::Clock;
use crate::life::{Plan, conclude, grown, plan, regressed};
use crate::steady::Steady;

/// How often issues that wait for something are listed, and the least time
/// between two looks at one.
const LOOK_EVERY_NS: i64 = 15_000_000_000;
/// The least time between two looks at a day of a verified issue.
const LONG_LOOK_EVERY_NS: i64 = 600_000_000_000;
/// Issues looked at in one go, so that booking never waits long.
const ROUND_MAX: usize = 10;
/// Endpoints and issues that are remembered.
const REMEMBERED_MAX: usize = 20_000;

/// When an issue was looked at, and in which form of it.
#[derive(Debug, Clone, Copy)]
struct Looked {
    at: UnixNanos,
    long_at: UnixNanos,
    since: UnixNanos,
    started: UnixNanos,
}

/// Which issues wait for a look.
pub(crate) struct Verifier {
    clock: Arc<dyn Clock>,
    /// A clock set back must not keep issues waiting.
    steady: Steady,
    listed_at: Option<UnixNanos>,
    /// Endpoints with new figures, and since when.
    touched: HashMap<i64, UnixNanos>,
    looked: HashMap<i64, Looked>,
    due: VecDeque<WatchedIssue>,
}

impl Verifier {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            steady: Steady::default(),
            listed_at: None,
            touched: HashMap::new(),
            looked: HashMap::new(),
            due: VecDeque::new(),
        }
    }

    /// Notes endpoints whose figures changed.
    pub(crate) fn touch(&mut self, touched: &[(i64, Endpoint)]) {
        let now = self.steady.at(self.clock.now());
        if self.touched.len() > REMEMBERED_MAX {
            self.touched.clear();
            self.looked.clear();
        }
        self.touched.extend(touched.iter().map(|(id, _)| (*id, now)));
    }

    /// Looks at those whose turn has come.
    pub(crate) async fn look_due(&mut self, store: &Store) {
        let now = self.steady.at(self.clock.now());
        let listed_lately = |at: UnixNanos| now.since(at) < LOOK_EVERY_NS;
        if self.due.is_empty() && !self.listed_at.is_some_and(listed_lately) {
            self.listed_at = Some(now);
            match store.watched_issues(self.clock.now()).await {
                Ok(issues) => self.due = self.worth_a_look(issues, now),
                Err(error) => tracing::error!(%error, "could not list issues to look at"),
            }
        }
        for _ in 0..ROUND_MAX {
            let Some(issue) = self.due.pop_front() else { break };
            let long = self.note(&issue, now);
            if let Err(error) = look(store, &issue, self.clock.now(), long).await {
                tracing::error!(%error, issue = issue.id, "could not look at an issue");
            }
        }
    }

    /// Those that were not looked at since their figures or they themselves
    /// changed. What only waits for time to pass costs nothing to look at.
    fn worth_a_look(&self, issues: Vec<WatchedIssue>, now: UnixNanos) -> VecDeque<WatchedIssue> {
        let is_due = |issue: &WatchedIssue| {
            let Some(looked) = self.looked.get(&issue.id) else { return true };
            let touched = self.touched.get(&issue.endpoint_id);
            looked.since != issue.since
                || looked.started != started(issue)
                || touched.is_some_and(|at| *at >= looked.at)
                || now.since(looked.at) >= LONG_LOOK_EVERY_NS
        };
        issues.into_iter().filter(is_due).collect()
    }

    /// Remembers a look; true when it should be a long one.
    fn note(&mut self, issue: &WatchedIssue, now: UnixNanos) -> bool {
        let before = self.looked.get(&issue.id);
        let long = before.is_none_or(|looked| now.since(looked.long_at) >= LONG_LOOK_EVERY_NS);
        let long_at = before.filter(|_| !long).map_or(now, |looked| looked.long_at);
        let looked = Looked { at: now, long_at, since: issue.since, started: started(issue) };
        self.looked.insert(issue.id, looked);
        long
    }
}

/// What tells two comparisons of one issue apart: a claim, or a newer release.
fn started(issue: &WatchedIssue) -> UnixNanos {
    let known = issue.verification.as_ref().map(|known| known.started);
    let deployed = issue.deploy.as_ref().map(|deploy| deploy.at);
    known.max(deployed).max(issue.awaited).unwrap_or_default()
}

async fn look(
    store: &Store,
    issue: &WatchedIssue,
    now: UnixNanos,
    long: bool,
) -> Result<(), StoreError> {
    let Some(check) = look_for(store, issue, now, long).await? else { return Ok(()) };
    let change = check.change.as_ref().map(|change| (change.from.slug(), change.to.slug()));
    if store.keep_check(check).await?
        && let Some((from, to)) = change
    {
        tracing::info!(issue = issue.id, from, to, "an issue changed its state");
    }
    Ok(())
}

/// Reads what the plan asks for and says what follows.
async fn look_for(
    store: &Store,
    issue: &WatchedIssue,
    now: UnixNanos,
    long: bool,
) -> Result<Option<Check>, StoreError> {
    match plan(issue, now, long) {
        Plan::Nothing => Ok(None),
        Plan::Change(check) => Ok(Some(*check)),
        Plan::Growth { day_wall_ns, day } => {
            let cost = store.issue_wall_ns(issue.id, day).await?;
            Ok(grown(issue, day_wall_ns, cost, now))
        }
        Plan::Return { before, windows } => {
            let minutes = store.issue_minutes(issue.id, windows).await?;
            let judge = move || minutes.iter().find_map(|now| verification::returned(&before, now));
            let back = judged(store, judge).await?;
            Ok(back.map(|comparison| regressed(issue, comparison, now)))
        }
        Plan::Compare { verification, before, after, again } => {
            let minutes = store.issue_minutes(issue.id, vec![before, after]).await?;
            let judgement = judged(store, move || {
                let side = |index: usize| minutes.get(index).map_or(&[][..], Vec::as_slice);
                verification::judge(side(0), side(1))
            })
            .await?;
            Ok(conclude(issue, verification, &judgement, again, now))
        }
    }
}

/// Thousands of draws take some milliseconds, so they are made beside the
/// tasks that answer requests.
async fn judged<T: Send + 'static>(
    store: &Store,
    judge: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let store = store.clone();
    let work = move || store.effort().of(Part::Profile, judge);
    Ok(tokio::task::spawn_blocking(work).await?)
}
