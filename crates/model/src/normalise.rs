//! Normal forms: texts that differ only in values become equal. Pure functions
//! of text; what a call is for is not decided here.

pub mod key;
pub mod random;
pub mod sql;
pub mod url;

mod values;
