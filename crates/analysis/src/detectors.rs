//! The detectors: each looks for one wasteful shape.

pub(crate) mod credential_lookup;
