//! Keeps memory to the process: no core dumps, no other process of the same
//! user that looks in, and nothing written to swap where that is permitted.

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Does what it can, and says what it could not.
pub(crate) fn harden() {
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    if let Err(error) = set_dumpable(false) {
        tracing::warn!(%error, "memory could not be closed to other processes");
    }
    // With a limit, a later allocation would fail once the limit is reached.
    let is_unlimited = matches!(
        getrlimit(Resource::RLIMIT_MEMLOCK),
        Ok((soft, _)) if soft == RLIM_INFINITY
    );
    if !is_unlimited {
        tracing::info!("memory is not locked; set LimitMEMLOCK=infinity to lock it");
    } else if let Err(error) = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE) {
        tracing::info!(%error, "memory could not be locked");
    }
}
