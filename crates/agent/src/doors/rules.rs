//! Rules at the TCP doors: which users and cgroups are let in. A caller is
//! known by its user and the id of its cgroup; the path of a cgroup is looked
//! up once, because an id always means the same cgroup.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::caller::Caller;
use super::peer::OVERFLOW_UID;
use crate::ledger::cgroups::Cgroups;
use crate::settings::CallerRule;

/// Whoever makes a new cgroup for every question makes no more work than this.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// Knows paths of cgroups.
pub(crate) struct Rules {
    cgroups: Arc<Mutex<Cgroups>>,
    /// One looks at a time, and when the last did; whoever waited finds what
    /// the other saw.
    looking: Arc<tokio::sync::Mutex<Option<Look>>>,
}

/// A look through all cgroups.
#[derive(Clone, Copy)]
struct Look {
    began: Instant,
    ended: Instant,
}

impl Rules {
    pub(crate) fn new() -> Self {
        Self { cgroups: Arc::new(Mutex::new(Cgroups::new())), looking: Arc::default() }
    }

    /// Whether the caller is let in: always without rules, and with them when
    /// one fits. Nobody that is not known fits any.
    pub(crate) async fn permit(&self, rules: Option<&[CallerRule]>, caller: &Caller) -> bool {
        let Some(rules) = rules else { return true };
        let Some(uid) = caller.uid else { return false };
        let of_user = |rule: &&CallerRule| fits_user(rule.uid, uid);
        let mut asks_for_cgroup = false;
        for rule in rules.iter().filter(of_user) {
            if rule.cgroup.is_none() {
                return true;
            }
            asks_for_cgroup = true;
        }
        if !asks_for_cgroup {
            return false;
        }
        let Some(id) = caller.cgroup_id else { return false };
        let Some(path) = self.path(id).await else { return false };
        let listed = rules.iter().filter(of_user).filter_map(|rule| rule.cgroup.as_deref());
        listed.into_iter().any(|listed| is_in(&path, listed))
    }

    async fn path(&self, id: u64) -> Option<String> {
        if let Some(known) = self.known(id) {
            return known;
        }
        let came = Instant::now();
        let mut last = Arc::clone(&self.looking).lock_owned().await;
        if let Some(known) = self.known(id) {
            return known;
        }
        if let Some(look) = *last {
            if look.began >= came {
                // One for all who had come by then: there is no such cgroup.
                return None;
            }
            tokio::time::sleep_until(look.ended + LOOK_PAUSE).await;
        }
        let cgroups = Arc::clone(&self.cgroups);
        // The look has the lock, and not who waits for it: callers that hang up
        // do not begin one look beside another.
        let look = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            // Looked for beside the ones that are known, which others ask for.
            let mut fresh = Cgroups::new();
            fresh.look_for(id);
            *cgroups.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
            *last = Some(Look { began, ended: Instant::now() });
        });
        // A look that broke off has found nothing.
        let _ = look.await;
        self.known(id).flatten()
    }

    fn known(&self, id: u64) -> Option<Option<String>> {
        let cgroups = self.cgroups.lock().unwrap_or_else(PoisonError::into_inner);
        cgroups.known(id).map(|path| path.map(str::to_owned))
    }
}

/// Whether a user is the one that a rule names, if it names one. Users that
/// this namespace does not know all have one number.
pub(super) fn fits_user(rule: Option<u32>, uid: u32) -> bool {
    rule.is_none_or(|listed| listed == uid && uid != OVERFLOW_UID)
}

/// Whether a cgroup is the listed one or below it.
pub(super) fn is_in(path: &str, listed: &str) -> bool {
    path.strip_prefix(listed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const WEB: &str = "/system.slice/web.service";

    #[tokio::test(flavor = "current_thread")]
    async fn who_is_let_in() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("system.slice/web.service/worker");
        std::fs::create_dir_all(&folder).expect("to make");
        let id = |path: &std::path::Path| path.metadata().expect("there").ino();
        let mut known = Cgroups::below(root.path());
        known.look_for(1);
        let rules = Rules::new();
        *rules.cgroups.lock().expect("unlocked") = known;
        let (worker, slice) = (id(&folder), id(&root.path().join("system.slice")));
        let caller = |uid, cgroup_id| Caller { uid, cgroup_id, inode: Some(7) };
        let known = caller(Some(1_000), Some(worker));
        let rule =
            |uid, cgroup: Option<&str>| CallerRule { uid, cgroup: cgroup.map(str::to_owned) };
        let of_user = || vec![rule(Some(1_000), None)];
        let of_web = || vec![rule(None, Some(WEB))];
        let of_both = || vec![rule(Some(1_000), Some(WEB))];
        for (case, rules_of_door, caller, permitted) in [
            ("no rules", None, known, true),
            ("no rules, nobody known", None, Caller::default(), true),
            ("an empty list", Some(vec![]), known, false),
            ("its user", Some(of_user()), known, true),
            ("another user", Some(of_user()), caller(Some(1_001), Some(worker)), false),
            ("root", Some(of_user()), caller(Some(0), Some(worker)), false),
            ("nobody known", Some(of_user()), Caller::default(), false),
            ("nobody known, for root", Some(vec![rule(Some(0), None)]), Caller::default(), false),
            (
                "a user that is not known here",
                Some(vec![rule(Some(OVERFLOW_UID), None)]),
                caller(Some(OVERFLOW_UID), Some(worker)),
                false,
            ),
            ("below its cgroup", Some(of_web()), caller(Some(5), Some(worker)), true),
            ("above its cgroup", Some(of_web()), caller(Some(5), Some(slice)), false),
            ("no cgroup known", Some(of_web()), caller(Some(5), None), false),
            ("a cgroup that is nowhere", Some(of_web()), caller(Some(5), Some(1)), false),
            ("user and cgroup", Some(of_both()), known, true),
            ("cgroup, not user", Some(of_both()), caller(Some(1_001), Some(worker)), false),
            ("user, not cgroup", Some(of_both()), caller(Some(1_000), Some(slice)), false),
            (
                "the second rule",
                Some([of_both(), vec![rule(Some(5), None)]].concat()),
                caller(Some(5), None),
                true,
            ),
        ] {
            let found = rules.permit(rules_of_door.as_deref(), &caller).await;
            assert_eq!(found, permitted, "{case}");
        }
    }
}
