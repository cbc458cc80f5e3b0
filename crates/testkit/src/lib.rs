//! Development only: what tests of several crates share. Traces written as text
//! ([`notation`]), recordings of real SDKs ([`fixtures`]) moved to another time
//! ([`retime`]) or decoded ([`decode`]), made-up traffic for measurements ([`traffic`]), and a
//! search for secrets where none may be ([`leak`]).
//!
//! What must not live here: anything that a shipped program uses.

pub mod decode;
pub mod fixtures;
pub mod leak;
pub mod notation;
pub mod retime;
pub mod traffic;
