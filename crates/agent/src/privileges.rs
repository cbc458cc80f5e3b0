//! Rights that a process was started with and gives up: the one that hears
//! callers keeps none, its helper keeps three. For good: neither it nor what it
//! runs gets one back.

use anyhow::{Context, bail};
use caps::{CapSet, CapsHashSet};
use nix::sys::prctl::{set_dumpable, set_no_new_privs};
use nix::unistd::{Gid, Uid, geteuid, getresuid, setgroups, setresgid, setresuid};

use crate::settings::Account;

/// Whether there are rights to give up, and a helper is worth while.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Gives up every right, and becomes `account` if there is one. Before any
/// thread is started: capabilities are a thread's own.
pub(crate) fn give_up(account: Option<&Account>) -> anyhow::Result<()> {
    never_gain()?;
    if let Some(account) = account {
        become_user(account).with_context(|| {
            format!("user {} cannot be taken on; start the agent as root, with CAP_SETUID and CAP_SETGID", account.name)
        })?;
    }
    keep_only(&CapsHashSet::new())?;
    // A change of user opens memory to whoever has that user, or closes it to
    // the process itself, as the system pleases.
    set_dumpable(false).context("memory cannot be closed to other processes")?;
    let left = caps::read(None, CapSet::Permitted).context("own capabilities")?;
    if !left.is_empty() {
        bail!("capabilities are left that could not be given up: {left:?}");
    }
    Ok(())
}

/// Keeps these of the capabilities that there are, and never gets another.
pub(crate) fn keep_only(wanted: &CapsHashSet) -> anyhow::Result<()> {
    let held = caps::read(None, CapSet::Permitted).context("own capabilities")?;
    let kept: CapsHashSet = held.intersection(wanted).copied().collect();
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).context("capabilities cannot be given up")?;
    }
    caps::clear(None, CapSet::Inheritable).context("capabilities cannot be given up")
}

/// No program that is run from here on has more rights than this process.
pub(crate) fn never_gain() -> anyhow::Result<()> {
    set_no_new_privs().context("the kernel does not keep programs from gaining rights")?;
    // What could be inherited is nothing any more; this is the second lock, and
    // needs CAP_SETPCAP.
    for set in [CapSet::Ambient, CapSet::Bounding] {
        if let Err(error) = caps::clear(None, set) {
            tracing::debug!(%error, ?set, "capabilities stay in a set that gives none");
        }
    }
    Ok(())
}

fn become_user(account: &Account) -> anyhow::Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    setgroups(&[gid]).context("groups")?;
    setresgid(gid, gid, gid).context("group")?;
    setresuid(uid, uid, uid).context("user")?;
    let now = getresuid().context("user")?;
    if [now.real, now.effective, now.saved] != [uid; 3] {
        bail!("the kernel did not change the user");
    }
    Ok(())
}
