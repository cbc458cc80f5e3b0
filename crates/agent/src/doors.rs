//! The doors through which credentials are handed out, all from one answer in
//! memory: [`container`], [`imds`], [`process`]. What all of them refuse is in
//! [`guard`], what becomes of those who fail to show a right in [`failures`], how
//! they listen in [`serve`].

pub(crate) mod caller;
pub(crate) mod container;
pub(crate) mod failures;
pub(crate) mod guard;
pub(crate) mod imds;
mod kept_timer;
pub(crate) mod peer;
mod per_uid;
pub(crate) mod process;
pub(crate) mod rules;
pub(crate) mod serve;
