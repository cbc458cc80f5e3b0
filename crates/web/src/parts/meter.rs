//! A bar that says how full something is.

use maud::{Markup, html};

use super::strip::dot1;

/// From here on a bar is drawn as a warning.
pub(crate) const HIGH: f64 = 0.8;

/// `taken` of `max`, as a bar across its cell. What is not empty shows.
pub(crate) fn meter(taken: f64, max: f64, label: &str) -> Markup {
    let share = share(taken, max);
    bar(share, share >= HIGH, label)
}

/// A part of something that is not a bound.
pub(crate) fn part(of: f64, most: f64, label: &str) -> Markup {
    bar(share(of, most), false, label)
}

fn bar(share: f64, high: bool, label: &str) -> Markup {
    let width = if share > 0.0 { (share * 100.0).max(0.6) } else { 0.0 };
    html! {
        svg.meter.high[high] role="img" aria-label=(label) width="100%" height="8" {
            title { (label) }
            rect.room x="0" y="0" width="100%" height="8" rx="2" {}
            rect.taken x="0" y="0" width={ (dot1(width)) "%" } height="8" rx="2" {}
        }
    }
}

/// How full something is, 0 to 1. Of nothing, nothing is taken.
pub(crate) fn share(taken: f64, max: f64) -> f64 {
    if max > 0.0 { (taken / max).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        for (taken, max, width, high) in [
            (0.0, 10.0, "\"0.0%\"", false),
            (0.001, 10.0, "\"0.6%\"", false),
            (5.0, 10.0, "\"50.0%\"", false),
            (9.0, 10.0, "\"90.0%\"", true),
            (20.0, 10.0, "\"100.0%\"", true),
            (1.0, 0.0, "\"0.0%\"", false),
        ] {
            let drawn = meter(taken, max, "x").into_string();
            assert!(drawn.contains(width), "{taken} of {max}: {drawn}");
            assert_eq!(drawn.contains("meter high"), high, "{taken} of {max}");
        }
    }
}
