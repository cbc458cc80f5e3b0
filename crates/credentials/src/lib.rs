//! Role credentials of AWS, kept ready: what they are ([`credentials`]), when
//! they are fetched anew ([`schedule`]), how time is told ([`clock`],
//! [`reckoning`]), where they come from ([`sources`], of which some ask [`sts`]),
//! and the task that keeps one role ([`keeper`]).
//!
//! [`schedule`] and [`reckoning`] read no clock and send nothing, so that every
//! sequence of answers and of jumps of a clock can be tried.
//!
//! What must not live here: the doors that hand credentials out, settings,
//! environment variables. Inherited AWS variables and proxies do not reach a
//! source, because nothing here reads them.

pub mod assume;
pub mod clock;
pub mod credentials;
pub mod document;
pub mod keeper;
pub mod keys;
pub mod plain_http;
pub mod reckoning;
pub mod schedule;
pub mod sources;
pub mod sts;
pub mod trust;
pub mod unusable;
