//! Who is at the other end of a Unix socket: user and cgroup. The user comes
//! from the kernel; the rest is looked up by process id and believed only as
//! far as it agrees with the user.

use std::io;

use tokio::net::UnixStream;

use super::rules::{fits_user, is_in};
use crate::settings::AllowSettings;

/// What the kernel says of a user that this namespace does not know.
pub(super) const OVERFLOW_UID: u32 = 65_534;

/// A peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// Known when it is in this process namespace, or below it.
    pub(crate) pid: Option<u32>,
    /// Known when the process was found and is of that user.
    pub(crate) cgroup: Option<String>,
    /// Whether it is known to be in this process namespace: a container's root
    /// is not this machine's.
    pub(crate) is_near: bool,
}

impl Peer {
    /// Asks the kernel.
    pub(crate) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let uid = credentials.uid();
        // No process id: the peer's namespace is not below this one.
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
        Ok(match pid.and_then(|pid| look_up(pid, uid)) {
            Some((cgroup, is_near)) => Self { uid, pid, cgroup, is_near },
            None => Self { uid, pid: None, cgroup: None, is_near: false },
        })
    }

    /// Whether it may do what concerns the agent itself.
    pub(crate) fn is_master(&self) -> bool {
        self.is_near && (self.uid == 0 || self.uid == nix::unistd::geteuid().as_raw())
    }

    /// The roles that the rules give it, the first to fit first.
    pub(crate) fn roles<'a>(&'a self, rules: &'a [AllowSettings]) -> impl Iterator<Item = &'a str> {
        rules.iter().filter(|rule| self.fits(rule)).map(|rule| rule.role.as_str())
    }

    fn fits(&self, rule: &AllowSettings) -> bool {
        let cgroup_fits = rule
            .cgroup
            .as_ref()
            .map(|listed| is_in(self.cgroup.as_deref().unwrap_or_default(), listed));
        let uid_fits = fits_user(rule.uid, self.uid);
        match cgroup_fits {
            Some(fits) => fits && uid_fits,
            // A user alone says nothing about who it is in another namespace.
            None => self.is_near && uid_fits,
        }
    }
}

fn look_up(pid: u32, uid: u32) -> Option<(Option<String>, bool)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let cgroup = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok();
    let is_near = is_near(&status, uid)?;
    Some((cgroup.as_deref().and_then(cgroup_of), is_near))
}

/// Whether the process has one id only, this namespace's; none when it is of
/// another user, so that the id has been given to another process.
fn is_near(status: &str, uid: u32) -> Option<bool> {
    let values = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    // Real, effective, saved, file system; the socket tells the effective.
    let uids = values("Uid:")?;
    (uids.get(1)?.parse::<u32>().ok()? == uid).then_some(())?;
    Some(values("NSpid:")?.len() == 1)
}

/// The path in the unified hierarchy, or systemd's where there is none. A path
/// outside this cgroup namespace says nothing.
fn cgroup_of(text: &str) -> Option<String> {
    let path = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let found = path("0::").filter(|path| *path != "/").or_else(|| path("1:name=systemd:"))?;
    (found.starts_with('/') && !found.contains("/..")).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(uid: Option<u32>, cgroup: Option<&str>) -> AllowSettings {
        AllowSettings { uid, cgroup: cgroup.map(str::to_owned), role: "app".to_owned() }
    }

    #[test]
    fn rules_that_fit() {
        let web = "/system.slice/web.service";
        let peer = |uid, cgroup: Option<&str>, is_near| Peer {
            uid,
            pid: None,
            cgroup: cgroup.map(str::to_owned),
            is_near,
        };
        let near = peer(1_000, Some(web), true);
        let contained = peer(1_000, Some("/system.slice/docker-1.scope"), false);
        for (case, peer, rule, fits) in [
            ("its user", &near, rule(Some(1_000), None), true),
            ("another user", &near, rule(Some(1_001), None), false),
            ("its cgroup", &near, rule(None, Some(web)), true),
            ("a cgroup above", &near, rule(None, Some("/system.slice")), true),
            ("a name that begins alike", &near, rule(None, Some("/system.slice/web")), false),
            ("user and cgroup", &near, rule(Some(1_000), Some(web)), true),
            ("user, not cgroup", &near, rule(Some(1_000), Some("/user.slice")), false),
            ("a container's user", &contained, rule(Some(1_000), None), false),
            (
                "a container by its cgroup",
                &contained,
                rule(None, Some("/system.slice/docker-1.scope")),
                true,
            ),
            ("a container's root", &peer(0, None, false), rule(Some(0), None), false),
            ("an unknown user", &peer(65_534, None, true), rule(Some(65_534), None), false),
            ("an unknown cgroup", &peer(1_000, None, true), rule(None, Some(web)), false),
        ] {
            assert_eq!(peer.roles(&[rule]).count() == 1, fits, "{case}");
        }
    }

    #[test]
    fn what_the_kernel_tells_of_a_process() {
        let status =
            |uid: &str, ids: &str| format!("Name:\tx\nUid:\t0\t{uid}\t0\t0\nNSpid:\t{ids}\n");
        for (uid, ids, expected) in
            [("1000", "4711", Some(true)), ("1000", "4711\t1", Some(false)), ("1001", "4711", None)]
        {
            assert_eq!(is_near(&status(uid, ids), 1_000), expected, "{uid} {ids}");
        }
        for (text, expected) in [
            ("0::/system.slice/web.service\n", Some("/system.slice/web.service")),
            (
                "12:pids:/a\n1:name=systemd:/system.slice/web.service\n0::/\n",
                Some("/system.slice/web.service"),
            ),
            ("0::/../../other\n", None),
            ("0::/\n", None),
            ("", None),
        ] {
            assert_eq!(cgroup_of(text).as_deref(), expected, "{text}");
        }
    }
}
