//! Checks who is named: the user that the agent becomes, and those whom rules
//! let in.

use nix::unistd::User;
use toml::Spanned;

use super::Checker;
use crate::settings::{Account, CallerRule, raw};

impl Checker<'_> {
    pub(super) fn account(&mut self, raw: &Spanned<String>) -> Option<Account> {
        let name = raw.get_ref();
        let found = User::from_name(name).ok().flatten();
        match found {
            Some(user) if user.uid.is_root() => {
                let what = format!("user {name:?} may do anything");
                self.refuse(raw, what, "name a user that is there for the agent only");
                None
            }
            Some(user) => {
                let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
                Some(Account { name: name.clone(), uid, gid })
            }
            None => {
                let what = format!("there is no user {name:?} on this machine");
                self.refuse(raw, what, "make it with useradd --system, or name another");
                None
            }
        }
    }

    pub(super) fn callers(
        &mut self,
        raw: Option<Vec<Spanned<raw::Caller>>>,
    ) -> Option<Vec<CallerRule>> {
        let mut rules = Vec::new();
        for rule in raw? {
            let caller = rule.get_ref();
            if caller.uid.is_none() && caller.cgroup.is_none() {
                let what = "the rule has neither uid nor cgroup".to_owned();
                self.refuse(&rule, what, "say who is let in");
            }
            self.cgroup(caller.cgroup.as_ref());
            let caller = rule.into_inner();
            let cgroup = caller.cgroup.map(Spanned::into_inner);
            rules.push(CallerRule { uid: caller.uid, cgroup });
        }
        Some(rules)
    }

    pub(super) fn cgroup(&mut self, cgroup: Option<&Spanned<String>>) {
        let Some(cgroup) = cgroup.filter(|cgroup| !is_cgroup(cgroup.get_ref())) else { return };
        let what = format!("cgroup {:?} cannot be used", cgroup.get_ref());
        let remedy = "write it as in /proc/PID/cgroup, e.g. /system.slice/web.service";
        self.refuse(cgroup, what, remedy);
    }
}

fn is_cgroup(text: &str) -> bool {
    text.len() > 1 && text.starts_with('/') && !text.ends_with('/')
}
