//! Flame charts and icicles as SVG. Places are percentages, so a drawing is
//! as wide as the page and its text keeps its size.

use hotspan_analysis::flame::{BoxKind, Flame, FlameBox};
use hotspan_model::SpanId;
use maud::{Markup, html};

use super::address::Address;
use super::format;

const LINE: usize = 23;
/// Narrower boxes have no text: not even three letters would fit.
const TEXT_MIN: f64 = 0.025;

/// What the drawing leads to and what is chosen in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FlameLinks<'a> {
    /// Boxes of spans lead to this address with `?span=`.
    pub(crate) here: Option<&'a Address>,
    /// The chosen span.
    pub(crate) chosen: Option<SpanId>,
    /// Figures are per request of a merged tree.
    pub(crate) per_request: bool,
}

/// The drawing.
pub(crate) fn flame(flame: &Flame, links: FlameLinks<'_>) -> Markup {
    html! {
        svg.flame role="img" aria-label="where the time goes" width="100%" height=(flame.lines * LINE) {
            @for drawn in &flame.boxes {
                @match (links.here, drawn.span) {
                    (Some(here), Some(span)) => a href=(here.with("span", span)) data-keep { (one(flame, drawn, links)) },
                    _ => g { (one(flame, drawn, links)) },
                }
            }
        }
        @if flame.undrawn > 0 {
            p.soft.notes { (format::plural(flame.undrawn as f64, "path", "paths")) " too small or too deep to draw." }
        }
    }
}

fn one(flame: &Flame, drawn: &FlameBox, links: FlameLinks<'_>) -> Markup {
    let width = drawn.x1 - drawn.x0;
    let chosen = links.chosen.is_some() && drawn.span == links.chosen;
    let y = drawn.depth * LINE;
    html! {
        title { (told(flame, drawn, links)) }
        @if width < TEXT_MIN {
            rect class=(class(drawn, chosen)) x=(percent(drawn.x0)) y=(y) width=(percent(width.max(0.0006))) height=(LINE - 1) {}
        } @else {
            svg x=(percent(drawn.x0)) y=(y) width=(percent(width)) height=(LINE - 1) {
                rect class=(class(drawn, chosen)) width="100%" height="100%" rx="1.5" {}
                text.light[matches!(class_slug(drawn), "own" | "self")] x="6" y="15.5" { (text(drawn, links)) }
            }
        }
    }
}

fn class(drawn: &FlameBox, chosen: bool) -> String {
    let chosen = if chosen { " chosen" } else { "" };
    format!("c-{}{chosen}", class_slug(drawn))
}

fn class_slug(drawn: &FlameBox) -> &'static str {
    match drawn.kind {
        BoxKind::Spans => drawn.class.slug(),
        BoxKind::SelfTime => "self",
        BoxKind::Small => "own",
    }
}

fn name(drawn: &FlameBox) -> String {
    match drawn.kind {
        BoxKind::Spans => drawn.name.to_string(),
        BoxKind::SelfTime => "own work".to_owned(),
        BoxKind::Small => "smaller ones".to_owned(),
    }
}

fn text(drawn: &FlameBox, links: FlameLinks<'_>) -> String {
    let name = name(drawn);
    let times = drawn.count_per_request;
    match drawn.kind {
        BoxKind::Spans if times > 1.05 && links.per_request => {
            format!("{name} · {} a request", format::average(times))
        }
        BoxKind::Spans if times > 1.05 => format!("{name} · ×{}", format::average(times)),
        _ => name,
    }
}

fn told(flame: &Flame, drawn: &FlameBox, links: FlameLinks<'_>) -> String {
    let share = format::percent(drawn.total_ns as f64 / flame.range_ns.max(1) as f64);
    let requests = if links.per_request { flame.requests.max(0.001) } else { 1.0 };
    let each = |nanos: i64| format::duration((nanos as f64 / requests) as i64);
    let unit = if links.per_request { " a request" } else { "" };
    let mut text = format!("{}\n{}{unit} · {share}", text(drawn, links), each(drawn.total_ns));
    if drawn.kind == BoxKind::Spans && drawn.self_ns < drawn.total_ns {
        text += &format!("\nown work {}", each(drawn.self_ns));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use hotspan_model::calltree::CallNode;
    use hotspan_model::{CallTree, Class};

    use super::*;

    #[test]
    fn a_small_icicle() {
        let mut root = CallNode::new(Class::Own);
        (root.count, root.requests, root.total_ns, root.self_ns) =
            (2_000, 2_000, 8_000_000, 5_000_000);
        let mut child = CallNode::new(Class::CredentialLookup);
        (child.count, child.requests, child.total_ns, child.self_ns) =
            (730_000, 2_000, 3_000_000, 3_000_000);
        root.children.insert(Arc::from("PUT <token>"), child);
        let tree = CallTree { roots: [(Arc::from("POST /reports"), root)].into() };
        let laid_out = hotspan_analysis::flame::layout_tree(&tree);
        let links = FlameLinks { per_request: true, ..FlameLinks::default() };
        expect![[r#"
            <svg class="flame" role="img" aria-label="where the time goes" width="100%" height="46">
            <g>
            <title>POST /reports
            4.00 ms a request · 100%
            own work 2.50 ms</title>
            <svg x="0.00%" y="0" width="100.00%" height="22">
            <rect class="c-own" width="100%" height="100%" rx="1.5">
            </rect>
            <text class="light" x="6" y="15.5">POST /reports</text>
            </svg>
            </g>
            <g>
            <title>PUT &lt;token&gt; · 365 a request
            1.50 ms a request · 38%</title>
            <svg x="0.00%" y="23" width="37.50%" height="22">
            <rect class="c-credential_lookup" width="100%" height="100%" rx="1.5">
            </rect>
            <text class="" x="6" y="15.5">PUT &lt;token&gt; · 365 a request</text>
            </svg>
            </g>
            <g>
            <title>own work
            2.50 ms a request · 62%</title>
            <svg x="37.50%" y="23" width="62.50%" height="22">
            <rect class="c-self" width="100%" height="100%" rx="1.5">
            </rect>
            <text class="light" x="6" y="15.5">own work</text>
            </svg>
            </g>
            </svg>"#]]
        .assert_eq(&crate::parts::lines(&flame(&laid_out, links)));
    }
}
