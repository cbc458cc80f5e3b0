//! From a socket to the process that holds it, as far as `/proc` shows it to
//! whoever looks. Slow where there are many processes, so never on the way of
//! an answer.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

/// A host with thousands of containers; more are not looked at.
const PROCESSES_MAX: usize = 20_000;
/// What holds more sockets than this is a server, and seldom asks.
const FILES_MAX: usize = 16_384;
const TIME_MAX: Duration = Duration::from_millis(500);
/// All processes are looked through for what is not where it should be, and
/// that is a lot of work for callers who are gone already.
const LOOK_ALL_PAUSE: Duration = Duration::from_secs(5);
/// Whoever asked lately often asks again, on a connection that is soon over.
const LATELY_MAX: usize = 16;
/// Paths can be 4,096; what is longer than this is cut.
const PROGRAM_CHARS_MAX: usize = 256;

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The socket's inode.
    pub(crate) inode: u32,
    pub(crate) pid: u32,
    /// What it runs, as it was called when it was started; empty when that
    /// cannot be seen.
    pub(crate) program: String,
}

/// Looks for owners of sockets.
pub(crate) struct Finder {
    processes: PathBuf,
    cgroups: PathBuf,
    looked_at_all: Option<Instant>,
    /// Processes that were found, the newest first.
    lately: VecDeque<u32>,
}

impl Finder {
    pub(crate) fn new() -> Self {
        Self {
            processes: "/proc".into(),
            cgroups: cgroup_root(),
            looked_at_all: None,
            lately: VecDeque::new(),
        }
    }

    /// Processes of the user `uid` that hold one of the sockets: first those that
    /// did lately, then those of the cgroup, then, now and then, all there are.
    pub(crate) fn find(&mut self, uid: u32, cgroup: Option<&str>, inodes: &[u32]) -> Vec<Owner> {
        let mut search = Search::new(&self.processes, uid, inodes);
        search.look_at(self.lately.iter().copied().collect());
        if !search.sought.is_empty() {
            search.look_at(self.members(cgroup));
        }
        let may_look = self.looked_at_all.is_none_or(|last| last.elapsed() >= LOOK_ALL_PAUSE);
        if !search.sought.is_empty() && may_look {
            self.looked_at_all = Some(Instant::now());
            search.look_at(all(&self.processes));
        }
        let found = search.found;
        self.remember(&found);
        found
    }

    fn remember(&mut self, found: &[Owner]) {
        for owner in found {
            self.lately.retain(|pid| *pid != owner.pid);
            self.lately.push_front(owner.pid);
        }
        self.lately.truncate(LATELY_MAX);
    }

    fn members(&self, cgroup: Option<&str>) -> Vec<u32> {
        let Some(below) = cgroup.and_then(inside) else { return Vec::new() };
        let list = self.cgroups.join(below).join("cgroup.procs");
        let text = fs::read_to_string(list).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).take(PROCESSES_MAX).collect()
    }
}

/// Where cgroups are: beside the older hierarchies the unified one has a folder
/// of its own.
pub(crate) fn cgroup_root() -> PathBuf {
    let unified = Path::new("/sys/fs/cgroup/unified");
    if unified.is_dir() { unified.to_owned() } else { "/sys/fs/cgroup".into() }
}

/// A cgroup's path below the root; none when it leads out of it.
fn inside(cgroup: &str) -> Option<&Path> {
    let below = Path::new(cgroup.strip_prefix('/')?);
    below.components().all(|part| matches!(part, Component::Normal(_))).then_some(below)
}

fn all(processes: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(processes) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    names.take(PROCESSES_MAX).collect()
}

/// One search.
struct Search<'a> {
    processes: &'a Path,
    uid: u32,
    /// What a file of a process is called that is one of the sockets.
    sought: BTreeMap<PathBuf, u32>,
    found: Vec<Owner>,
    begun: Instant,
}

impl<'a> Search<'a> {
    fn new(processes: &'a Path, uid: u32, inodes: &[u32]) -> Self {
        let name = |inode: &u32| (PathBuf::from(format!("socket:[{inode}]")), *inode);
        let sought = inodes.iter().map(name).collect();
        Self { processes, uid, sought, found: Vec::new(), begun: Instant::now() }
    }

    /// The newest first: who was started last is over first.
    fn look_at(&mut self, mut pids: Vec<u32>) {
        pids.sort_unstable_by_key(|pid| std::cmp::Reverse(*pid));
        for pid in pids {
            if self.sought.is_empty() || self.begun.elapsed() > TIME_MAX {
                return;
            }
            self.look_into(pid);
        }
    }

    fn look_into(&mut self, pid: u32) {
        let process = self.processes.join(pid.to_string());
        if !self.may_be_users(&process) {
            return;
        }
        let Ok(files) = fs::read_dir(process.join("fd")) else { return };
        for file in files.flatten().take(FILES_MAX) {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let Some(inode) = self.sought.get(&target).copied() else { continue };
            let program = program(&process);
            // The process may be another user's, that has been given the socket, and
            // the number may have gone to another process by now.
            let is_still = self.is_users(&process)
                && fs::read_link(file.path()).is_ok_and(|again| again == target);
            if is_still {
                self.sought.remove(&target);
                self.found.push(Owner { inode, pid, program });
            }
        }
    }

    /// Whether it is worth a closer look. A process that hides its memory shows
    /// as root's.
    fn may_be_users(&self, process: &Path) -> bool {
        process.metadata().is_ok_and(|metadata| [0, self.uid].contains(&metadata.uid()))
    }

    /// Whether the process is the user's, or was when it was started.
    fn is_users(&self, process: &Path) -> bool {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        line.split_whitespace().any(|uid| uid.parse() == Ok(self.uid))
    }
}

/// One line of text, whatever the file is called.
fn program(process: &Path) -> String {
    let path = fs::read_link(process.join("exe")).unwrap_or_default();
    let text = path.to_string_lossy();
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(PROGRAM_CHARS_MAX).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A process as `/proc` shows it.
    fn process(root: &Path, pid: u32, uid: &str, files: &[&str], program: &str) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(folder.join("fd")).expect("to make");
        fs::write(folder.join("status"), format!("Name:\tx\nUid:\t{uid}\n")).expect("to write");
        for (number, target) in files.iter().enumerate() {
            symlink(target, folder.join("fd").join(number.to_string())).expect("to link");
        }
        symlink(program, folder.join("exe")).expect("to link");
    }

    #[test]
    fn whose_socket_it_is() {
        let root = tempfile::tempdir().expect("a folder");
        let (processes, cgroups) = (root.path().join("proc"), root.path().join("cgroup"));
        // The folders are this user's, as those of its processes are.
        let own = nix::unistd::geteuid().as_raw();
        let (whole, other) = (format!("{own}\t{own}\t{own}\t{own}"), "7\t7\t7\t7");
        let before = format!("{own}\t8\t8\t8");
        process(&processes, 7, &whole, &["/x", "socket:[11]"], "/usr/bin/ruby");
        process(&processes, 8, other, &["socket:[11]", "socket:[12]"], "/b");
        process(&processes, 9, &before, &["socket:[13]"], "/c\nok 1 1 /evil");
        fs::create_dir_all(cgroups.join("web.service")).expect("to make");
        fs::write(cgroups.join("web.service/cgroup.procs"), "7\n8\n").expect("to write");
        fs::write(root.path().join("cgroup.procs"), "9\n").expect("to write");
        let owner = |inode, pid, program: &str| Owner { inode, pid, program: program.to_owned() };
        let (web, ruby) = (Some("/web.service"), owner(11, 7, "/usr/bin/ruby"));
        let odd = owner(13, 9, "/c?ok 1 1 /evil");
        for (case, cgroup, inodes, looks_at_all, expected) in [
            ("a member", web, vec![11], false, vec![ruby.clone()]),
            ("another user's", web, vec![12], false, vec![]),
            ("no member", web, vec![13], false, vec![]),
            ("out of the cgroups", Some("/../"), vec![13], false, vec![]),
            ("out of the cgroups", Some("/web.service/../.."), vec![13], false, vec![]),
            ("no whole path", Some("web.service"), vec![11], false, vec![]),
            ("of all, by the user it was", web, vec![13], true, vec![odd.clone()]),
            ("of all", None, vec![11, 12, 13, 99], true, vec![ruby, odd]),
            ("another user's, of all", None, vec![12], true, vec![]),
            ("nobody's", None, vec![99], true, vec![]),
        ] {
            let looked_at_all = (!looks_at_all).then(Instant::now);
            let (processes, cgroups) = (processes.clone(), cgroups.clone());
            let mut finder = Finder { processes, cgroups, looked_at_all, lately: VecDeque::new() };
            let mut found = finder.find(own, cgroup, &inodes);
            found.sort_by_key(|owner| owner.inode);
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn who_asked_lately_is_looked_at_first() {
        let root = tempfile::tempdir().expect("a folder");
        let (processes, cgroups) = (root.path().join("proc"), root.path().join("cgroup"));
        let own = nix::unistd::geteuid().as_raw();
        process(&processes, 7, &own.to_string(), &["socket:[11]"], "/usr/bin/ruby");
        let mut finder =
            Finder { processes, cgroups, looked_at_all: None, lately: VecDeque::new() };
        assert_eq!(finder.find(own, None, &[11]).len(), 1, "of all");
        assert_eq!(finder.find(own, None, &[11]).len(), 1, "of those lately, too soon for all");
        for pid in 100..200 {
            finder.remember(&[Owner { inode: 1, pid, program: String::new() }]);
        }
        assert_eq!(finder.lately.len(), LATELY_MAX);
        assert_eq!(finder.find(own, None, &[11]), [], "long ago, and too soon for all");
    }

    #[test]
    fn an_own_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let fd = std::os::fd::AsRawFd::as_raw_fd(&listener);
        let link = fs::read_link(format!("/proc/self/fd/{fd}")).expect("a link");
        let name = link.to_string_lossy().into_owned();
        let inode = name.trim_start_matches("socket:[").trim_end_matches(']');
        let inode = inode.parse().expect("a number");
        let uid = nix::unistd::geteuid().as_raw();
        let found = Finder::new().find(uid, None, &[inode]);
        let own = std::env::current_exe().expect("a path").to_string_lossy().into_owned();
        assert_eq!(found, [Owner { inode, pid: std::process::id(), program: own }]);
    }
}
