//! Upstream, the clocks of a machine, and a schedule between them. Checks at
//! every moment what must hold at every moment.

use std::sync::Arc;
use std::time::Duration;

use hotspan_credentials::clock::{Boot, Reading, UnixSeconds};
use hotspan_credentials::credentials::{Credentials, Held, Parts};
use hotspan_credentials::schedule::{
    Errand, FLOOR, Outcome, Policy, Report, Schedule, Standing, Step,
};
use secrecy::ExposeSecret;

/// 2026-11-23T00:00:00Z, in milliseconds.
const START_MILLIS: i64 = 1_795_392_000_000;
/// The machine was up for a while.
const BOOT_MILLIS: i64 = 5_000_000;
/// Credentials end this much too soon at most, for the fraction of a second
/// that a `Date` leaves out.
const GRAIN_MILLIS: i64 = 1_000;
/// Credentials with less life do not take the place of ones with more.
const PROMISED_MILLIS: i64 = 30 * 60 * 1_000;

/// What upstream does with the next request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    /// Credentials of the role, with this much life in seconds; negative when
    /// they are over.
    Issue(i64),
    /// What it answered last.
    Repeat,
    /// The ones before the last, as a cache might.
    OldCopy,
    /// Another role, with credentials that have this much life in seconds.
    ChangeRole(i64),
    Missing,
    /// The credentials are missing: of the role, or of one that never was.
    MissingRole(bool),
    Failed,
}

/// Everything at one moment.
pub(crate) struct Simulation {
    pub(crate) schedule: Schedule,
    /// The true time, in milliseconds since 1970.
    pub(crate) now_millis: i64,
    /// How wrong the wall clock is.
    pub(crate) wall_error_millis: i64,
    /// Whether answers tell the time.
    pub(crate) is_dated: bool,
    /// All that upstream ever issued.
    issued: Vec<Held>,
    role: u32,
    last_attempt: Option<Boot>,
    /// What has to be handed out, and until when.
    expected: Option<(Held, i64)>,
    pub(crate) attempts: u32,
}

impl Simulation {
    pub(crate) fn new(policy: Policy, seed: u64, is_dated: bool) -> Self {
        let reading = Reading { boot: boot(START_MILLIS), wall_millis: START_MILLIS };
        Self {
            schedule: Schedule::new(policy, seed, reading),
            now_millis: START_MILLIS,
            wall_error_millis: 0,
            is_dated,
            issued: Vec::new(),
            role: 1,
            last_attempt: None,
            expected: None,
            attempts: 0,
        }
    }

    /// Lets time pass, asleep or awake.
    pub(crate) fn pass(&mut self, millis: i64) {
        self.now_millis += millis;
        self.check();
    }

    /// Seconds since the simulation began.
    pub(crate) fn elapsed(&self) -> i64 {
        (self.now_millis - START_MILLIS) / 1_000
    }

    /// Polls, and if that wants a fetch, answers it after `latency_millis`.
    /// Returns the errand, or when to come back.
    pub(crate) fn step(&mut self, answer: Answer, latency_millis: i64) -> Result<Errand, Boot> {
        let now = boot(self.now_millis);
        match self.schedule.poll(now) {
            Step::Wait(until) => {
                assert!(until > now, "a wait ends later");
                Err(until)
            }
            Step::InFlight => panic!("nothing is in flight between steps"),
            Step::Fetch(errand) => {
                if let Some(last) = self.last_attempt {
                    assert!(now.since(last) >= FLOOR, "attempts {:?} apart", now.since(last));
                }
                self.last_attempt = Some(now);
                self.attempts += 1;
                let asked = self.now_millis;
                self.pass(latency_millis / 2);
                assert_eq!(self.schedule.poll(boot(self.now_millis)), Step::InFlight);
                let dated = self.now_millis;
                self.now_millis += latency_millis - latency_millis / 2;
                self.answer(answer, &errand, asked, dated);
                self.check();
                Ok(errand)
            }
        }
    }

    /// Steps until `until` seconds, waiting as long as the schedule says.
    pub(crate) fn run(&mut self, until: i64, answer: Answer) -> Vec<(i64, Errand)> {
        let mut seen = Vec::new();
        while self.elapsed() < until {
            match self.step(answer, 10) {
                Ok(errand) => seen.push((self.elapsed(), errand)),
                Err(due) => {
                    let wait = due.since(boot(self.now_millis)).as_millis();
                    let rest = until * 1_000 - (self.now_millis - START_MILLIS);
                    self.pass(i64::try_from(wait).expect("a while").clamp(1, rest.max(1)));
                }
            }
        }
        seen
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        self.schedule.held(boot(self.now_millis)).map(AsRef::as_ref)
    }

    fn answer(&mut self, answer: Answer, errand: &Errand, asked: i64, dated: i64) {
        let outcome = self.outcome(answer, errand);
        let wall_millis = self.now_millis + self.wall_error_millis;
        let reading = Reading { boot: boot(self.now_millis), wall_millis };
        let date = self.is_dated.then_some(UnixSeconds(dated.div_euclid(1_000)));
        let took = self.now_millis - asked;
        // Every `Date` is a new reckoning, as exact as its answer was quick.
        if let Some((held, end)) = self.expected.as_mut().filter(|_| date.is_some()) {
            *end = end_of(held, took);
        }
        if let Outcome::Found(held) = &outcome {
            self.expect(held, took);
        }
        self.schedule.finish(Report { outcome, date }, reading);
    }

    /// What has to be handed out from now on: the answer, unless what was there
    /// before is newer, or lasts longer than one that hardly lasts.
    fn expect(&mut self, held: &Held, took: i64) {
        let end = end_of(held, took);
        let issued = held.credentials.issued();
        let left = held.credentials.expiration().0 * 1_000 - self.now_millis;
        if left <= 0 {
            return;
        }
        let stays = self.expected.as_ref().is_some_and(|(before, before_end)| {
            // For sure, however the time is reckoned.
            let is_short = left < PROMISED_MILLIS;
            before.role == held.role
                && *before_end > self.now_millis
                && (before.credentials.issued() > issued || (is_short && *before_end > end))
        });
        if !stays {
            // With less life than a `Date` can tell, it may be taken for over.
            self.expected = (end > self.now_millis).then(|| (held.clone(), end));
        }
    }

    fn outcome(&mut self, answer: Answer, errand: &Errand) -> Outcome {
        let life = match answer {
            Answer::Missing => return Outcome::Missing { of: None, how: "404".to_owned() },
            Answer::MissingRole(is_held) => {
                let of = if is_held { self.role_name() } else { "rol".to_owned() };
                return Outcome::Missing { of: Some(of), how: "404".to_owned() };
            }
            Answer::Failed => return Outcome::Failed("503".to_owned()),
            Answer::ChangeRole(life) => {
                self.role += 1;
                Some(life)
            }
            Answer::Issue(life) => Some(life),
            Answer::Repeat | Answer::OldCopy => None,
        };
        if *errand == Errand::Role(self.role_name()) {
            return Outcome::SameRole;
        }
        let back = if answer == Answer::OldCopy { 2 } else { 1 };
        let before = self.issued.iter().rev().filter(|held| held.role == self.role_name());
        let held = match (life, before.take(back).last()) {
            (None, Some(held)) => held.clone(),
            (life, _) => self.issue(life.unwrap_or(3_600)),
        };
        Outcome::Found(Arc::new(held))
    }

    fn issue(&mut self, life: i64) -> Held {
        let number = self.issued.len();
        let now = self.now_millis.div_euclid(1_000);
        let held = Held {
            role: self.role_name(),
            credentials: Credentials::new(Parts {
                access_key_id: format!("ASIA{number:016}"),
                secret_access_key: format!("secret-{number}").into(),
                session_token: format!("token-{number}").into(),
                issued: Some(UnixSeconds(now)),
                expiration: UnixSeconds(now + life),
                account_id: None,
            })
            .expect("whole"),
        };
        self.issued.push(held.clone());
        held
    }

    fn role_name(&self) -> String {
        format!("role-{}", self.role)
    }

    /// Nothing that is over or was altered is ever handed out; and what was
    /// good is handed out until its end, unless upstream took it back.
    fn check(&mut self) {
        let is_removed = matches!(self.schedule.standing(), Standing::Removed(_));
        if is_removed {
            self.expected = None;
        }
        let held = self.held();
        if let Some(held) = held {
            let end = held.credentials.expiration().0 * 1_000;
            assert!(end > self.now_millis, "over since {} ms", self.now_millis - end);
            assert!(self.issued.iter().any(|issued| is_same(issued, held)), "altered");
        }
        if self.expected.as_ref().is_some_and(|(_, end)| *end > self.now_millis) {
            assert!(held.is_some(), "the last good credentials hold and are not handed out");
        }
        assert!(!is_removed || held.is_none(), "handed out though removed");
    }
}

/// Until when something is handed out at least, after an answer that took so long.
fn end_of(held: &Held, took: i64) -> i64 {
    held.credentials.expiration().0 * 1_000 - GRAIN_MILLIS - took
}

fn is_same(one: &Held, other: &Held) -> bool {
    let parts = |held: &Held| {
        (
            held.role.clone(),
            held.credentials.access_key_id().to_owned(),
            held.credentials.secret_access_key().expose_secret().to_owned(),
            held.credentials.session_token().expose_secret().to_owned(),
            held.credentials.expiration(),
        )
    };
    parts(one) == parts(other)
}

fn boot(now_millis: i64) -> Boot {
    let since = now_millis - START_MILLIS + BOOT_MILLIS;
    Boot(Duration::from_millis(u64::try_from(since).expect("after the start")))
}
