//! Who asks: by user, cgroup and program, how often. A connection's process is
//! looked for beside the answers, once, by a thread of its own; lookups are
//! counted by socket until it is found, and by program from then on.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;

mod seeker;

use super::cgroups::Cgroups;
use super::{Cgroup, Ending, Lookup, header, line};
use crate::doors::caller::Caller;
use crate::helper::client::Helper;
use crate::owners::Owner;
use seeker::Work;

/// Sockets whose process is known; the oldest give way.
const SOCKETS_MAX: usize = 16_384;
/// Connections that wait for a look. Of more, no process is known.
const WAITING_MAX: usize = 1_024;
/// Sockets that were counted and not yet told apart by program.
const UNCOUNTED_MAX: usize = 4_096;
/// Users, cgroups and programs that are told apart.
const ROWS_MAX: usize = 512;
/// Whoever asks for the table waits so long for the newest lookups in it.
const SETTLE_TIME_MAX: Duration = Duration::from_millis(300);

/// The process behind a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Empty when it cannot be seen.
    pub(crate) program: Arc<str>,
}

/// What is known of a socket's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sought {
    /// It is being looked for.
    Waiting,
    /// It was not found: closed by then, or out of sight.
    Unknown,
    Found(Process),
}

/// How often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) lookups: u64,
    /// Of these, without the right to it.
    pub(crate) denied: u64,
}

impl Asked {
    fn add(&mut self, more: Self) {
        self.lookups += more.lookups;
        self.denied += more.denied;
    }
}

/// Who is told apart; empty texts are what is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) uid: Option<u32>,
    pub(crate) cgroup: String,
    pub(crate) program: String,
}

/// Who asked how often, the busiest first, and what all others did.
pub(crate) type Rows = (Vec<(Who, Asked)>, Asked);

/// All callers; every copy is the same.
#[derive(Clone)]
pub(crate) struct Callers {
    shared: Arc<Shared>,
    work: SyncSender<Work>,
}

struct Shared {
    known: Mutex<Known>,
    /// Connections that came when too many waited.
    not_sought: AtomicU64,
    helper: Option<Arc<Helper>>,
}

/// A lookup as it is counted when it ends.
#[derive(PartialEq, Eq, Hash)]
struct Socket {
    uid: Option<u32>,
    cgroup_id: Option<u64>,
    cgroup: Option<String>,
    inode: Option<u32>,
}

#[derive(Default)]
struct Known {
    sockets: HashMap<u32, Sought>,
    order: VecDeque<u32>,
    uncounted: HashMap<Socket, Asked>,
    rows: BTreeMap<Who, Asked>,
    others: Asked,
}

impl Callers {
    /// Starts the thread that looks: through the helper, or with own rights.
    pub(crate) fn start(helper: Option<Arc<Helper>>) -> anyhow::Result<Self> {
        let (work, waiting) = sync_channel(WAITING_MAX);
        let known = Mutex::default();
        let shared = Arc::new(Shared { known, not_sought: AtomicU64::new(0), helper });
        let seeking = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("callers".to_owned())
            .spawn(move || seeker::seek_all(&seeking, &waiting))
            .context("a thread cannot be started")?;
        Ok(Self { shared, work })
    }

    /// Somebody has connected.
    pub(crate) fn seek(&self, caller: &Caller) {
        let (Some(uid), Some(inode)) = (caller.uid, caller.inode) else { return };
        self.shared.lock().note(inode, Sought::Waiting);
        let work = Work::Socket { uid, cgroup_id: caller.cgroup_id, inode };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.work.try_send(work)
        {
            self.shared.lock().note(inode, Sought::Unknown);
            self.shared.not_sought.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is known of a socket's process.
    pub(crate) fn process(&self, inode: u32) -> Sought {
        self.shared.lock().sockets.get(&inode).cloned().unwrap_or(Sought::Unknown)
    }

    pub(super) fn count(&self, lookup: &Lookup<'_>) {
        let (cgroup, cgroup_id) = match lookup.cgroup {
            Some(Cgroup::Path(path)) => (Some(path.to_owned()), None),
            Some(Cgroup::Id(id)) => (None, Some(id)),
            None => (None, None),
        };
        let socket = Socket { uid: lookup.uid, cgroup_id, cgroup, inode: lookup.inode };
        let denied = u64::from(lookup.ending == Ending::Denied);
        self.shared.lock().count(socket, Asked { lookups: 1, denied });
    }

    /// Who asked how often, with what was counted last.
    pub(crate) async fn rows(&self) -> Rows {
        let (settled, done) = oneshot::channel();
        if self.work.try_send(Work::Settle(settled)).is_ok() {
            // A little late is better than not at all.
            let _ = tokio::time::timeout(SETTLE_TIME_MAX, done).await;
        }
        let known = self.shared.lock();
        let mut rows: Vec<_> =
            known.rows.iter().map(|(who, asked)| (who.clone(), *asked)).collect();
        rows.sort_by_key(|(_, asked)| std::cmp::Reverse(asked.lookups));
        (rows, known.others)
    }

    pub(crate) fn helper(&self) -> Option<&Helper> {
        self.shared.helper.as_deref()
    }

    /// As Prometheus reads it.
    pub(super) fn metrics(&self, out: &mut String) {
        let name = "callers_not_sought_total";
        header(out, name, "counter", "Connections whose process was not looked for");
        let not_sought = self.shared.not_sought.load(Ordering::Relaxed);
        line(out, format_args!("{name} {not_sought}"));
        let Some(helper) = self.helper() else { return };
        header(out, "helper_running", "gauge", "Whether the privileged half runs");
        line(out, format_args!("helper_running {}", u8::from(!helper.is_gone())));
        header(out, "helper_refused_total", "counter", "Questions that the helper refused");
        line(out, format_args!("helper_refused_total {}", helper.refused()));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is whole after every statement.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a look through these sockets has found.
    fn looked(&self, sockets: &[u32], owners: Vec<Owner>) {
        let mut known = self.lock();
        for inode in sockets {
            known.note(*inode, Sought::Unknown);
        }
        for Owner { inode, pid, program } in owners {
            known.note(inode, Sought::Found(Process { pid, program: program.into() }));
        }
    }

    /// Moves what was counted by socket to whom the sockets belong, but for
    /// those that are still looked for.
    fn settle(&self, cgroups: &mut Cgroups) {
        let settled = self.lock().take_settled();
        // Paths may have to be looked for, and answers wait for the lock: few
        // are left when it is taken again.
        let mut named: BTreeMap<Who, Asked> = BTreeMap::new();
        for (socket, program, asked) in settled {
            let path = socket.cgroup_id.and_then(|id| cgroups.path(id)).map(str::to_owned);
            let cgroup = socket.cgroup.or(path).unwrap_or_default();
            named.entry(Who { uid: socket.uid, cgroup, program }).or_default().add(asked);
        }
        let mut known = self.lock();
        for (who, asked) in named {
            known.add(who, asked);
        }
    }
}

impl Known {
    fn note(&mut self, inode: u32, sought: Sought) {
        if self.sockets.insert(inode, sought).is_some() {
            return;
        }
        self.order.push_back(inode);
        if self.order.len() > SOCKETS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sockets.remove(&oldest);
        }
    }

    fn count(&mut self, socket: Socket, asked: Asked) {
        if self.uncounted.len() >= UNCOUNTED_MAX && !self.uncounted.contains_key(&socket) {
            self.others.add(asked);
            return;
        }
        self.uncounted.entry(socket).or_default().add(asked);
    }

    fn take_settled(&mut self) -> Vec<(Socket, String, Asked)> {
        let sockets = &self.sockets;
        let sought = |inode: Option<u32>| inode.and_then(|inode| sockets.get(&inode));
        let settled =
            self.uncounted.extract_if(|socket, _| sought(socket.inode) != Some(&Sought::Waiting));
        settled
            .map(|(socket, asked)| {
                let program = match sought(socket.inode) {
                    Some(Sought::Found(process)) => process.program.to_string(),
                    _ => String::new(),
                };
                (socket, program, asked)
            })
            .collect()
    }

    fn add(&mut self, who: Who, asked: Asked) {
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&who) {
            self.others.add(asked);
            return;
        }
        self.rows.entry(who).or_default().add(asked);
    }
}

#[cfg(test)]
mod tests;
