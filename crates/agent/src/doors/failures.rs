//! Slows down whoever fails to show a right, user by user: a flood of guesses
//! takes little from those who know their token. Whoever shows one is never
//! looked at here.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hotspan_imds::answer::Answer;
use http::Response;
use http_body_util::Full;

use super::caller::Caller;
use super::container::kept_open;
use crate::ledger::{Door, Ledger};

/// What a user may fail at once: programs that hold a token which has been
/// replaced meanwhile.
const AT_ONCE_MAX: u32 = 20;
/// Then one failure more is forgiven in this time.
const FORGIVEN_IN: Duration = Duration::from_secs(1);
/// The answer to one too many comes so late, and ends its connection.
const LATE_BY: Duration = Duration::from_secs(1);
/// Users that have failed lately. Whoever comes when there are more is slowed
/// down at once.
const USERS_MAX: usize = 1_024;

/// Failures of late. Those of callers that are not known count together.
#[derive(Default)]
pub(crate) struct Failures {
    /// When all that a user has failed will be forgiven.
    forgiven: Mutex<BTreeMap<Option<u32>, Instant>>,
}

impl Failures {
    /// Sends the answer to a failure, at once or late.
    pub(super) async fn answer(
        &self,
        answer: Answer,
        caller: Caller,
        door: Door,
        ledger: &Ledger,
    ) -> Response<Full<Bytes>> {
        if !self.is_too_many(caller.uid, Instant::now()) {
            return kept_open(answer);
        }
        ledger.refused(door, "failures");
        tokio::time::sleep(LATE_BY).await;
        answer.into_response()
    }

    /// Counts a failure, and says whether it is one too many.
    fn is_too_many(&self, uid: Option<u32>, now: Instant) -> bool {
        let mut forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        let known = forgiven.get(&uid).copied();
        if known.is_none() && forgiven.len() >= USERS_MAX {
            forgiven.retain(|_, when| *when > now);
            if forgiven.len() >= USERS_MAX {
                return true;
            }
        }
        let when = known.unwrap_or(now).max(now) + FORGIVEN_IN;
        let is_too_many = when > now + FORGIVEN_IN * AT_ONCE_MAX;
        if !is_too_many {
            forgiven.insert(uid, when);
        }
        is_too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_fails_for_itself_and_is_forgiven() {
        let failures = Failures::default();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let fail = |uid, seconds, times| {
            (0..times).filter(|_| failures.is_too_many(uid, at(seconds))).count()
        };
        for (case, uid, seconds, times, too_many) in [
            ("as many as may be at once", Some(1), 0, 20, 0),
            ("more", Some(1), 0, 100, 100),
            ("somebody else", Some(2), 0, 20, 0),
            ("nobody known", None, 0, 21, 1),
            ("one is forgiven a second", Some(1), 3, 5, 2),
            ("all of them", Some(1), 60, 25, 5),
        ] {
            assert_eq!(fail(uid, seconds, times), too_many, "{case}");
        }
    }

    #[test]
    fn the_table_does_not_grow() {
        let failures = Failures::default();
        let now = Instant::now();
        let users = u32::try_from(USERS_MAX).expect("few");
        assert!((0..users).all(|uid| !failures.is_too_many(Some(uid), now)));
        assert!(failures.is_too_many(Some(users), now), "no room");
        let later = now + FORGIVEN_IN * 2;
        assert!(!failures.is_too_many(Some(users), later), "others are forgiven");
        assert_eq!(failures.forgiven.lock().expect("whole").len(), 1);
    }
}
