//! Differences in words and as bars that grow to the right (more) or to the
//! left (less) of a middle.

use maud::{Markup, html};

use super::format;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 10.0;
/// A change of less than this is none.
const SAME: f64 = 0.005;

/// `+120 ms`, `−3.0 ms`.
pub(crate) fn signed(nanos: f64) -> String {
    let sign = if nanos < 0.0 { "−" } else { "+" };
    format!("{sign}{}", format::duration(nanos.abs() as i64))
}

/// `+58%`, `−3%`, `×4.2`; `same` for a change that is none.
pub(crate) fn relative(before: f64, after: f64) -> String {
    let ratio = if before > 0.0 { after / before } else { 1.0 };
    if (ratio - 1.0).abs() < SAME {
        "same".to_owned()
    } else if ratio >= 3.0 {
        format!("×{}", format::average(ratio))
    } else if ratio > 1.0 {
        format!("+{}", format::percent(ratio - 1.0))
    } else {
        format!("−{}", format::percent(1.0 - ratio))
    }
}

/// A bar for a difference; `largest` fills one half.
pub(crate) fn bar(nanos: f64, largest: f64) -> Markup {
    let half = WIDTH / 2.0;
    let length = if largest > 0.0 { (nanos.abs() / largest).min(1.0) * half } else { 0.0 };
    let (class, x) = if nanos < 0.0 { ("less", half - length) } else { ("more", half) };
    html! {
        svg.shift width=(WIDTH) height=(HEIGHT) aria-hidden="true" {
            line.grid x1=(half) x2=(half) y1="0" y2=(HEIGHT) {}
            rect class=(class) x=(format!("{x:.1}")) y="1" width=(format!("{:.1}", length.max(0.5))) height=(HEIGHT - 2.0) rx="1" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_in_words() {
        for (before, after, expected) in [
            (100.0, 158.0, "+58%"),
            (100.0, 97.0, "−3.0%"),
            (100.0, 420.0, "×4.2"),
            (100.0, 100.2, "same"),
            (0.0, 5.0, "same"),
            (100.0, 0.0, "−100%"),
        ] {
            assert_eq!(relative(before, after), expected, "{before} {after}");
        }
        assert_eq!(signed(1.2e8), "+120\u{a0}ms");
        assert_eq!(signed(-3.0e6), "−3.00\u{a0}ms");
    }

    #[test]
    fn bars_stay_inside() {
        for (nanos, largest) in [(5.0, 10.0), (-5.0, 10.0), (50.0, 10.0), (0.0, 0.0)] {
            let drawn = bar(nanos, largest).into_string();
            let number = |name: &str| {
                let at = drawn.find("<rect").unwrap();
                let from = drawn[at..].find(&format!(" {name}=\"")).unwrap() + at + name.len() + 3;
                drawn[from..].split('"').next().unwrap().parse::<f64>().unwrap()
            };
            let (x, width) = (number("x"), number("width"));
            assert!(x >= 0.0 && x + width <= WIDTH + 0.5, "{drawn}");
            assert_eq!(nanos < 0.0, drawn.contains("less"), "{drawn}");
        }
    }
}
