//! How often upstream is asked, and why just so.

use std::time::Duration;

use super::jitter::Jitter;

/// The least time between two attempts for a role, however they end and
/// whoever wants them.
pub const FLOOR: Duration = Duration::from_secs(30);
/// Role names are looked at this often, so that a change shows within a minute.
pub(super) const ROLE: Duration = Duration::from_secs(60);
/// A role is gone when upstream says so again this much later: instance
/// profiles are replaced by taking one away and attaching another.
pub(super) const CONFIRMATION: Duration = Duration::from_secs(60);
/// After a failure; the floor, so that a short outage is over soon.
pub(super) const RETRY: Duration = FLOOR;

/// A source on this machine costs nothing to ask.
const LOCAL: Duration = Duration::from_secs(5 * 60);
/// What consumers get whenever upstream has it: some SDKs fetch anew below 25
/// minutes (15 and a jitter of 10).
pub(super) const PROMISED_LIFE: Duration = Duration::from_secs(30 * 60);
/// With less life than this, newer credentials matter: it leaves two looks of
/// five minutes before the promise is broken.
const ENOUGH_LIFE: Duration = Duration::from_secs(40 * 60);
/// When a renewal brought nothing that lasts longer.
const AGAIN_MAX: Duration = Duration::from_secs(5 * 60);

/// What asking costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The machine's own metadata service, which tells the role's name alone.
    Local,
    /// A program or service that makes new credentials every time.
    Remote,
}

impl Policy {
    /// How long after a good answer credentials are due again, when they have
    /// `left` of their `total` life.
    pub(super) fn next(self, left: Duration, total: Duration, jitter: &mut Jitter) -> Duration {
        match self {
            Self::Local if left > ENOUGH_LIFE => jitter.up_to(LOCAL),
            Self::Local => jitter.up_to(ROLE),
            Self::Remote => {
                let renew_below = (total / 2).max(ENOUGH_LIFE);
                match left.checked_sub(renew_below) {
                    Some(ahead) if ahead > FLOOR => jitter.up_to(ahead),
                    _ => jitter.up_to((left / 2).clamp(FLOOR, AGAIN_MAX)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_credentials_are_due() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        for (policy, left, total, due) in [
            (Policy::Local, minutes(360), minutes(360), minutes(5)),
            (Policy::Local, minutes(41), minutes(360), minutes(5)),
            (Policy::Local, minutes(40), minutes(360), minutes(1)),
            (Policy::Local, minutes(4), minutes(360), minutes(1)),
            (Policy::Remote, minutes(360), minutes(360), minutes(180)),
            (Policy::Remote, minutes(60), minutes(60), minutes(20)),
            (Policy::Remote, minutes(40), minutes(60), minutes(5)),
            (Policy::Remote, minutes(15), minutes(15), minutes(5)),
            (Policy::Remote, minutes(4), minutes(15), minutes(2)),
        ] {
            for seed in 0..50 {
                let next = policy.next(left, total, &mut Jitter::new(seed));
                assert!(
                    next <= due && next >= due.mul_f64(0.9).min(due),
                    "{policy:?} {left:?} of {total:?}: {next:?}, not {due:?} less a tenth"
                );
            }
        }
    }
}
