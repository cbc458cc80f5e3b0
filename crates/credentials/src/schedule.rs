//! When a role's credentials are fetched, and which may be handed out. A state
//! machine that is told the time and the answers: it reads no clock and sends
//! nothing. One lives for each role; [`crate::keeper`] runs it.
//!
//! ```text
//!            found                    failed
//!   Cold ─────────────► Good ◄──────────────────► Failing   (last good goes on)
//!                        │  ▲ found
//!                missing │  │
//!                        ▼  │   missing again, 60 s later
//!                      Missing ───────────────────────────► Removed (nothing)
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Boot, Reading, UnixSeconds};
use crate::credentials::Held;
use crate::reckoning::Reckoning;

mod cadence;
mod jitter;

pub use cadence::{FLOOR, Policy};
use jitter::Jitter;

/// What to ask upstream for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Whether the role is still this one; its credentials only if it is not.
    Role(String),
    /// The role and its credentials.
    Credentials,
}

/// What upstream answered.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The role is still the same.
    SameRole,
    /// Credentials.
    Found(Arc<Held>),
    /// There is no role: 404, or a document that says so.
    Missing {
        /// The role whose credentials are missing although the list has it;
        /// none when there is no list.
        of: Option<String>,
        /// How upstream said it.
        how: String,
    },
    /// Anything else. The text is for people and has no secret in it.
    Failed(String),
}

/// An outcome and what the answer said the time was.
#[derive(Debug, Clone)]
pub struct Report {
    /// What upstream answered.
    pub outcome: Outcome,
    /// The `Date` of the last answer.
    pub date: Option<UnixSeconds>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask upstream, then call [`Schedule::finish`].
    Fetch(Errand),
    /// Nothing before this moment.
    Wait(Boot),
    /// The answer that was asked for is still to come.
    InFlight,
}

/// How it stands with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was ever fetched.
    Cold,
    /// The last answer was good.
    Good,
    /// The last answer was not; why.
    Failing(String),
    /// Upstream said once that there is no role; since when, and how it said it.
    Missing(Boot, String),
    /// It said so again: nothing is handed out.
    Removed(String),
}

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times upstream was asked.
    pub attempts: u64,
    /// Of these, how many brought neither credentials nor "still the same".
    pub failures: u64,
    /// Times other credentials took the place of those before.
    pub renewals: u64,
}

/// The state machine of one role.
#[derive(Debug)]
pub struct Schedule {
    policy: Policy,
    jitter: Jitter,
    reckoning: Reckoning,
    held: Option<Arc<Held>>,
    standing: Standing,
    flight: Option<Boot>,
    last_attempt: Option<Boot>,
    role_due: Boot,
    credentials_due: Boot,
    forced: bool,
    counts: Counts,
}

impl Schedule {
    /// Begins with nothing, and is due at once. `seed` spreads the agents of
    /// many hosts that started together.
    pub fn new(policy: Policy, seed: u64, now: Reading) -> Self {
        Self {
            policy,
            jitter: Jitter::new(seed),
            reckoning: Reckoning::from_wall(now),
            held: None,
            standing: Standing::Cold,
            flight: None,
            last_attempt: None,
            role_due: now.boot,
            credentials_due: now.boot,
            forced: false,
            counts: Counts::default(),
        }
    }

    /// What to do at `now`. A fetch counts as begun when it is returned.
    pub fn poll(&mut self, now: Boot) -> Step {
        if self.flight.is_some() {
            return Step::InFlight;
        }
        let due = self.due();
        if now < due {
            return Step::Wait(due);
        }
        let errand = self.errand(now);
        self.flight = Some(now);
        self.last_attempt = Some(now);
        self.forced = false;
        self.counts.attempts += 1;
        Step::Fetch(errand)
    }

    /// Makes credentials due, as soon as the floor between attempts lets them be.
    pub fn force(&mut self) {
        self.forced = true;
    }

    /// Takes the answer to the fetch that is under way.
    pub fn finish(&mut self, report: Report, now: Reading) {
        let Some(asked) = self.flight.take() else { return };
        self.reckoning.hear(report.date, asked, now);
        match report.outcome {
            Outcome::SameRole => self.role_due = now.boot.plus(self.jitter.up_to(cadence::ROLE)),
            Outcome::Found(held) => self.found(held, now.boot),
            // A list that was cut names a role that never was, which says
            // nothing about the one that is held.
            Outcome::Missing { of: Some(role), how } if !self.is_held(&role) => {
                self.failed(how, now.boot);
            }
            Outcome::Missing { how, .. } => self.missing(how, now.boot),
            Outcome::Failed(why) => self.failed(why, now.boot),
        }
    }

    /// What may be handed out at `now`: never anything that is over.
    pub fn held(&self, now: Boot) -> Option<&Arc<Held>> {
        let held = self.held.as_ref()?;
        self.left(held, now).map(|_| held)
    }

    /// When what is held ends, on the clock of this machine; `None` when there
    /// is nothing, or it is over already.
    pub fn ends(&self, now: Boot) -> Option<Boot> {
        self.left(self.held.as_ref()?, now).map(|left| now.plus(left))
    }

    /// How it stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// How often what happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Seconds that the wall clock is ahead of upstream.
    pub fn skew_seconds(&self) -> Option<i64> {
        self.reckoning.skew_seconds()
    }

    fn due(&self) -> Boot {
        let wanted = match self.policy {
            _ if self.forced => Boot(Duration::ZERO),
            Policy::Local => self.role_due.min(self.credentials_due),
            Policy::Remote => self.credentials_due,
        };
        self.last_attempt.map_or(wanted, |last| wanted.max(last.plus(FLOOR)))
    }

    /// The name alone is asked for only while all is well: what failed, or went
    /// missing, is asked for whole. So is what would be due before the floor
    /// lets it be asked for.
    fn errand(&self, now: Boot) -> Errand {
        let is_well = self.standing == Standing::Good && !self.forced;
        match &self.held {
            Some(held) if is_well && now.plus(FLOOR) < self.credentials_due => {
                Errand::Role(held.role.clone())
            }
            _ => Errand::Credentials,
        }
    }

    fn found(&mut self, held: Arc<Held>, now: Boot) {
        if self.left(&held, now).is_none() {
            return self.failed("upstream's credentials are over already".to_owned(), now);
        }
        if !self.held.as_ref().is_some_and(|before| self.goes_on(before, &held, now)) {
            self.counts.renewals += 1;
            self.held = Some(held);
        }
        self.standing = Standing::Good;
        self.role_due = now.plus(self.jitter.up_to(cadence::ROLE));
        let held = self.held.as_ref();
        let left = held.and_then(|held| self.left(held, now)).unwrap_or_default();
        let total = held.and_then(|held| total_life(held)).unwrap_or(left);
        self.credentials_due = now.plus(self.policy.next(left, total, &mut self.jitter));
    }

    /// Whether what is held goes on although there is an answer: it is the same,
    /// or an old copy from a cache on the way, or has hardly any life. An
    /// answer with less life than what is held is taken otherwise: sessions may
    /// have been made shorter, and the ones before revoked.
    fn goes_on(&self, before: &Held, after: &Held, now: Boot) -> bool {
        if before.role != after.role {
            return false;
        }
        let (Some(left_before), Some(left_after)) = (self.left(before, now), self.left(after, now))
        else {
            return false;
        };
        let is_copy = before.credentials.access_key_id() == after.credentials.access_key_id()
            && before.credentials.expiration() == after.credentials.expiration();
        is_copy
            || after.credentials.is_older_than(&before.credentials)
            || (left_after < cadence::PROMISED_LIFE && left_after < left_before)
    }

    fn missing(&mut self, how: String, now: Boot) {
        self.counts.failures += 1;
        let confirmed = match &self.standing {
            Standing::Removed(_) => true,
            Standing::Missing(first, _) => now.since(*first) >= cadence::CONFIRMATION,
            _ => false,
        };
        self.standing = match &self.standing {
            _ if confirmed => {
                self.held = None;
                Standing::Removed(how)
            }
            Standing::Missing(first, _) => Standing::Missing(*first, how),
            _ => Standing::Missing(now, how),
        };
        let confirms = match self.standing {
            Standing::Missing(first, _) => first.plus(cadence::CONFIRMATION),
            _ => now.plus(cadence::CONFIRMATION),
        };
        self.due_at(confirms.max(now));
    }

    /// What is held goes on, and what upstream said about a role that is gone
    /// is neither confirmed nor taken back.
    fn failed(&mut self, why: String, now: Boot) {
        self.counts.failures += 1;
        if !matches!(self.standing, Standing::Missing(..) | Standing::Removed(_)) {
            self.standing = Standing::Failing(why);
        }
        let retry = now.plus(self.jitter.from(cadence::RETRY));
        self.due_at(retry);
    }

    fn due_at(&mut self, due: Boot) {
        self.role_due = due;
        self.credentials_due = due;
    }

    fn is_held(&self, role: &str) -> bool {
        self.held.as_ref().is_some_and(|held| held.role == role)
    }

    fn left(&self, held: &Held, now: Boot) -> Option<Duration> {
        self.reckoning.left(held.credentials.expiration(), now)
    }
}

/// From issue to end, if the source tells both.
fn total_life(held: &Held) -> Option<Duration> {
    let issued = held.credentials.issued()?;
    let seconds = held.credentials.expiration().0.checked_sub(issued.0)?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
