//! What the agent tells a service manager that waits for its word
//! (`NOTIFY_SOCKET`, as systemd does with `Type=notify`). Without one nothing
//! is told.

use sd_notify::NotifyState;

/// The doors are open, and what the configuration says is in force.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is about to be read anew; [`ready`] follows, also when it
/// is refused.
pub(super) fn reloading() {
    // Newer systemd takes the one only with the other.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager was not told"),
    }
}

/// No new caller is let in any more.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // It goes on without: who has asked for credentials needs no manager.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}
