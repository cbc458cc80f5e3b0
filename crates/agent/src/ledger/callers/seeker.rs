//! The thread that looks for processes of callers. Works in rounds, so that
//! many connections cost one look, and rests after each, so that it takes a
//! tenth of a core at most however many come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Cgroups, Shared};
use crate::owners::{Finder, Owner};

/// Connections of one round.
const ROUND_MAX: usize = 1_024;
/// Sockets of one look; of more the newest, which are the likeliest to be open.
const LOOK_MAX: usize = 256;
const REST_MIN: Duration = Duration::from_millis(50);
/// Rests are so many times as long as rounds.
const REST_FACTOR: u32 = 9;

/// Something to do.
pub(super) enum Work {
    /// Somebody has connected.
    Socket { uid: u32, cgroup_id: Option<u64>, inode: u32 },
    /// Somebody waits for what was counted.
    Settle(oneshot::Sender<()>),
}

/// Works until nothing more can come.
pub(super) fn seek_all(shared: &Arc<Shared>, waiting: &Receiver<Work>) {
    let mut cgroups = Cgroups::new();
    let mut finder = Finder::new();
    while let Ok(first) = waiting.recv() {
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
        let has_looked = !groups.is_empty();
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
        if has_looked {
            std::thread::sleep((begun.elapsed() * REST_FACTOR).max(REST_MIN));
        }
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
