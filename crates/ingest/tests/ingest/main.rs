//! Ingest over the real store in a temporary directory, under a clock that
//! only moves when it is told to.

mod answers;
mod clock;
mod harness;
mod history;
mod life;
mod restart;
