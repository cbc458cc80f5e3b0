//! Whether the log takes requests, for those who look from outside.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a refusal says something about the present. Whoever waits for the
/// fault to pass before sending again must not wait for ever.
const REFUSAL_GOOD_FOR: Duration = Duration::from_secs(30);

/// What keeps the log from taking requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFault {
    /// The disk may hold anything after what failed: nothing is taken until the
    /// log is opened again. Otherwise the next request is tried.
    pub halted: bool,
    /// What the system said.
    pub reason: String,
}

/// The fault there is, if any. Written when that changes, not with every group.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<(LogFault, Instant)>>);

impl Health {
    pub(super) fn fault(&self) -> Option<LogFault> {
        let fault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, at) = fault.as_ref()?;
        (fault.halted || at.elapsed() < REFUSAL_GOOD_FOR).then(|| fault.clone())
    }

    pub(super) fn set(&self, fault: Option<LogFault>) {
        let now = Instant::now();
        let fault = fault.map(|fault| (fault, now));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}
