//! Where time goes, as one bar of coloured parts, and the legend to it.

use hotspan_model::{Class, TimeByClass};
use maud::{Markup, html};

use super::format;

/// Parts with time in them: class, time, where it begins and how wide it is,
/// in 0..=1. Negative times, which a correction may leave for a moment, are
/// left out.
fn parts(time: &TimeByClass) -> Vec<(Class, i64, f64, f64)> {
    let positive = |class: &Class| time.get(*class) > 0;
    let whole: f64 = Class::ALL.iter().filter(|c| positive(c)).map(|c| time.get(*c) as f64).sum();
    let mut at = 0.0;
    let drawn = |class: Class| {
        let width = time.get(class) as f64 / whole;
        let from = at;
        at += width;
        (class, time.get(class), from, width)
    };
    Class::ALL.into_iter().filter(positive).map(drawn).collect()
}

/// The bar alone. `width` and `height` in pixels.
pub(crate) fn bar(time: &TimeByClass, width: u32, height: u32) -> Markup {
    let label: Vec<String> = parts(time)
        .into_iter()
        .map(|(class, _, _, share)| format!("{} {}", class.label(), format::percent(share)))
        .collect();
    html! {
        svg.classes role="img" aria-label=(label.join(", ")) viewBox="0 0 1000 10"
            preserveAspectRatio="none" width=(width) height=(height) {
            title { (label.join(", ")) }
            rect.empty x="0" y="0" width="1000" height="10" {}
            @for (class, _, from, share) in parts(time) {
                rect class={ "c-" (class.slug()) } x=(place(from)) y="0" width=(place(share)) height="10" {}
            }
        }
    }
}

/// The bar over the whole width of the page with its figures under it. `per`
/// divides the sums, e.g. by the number of requests.
pub(crate) fn wide(time: &TimeByClass, per: f64) -> Markup {
    html! {
        div.classes-wide {
            (bar(time, 1_000, 18))
            ul.legend {
                @for (class, nanos, _, share) in parts(time) {
                    li {
                        (swatch(class)) (class.label()) " "
                        b { (format::percent(share)) }
                        @if per > 0.0 { span.soft { " " (format::duration_short((nanos as f64 / per) as i64)) } }
                    }
                }
            }
        }
    }
}

/// The colours in use, named.
pub(crate) fn legend(classes: impl IntoIterator<Item = Class>) -> Markup {
    html! {
        ul.legend { @for class in classes { li { (swatch(class)) (class.label()) } } }
    }
}

/// A small square in a class's colour.
pub(crate) fn swatch(class: Class) -> Markup {
    html! {
        svg.swatch width="10" height="10" aria-hidden="true" {
            rect class={ "c-" (class.slug()) } width="10" height="10" rx="2" {}
        }
    }
}

/// The classes that have time in any of these.
pub(crate) fn in_use<'a>(times: impl IntoIterator<Item = &'a TimeByClass>) -> Vec<Class> {
    let mut sum = TimeByClass::default();
    times.into_iter().for_each(|time| sum.merge(time, 1));
    Class::ALL.into_iter().filter(|class| sum.get(*class) > 0).collect()
}

fn place(share: f64) -> String {
    format!("{:.1}", share.clamp(0.0, 1.0) * 1_000.0)
}
