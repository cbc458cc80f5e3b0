//! A timer for one connection. hyper asks for a new sleep with every request;
//! here it is the same one each time, put off, which needs no place in the
//! runtime's wheel of timers to be found and given back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::Timer;

/// The one sleep of a connection, once it is asked for.
#[derive(Clone, Default)]
pub(super) struct KeptTimer(Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>);

impl KeptTimer {
    fn with<R>(&self, use_it: impl FnOnce(&mut Option<Pin<Box<tokio::time::Sleep>>>) -> R) -> R {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Timer for KeptTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.with(|kept| match kept {
            Some(sleep) => sleep.as_mut().reset(deadline.into()),
            None => *kept = Some(Box::pin(tokio::time::sleep_until(deadline.into()))),
        });
        Box::pin(KeptSleep(self.clone()))
    }
}

/// hyper has one at a time.
struct KeptSleep(KeptTimer);

impl Future for KeptSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.with(|kept| match kept {
            Some(sleep) => sleep.as_mut().poll(context),
            // It was made before this was.
            None => Poll::Ready(()),
        })
    }
}

impl hyper::rt::Sleep for KeptSleep {}
