//! The thread that looks for processes of callers. Works in rounds, so that
//! many connections cost one look. Those of a short burst are looked for at
//! once, because they are soon over; however many come, a tenth of the time is
//! spent on it at most.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Cgroups, Shared};
use crate::hardening;
use crate::owners::{Finder, Owner};

/// Connections of one round.
const ROUND_MAX: usize = 1_024;
/// Sockets of one look; of more the newest, which are the likeliest to be open.
const LOOK_MAX: usize = 256;
/// One part in so many of the time may be spent.
const SHARE: u32 = 10;
/// A connection that was just made wants its answer first: on a host of few
/// processors, a look that begins at once would run before it. Callers take
/// longer than this to read an answer and hang up.
const ANSWER_TIME: Duration = Duration::from_micros(200);
/// What may be saved up for a burst.
const SAVED_MAX: Duration = Duration::from_millis(100);

/// Something to do.
pub(super) enum Work {
    /// Somebody has connected.
    Socket { uid: u32, cgroup_id: Option<u64>, inode: u32 },
    /// Somebody waits for what was counted.
    Settle(oneshot::Sender<()>),
}

/// Works until nothing more can come.
pub(super) fn seek_all(shared: &Arc<Shared>, waiting: &Receiver<Work>) {
    hardening::yield_to_answers();
    let mut cgroups = Cgroups::new();
    let mut finder = Finder::new();
    let mut budget = Budget { saved: SAVED_MAX, at: Instant::now() };
    while let Ok(first) = waiting.recv() {
        if matches!(first, Work::Socket { .. }) {
            std::thread::sleep(ANSWER_TIME);
        }
        let begun = Instant::now();
        let mut groups: BTreeMap<(u32, Option<u64>), Vec<u32>> = BTreeMap::new();
        let mut settles = Vec::new();
        for work in std::iter::once(first).chain(waiting.try_iter().take(ROUND_MAX)) {
            match work {
                Work::Socket { uid, cgroup_id, inode } => {
                    groups.entry((uid, cgroup_id)).or_default().push(inode);
                }
                Work::Settle(settled) => settles.push(settled),
            }
        }
        for ((uid, cgroup_id), sockets) in groups {
            let cgroup = cgroup_id.and_then(|id| cgroups.path(id));
            let newest = &sockets[sockets.len().saturating_sub(LOOK_MAX)..];
            let owners = look(shared, &mut finder, uid, cgroup, newest);
            shared.looked(&sockets, owners);
        }
        shared.settle(&mut cgroups);
        for settled in settles {
            // Whoever asked may have stopped waiting.
            let _ = settled.send(());
        }
        std::thread::sleep(budget.spend(begun.elapsed(), Instant::now()));
    }
}

/// Time that may be spent.
struct Budget {
    saved: Duration,
    at: Instant,
}

impl Budget {
    /// Spends what a round took that ended `now`; how long to rest until there
    /// is something to spend again.
    fn spend(&mut self, took: Duration, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.at) / SHARE;
        let saved = (self.saved + earned).min(SAVED_MAX);
        let rest = took.saturating_sub(saved) * SHARE;
        *self = Self { saved: saved.saturating_sub(took), at: now + rest };
        rest
    }
}

fn look(
    shared: &Shared,
    finder: &mut Finder,
    uid: u32,
    cgroup: Option<&str>,
    sockets: &[u32],
) -> Vec<Owner> {
    match &shared.helper {
        Some(helper) if !helper.is_gone() => helper.owners(uid, cgroup, sockets),
        // As far as own rights reach.
        _ => finder.find(uid, cgroup, sockets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_looked_for_at_once_and_a_flood_takes_a_tenth() {
        let start = Instant::now();
        let mut now = start;
        let mut budget = Budget { saved: SAVED_MAX, at: start };
        let mut spent = Duration::ZERO;
        let took = Duration::from_millis(5);
        for round in 0..1_000 {
            now += took;
            spent += took;
            let rest = budget.spend(took, now);
            assert!(round >= 20 || rest.is_zero(), "round {round} rests {rest:?}");
            now += rest;
        }
        let share = (spent - SAVED_MAX).as_secs_f64() / (now - start).as_secs_f64();
        assert!((0.08..0.11).contains(&share), "{share}");
        // Long idle, and no more than a burst is saved.
        now += Duration::from_secs(3_600);
        assert_eq!(budget.spend(SAVED_MAX, now), Duration::ZERO);
        assert!(budget.spend(took, now + took) > Duration::ZERO);
    }
}
