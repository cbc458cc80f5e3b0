//! From a request's bytes to everything that is kept of it.
//!
//! A request is admitted ([`Ingest::submit`]: decoded, judged item by item and
//! written to the log before it is answered), then applied in the order of the
//! log by one task: to the span table and to trace assembly, whose closed
//! traces are analysed and booked. Issues that wait for something, a fix or a
//! return, are looked at beside it ([`verify`], [`life`]). [`assemble`] is a state machine without
//! clock or I/O; the tasks around it are thin.
//!
//! What must not live here: HTTP, wire formats, SQL, detectors.

mod admit;
mod analyse;
mod apply;
pub mod assemble;
mod clock;
mod config;
mod history;
mod life;
mod profile;
mod replay;
mod room;
mod start;
mod stats;
mod steady;
mod submit;
mod verify;
mod waiting;

pub use admit::TimeRules;
pub use clock::{Clock, SystemClock};
pub use config::{IngestConfig, QUIET_MAX};
pub use start::{IngestTask, StartError};
pub use stats::{Accepted, Counts, Stats};
pub use submit::{Ingest, Receipt, Received, Refusal};
