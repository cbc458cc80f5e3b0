//! What the process asks of the kernel for itself: no core dumps, no other
//! process of the same user that looks into its memory, nothing written to swap
//! where that is permitted, and enough open files.

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// Two doors full of connections, and what else there is.
const OPEN_FILES: u64 = 16_384;

/// Does what it can, and says what it could not.
pub(crate) fn harden() {
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    if let Err(error) = set_dumpable(false) {
        tracing::warn!(%error, "memory could not be closed to other processes");
    }
    if let Err(error) = raise_open_files() {
        tracing::warn!(%error, "the limit of open files could not be raised");
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

/// Service managers start with 1,024, which are fewer than connections.
fn raise_open_files() -> nix::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = OPEN_FILES.min(hard);
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
}

/// Less urgent than answers: has the calling thread wait while others of this
/// process and its helper have something to do. What looks into processes would
/// otherwise be woken by a connection and run before its answer.
pub(crate) fn yield_to_answers() {
    const STEPS: i32 = 10;
    if let Err(error) = rustix::process::nice(STEPS) {
        tracing::debug!(%error, "threads beside the answers are as urgent as they");
    }
}
