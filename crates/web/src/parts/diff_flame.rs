//! The flame of a difference as SVG: as wide as the time of a request, as hot
//! as what it gained. Places are percentages, as in [`super::flame`].

use hotspan_analysis::flame::{BoxKind, DiffBox, DiffFlame};
use hotspan_analysis::profile_diff::Presence;
use maud::{Markup, html};

use super::{format, shift};

const LINE: usize = 23;
/// Narrower boxes have no text: not even three letters would fit.
const TEXT_MIN: f64 = 0.025;
/// Shades on each side of none.
const SHADES: f64 = 4.0;

/// The drawing.
pub(crate) fn diff_flame(flame: &DiffFlame) -> Markup {
    html! {
        @if flame.boxes.is_empty() { p.soft { "No call tree is kept for it." } } @else {
            svg.flame role="img" aria-label="what changed" width="100%" height=(flame.lines * LINE) {
                @for drawn in &flame.boxes { g { (one(drawn)) } }
            }
        }
        @if flame.undrawn > 0 {
            p.soft.notes { (format::plural(flame.undrawn as f64, "path", "paths")) " too small or too deep to draw." }
        }
    }
}

fn one(drawn: &DiffBox) -> Markup {
    let width = drawn.x1 - drawn.x0;
    let y = drawn.depth * LINE;
    html! {
        title { (told(drawn)) }
        @if width < TEXT_MIN {
            rect class=(shade(drawn.heat)) x=(percent(drawn.x0)) y=(y) width=(percent(width.max(0.0006))) height=(LINE - 1) {}
        } @else {
            svg x=(percent(drawn.x0)) y=(y) width=(percent(width)) height=(LINE - 1) {
                rect class=(shade(drawn.heat)) width="100%" height="100%" rx="1.5" {}
                text.light x="6" y="15.5" { (text(drawn)) }
            }
        }
    }
}

/// `heat-0` for no change, `heat-more-1` to `-4`, `heat-less-1` to `-4`.
fn shade(heat: f64) -> String {
    let step = (heat.abs().min(1.0) * SHADES).ceil() as u8;
    match step {
        0 => "heat-0".to_owned(),
        step if heat > 0.0 => format!("heat-more-{step}"),
        step => format!("heat-less-{step}"),
    }
}

fn text(drawn: &DiffBox) -> String {
    match drawn.kind {
        BoxKind::SelfTime => "own work".to_owned(),
        BoxKind::Small => "smaller ones".to_owned(),
        BoxKind::Spans => match drawn.presence {
            Presence::New => format!("{} · new", drawn.name),
            Presence::Gone => format!("{} · gone", drawn.name),
            Presence::Both | Presence::Unsure => drawn.name.to_string(),
        },
    }
}

fn told(drawn: &DiffBox) -> String {
    let (before, after) = (&drawn.before, &drawn.after);
    let time = |nanos: f64| format::duration(nanos as i64);
    let mut told = format!(
        "{}\n{} → {} a request, of its own {}",
        text(drawn),
        time(before.total_ns),
        time(after.total_ns),
        shift::signed(after.self_ns - before.self_ns)
    );
    if drawn.kind == BoxKind::Spans {
        let calls = [before, after].map(|side| format::average(side.calls));
        told += &format!("\n{} → {} calls a request", calls[0], calls[1]);
    }
    told
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades() {
        for (heat, expected) in [
            (0.0, "heat-0"),
            (0.01, "heat-more-1"),
            (0.5, "heat-more-2"),
            (1.0, "heat-more-4"),
            (2.0, "heat-more-4"),
            (-0.3, "heat-less-2"),
            (-1.0, "heat-less-4"),
        ] {
            assert_eq!(shade(heat), expected, "{heat}");
        }
    }
}
