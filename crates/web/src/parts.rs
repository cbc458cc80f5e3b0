//! The pieces that pages are composed of: pure functions from values to markup.
//!
//! What must not live here: handlers, queries, the clock. Whatever depends on
//! the present takes `now` as an argument.

pub(crate) mod address;
pub(crate) mod chart;
pub(crate) mod class_bar;
pub(crate) mod days;
pub(crate) mod diff_flame;
pub(crate) mod figures;
pub(crate) mod fixes;
pub(crate) mod flame;
pub(crate) mod format;
pub(crate) mod histogram;
pub(crate) mod meter;
pub(crate) mod shell;
pub(crate) mod shift;
pub(crate) mod sparkline;
pub(crate) mod strip;
pub(crate) mod table;
pub(crate) mod waterfall;

/// Markup with a line for each tag, for snapshots that can be read.
#[cfg(test)]
fn lines(markup: &maud::Markup) -> String {
    markup.0.replace("><", ">\n<")
}
