//! The task that keeps one role: asks the schedule what to do, does it, and
//! tells whoever hands credentials out. It is the only one that fetches, so
//! there is never more than one fetch under way for a role.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Boot, Clock, Reading};
use crate::credentials::Held;
use crate::schedule::{Counts, Outcome, Report, Schedule, Standing, Step};
use crate::sources::Source;

/// Timers stand still while a machine sleeps, so none is longer than this:
/// after it wakes, what has become due is fetched this much later at most.
const NAP_MAX: Duration = Duration::from_secs(5);

/// How it stands with a role at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What may be handed out before `ends`.
    pub held: Option<Arc<Held>>,
    /// When that ends, on [`Clock`]'s clock of this machine.
    pub ends: Option<Boot>,
    /// How it stands.
    pub standing: Standing,
    /// Whether a fetch is under way.
    pub in_flight: bool,
    /// How often what happened.
    pub counts: Counts,
    /// Seconds that the wall clock is ahead of upstream.
    pub skew_seconds: Option<i64>,
}

impl Snapshot {
    /// What may be handed out at `now`.
    pub fn held_at(&self, now: Boot) -> Option<&Arc<Held>> {
        self.held.as_ref().filter(|_| self.ends.is_some_and(|ends| now < ends))
    }

    /// How it stands with `schedule` at `now`.
    pub fn of(schedule: &Schedule, now: Boot, in_flight: bool) -> Self {
        Self {
            held: schedule.held(now).cloned(),
            ends: schedule.ends(now),
            standing: schedule.standing().clone(),
            in_flight,
            counts: schedule.counts(),
            skew_seconds: schedule.skew_seconds(),
        }
    }
}

/// A fetch that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// When it began.
    pub began: Reading,
    /// When it ended.
    pub ended: Reading,
    /// What upstream answered.
    pub outcome: &'a Outcome,
}

/// Keeps a role until it is dropped. `publish` is told before and after every
/// fetch, and `attempted` of every fetch that has ended; `force` asks for one now.
pub async fn keep(
    source: Source,
    mut schedule: Schedule,
    clock: impl Clock,
    force: Arc<Notify>,
    publish: impl Fn(Snapshot) + Send,
    attempted: impl Fn(&Attempt<'_>) + Send,
) {
    loop {
        let began = clock.read();
        let now = began.boot;
        match schedule.poll(now) {
            Step::Fetch(errand) => {
                publish(Snapshot::of(&schedule, now, true));
                let fetch = tokio::time::timeout(source.time_max(), source.fetch(&errand));
                let report = fetch.await.unwrap_or_else(|_| too_slow());
                log(&report);
                let ended = clock.read();
                attempted(&Attempt { began, ended, outcome: &report.outcome });
                schedule.finish(report, ended);
                publish(Snapshot::of(&schedule, ended.boot, false));
            }
            Step::Wait(until) => {
                let nap = until.since(now).clamp(Duration::from_millis(1), NAP_MAX);
                tokio::select! {
                    () = tokio::time::sleep(nap) => {}
                    () = force.notified() => schedule.force(),
                }
            }
            // Cannot be: this task waits for every fetch it begins.
            Step::InFlight => tokio::time::sleep(NAP_MAX).await,
        }
    }
}

fn too_slow() -> Report {
    Report { outcome: Outcome::Failed("it took too long".to_owned()), date: None }
}

fn log(report: &Report) {
    match &report.outcome {
        Outcome::SameRole => tracing::trace!("the role is the same"),
        Outcome::Found(held) => {
            tracing::debug!(role = held.role, key = held.credentials.last_four(), "credentials");
        }
        Outcome::Missing { how, .. } => tracing::warn!(how, "upstream has no role"),
        Outcome::Failed(why) => tracing::warn!(why, "credentials were not fetched"),
    }
}
