//! The waterfall of a trace as rows: name, bars along time, time, share.

use hotspan_analysis::waterfall::{Opening, Row, RowKind, Waterfall};
use hotspan_model::Class;
use maud::{Markup, html};

use super::address::Address;
use super::format;

/// Deeper rows are not indented further; their names say where they are.
const INDENT_MAX: usize = 20;
/// Narrower bars have no outline: it would cover them.
const OUTLINE_MIN: f64 = 0.006;
/// Bars are at least this wide, so that none is invisible: a pixel or so.
const WIDTH_MIN: f64 = 0.0016;

/// How to draw and what rows lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaterfallLinks<'a> {
    /// The trace page, with its choices.
    pub(crate) here: &'a Address,
    /// Rows can be opened and chosen here; otherwise they lead to the trace page.
    pub(crate) choosing: bool,
    /// Outline what is on the critical path.
    pub(crate) critical: bool,
}

/// The drawing.
pub(crate) fn waterfall(waterfall: &Waterfall, links: WaterfallLinks<'_>) -> Markup {
    html! {
        div.wf.path[links.critical] {
            div.wf-head {
                span { "Span" }
                svg.lane width="100%" height="18" aria-hidden="true" {
                    @for (place, time) in ticks(waterfall) { text.tick x=(percent(place)) dx="4" y="13" { (tick(time)) } }
                }
                span.num { "Time" }
                span.num { "Share" }
            }
            div.wf-body {
                div.wf-grid aria-hidden="true" {
                    svg width="100%" height="100%" {
                        @for (place, _) in ticks(waterfall) { line x1=(percent(place)) x2=(percent(place)) y1="0" y2="100%" {} }
                    }
                }
                ol.wf-rows {
                    @for (index, row) in waterfall.rows.iter().enumerate() {
                        (one(row, above(&waterfall.rows, index), waterfall.chosen == Some(index), links))
                    }
                }
            }
        }
    }
}

/// Lines too near to the right end would push their text out.
fn ticks(waterfall: &Waterfall) -> impl Iterator<Item = (f64, i64)> {
    waterfall.ticks.iter().copied().filter(|(place, _)| *place < 0.94)
}

fn tick(nanos: i64) -> String {
    if nanos == 0 { "0".to_owned() } else { format::round_duration(nanos) }
}

/// The row this one hangs under.
fn above(rows: &[Row], index: usize) -> Option<&Row> {
    let depth = rows[index].depth;
    rows[..index].iter().rev().find(|row| row.depth < depth)
}

fn one(row: &Row, above: Option<&Row>, chosen: bool, links: WaterfallLinks<'_>) -> Markup {
    let own_service = above.is_none_or(|above| above.service != row.service);
    html! {
        li.row.chosen[chosen].offender[row.offender].gap[row.kind == RowKind::Gap] {
            span class={ "name d" (row.depth.min(INDENT_MAX)) } {
                (opener(row, links))
                (name(row, links))
                @if own_service && row.kind == RowKind::Span { small { (row.service) } }
                @if row.error { span.bad title="ended in error" { "error" } }
                @if row.offender && row.kind != RowKind::Gap { span.mark-offender title="named by an issue" { "●" } }
            }
            (lane(row, links.critical))
            span.num.time { (format::duration(row.total_ns)) }
            span.num.share { @if row.kind == RowKind::Span && row.depth == 0 { "" } @else { (format::percent(row.share)) } }
        }
    }
}

/// The triangle: opens and closes a run.
fn opener(row: &Row, links: WaterfallLinks<'_>) -> Markup {
    let can = links.choosing && matches!(row.kind, RowKind::Fold | RowKind::Span);
    html! {
        @match row.opening {
            Opening::Closed if can => {
                a.opener href=(opened(links.here, row, true)) data-keep
                    aria-label=(format!("Show the {}", format::plural(row.spans as f64, "span", "spans"))) { "▸" }
            }
            Opening::Open if can && row.kind == RowKind::Fold => {
                a.opener href=(opened(links.here, row, false)) data-keep aria-label="Fold again" { "▾" }
            }
            Opening::Closed => span.opener aria-hidden="true" { "▸" },
            _ => span.opener aria-hidden="true" {},
        }
    }
}

/// `?open=` is a list of span ids.
fn opened(here: &Address, row: &Row, open: bool) -> Address {
    let key = row.key.to_string();
    let mut keys: Vec<&str> =
        here.get("open").unwrap_or("").split(',').filter(|id| !id.is_empty()).collect();
    keys.retain(|id| *id != key);
    if open {
        keys.push(&key);
    }
    here.with("open", keys.join(","))
}

fn name(row: &Row, links: WaterfallLinks<'_>) -> Markup {
    let text = match row.kind {
        RowKind::Span => row.label.to_string(),
        RowKind::Fold => format!("{}× {}", format::exact(row.repeats as u64), row.label),
        RowKind::More => format!("{} more", format::plural(row.spans as f64, "span", "spans")),
        RowKind::Gap if row.class != Class::Own => row.label.to_string(),
        RowKind::Gap if row.repeats > 1 => format!("no span covers these {}", row.repeats),
        RowKind::Gap => "no span covers this".to_owned(),
    };
    let target = links.here.with("span", row.key);
    html! {
        @if row.kind == RowKind::Gap || row.kind == RowKind::More {
            span.what title=(told(row)) { (text) }
        } @else {
            a.what href=(target) title=(told(row)) data-row data-keep { (text) }
        }
    }
}

fn told(row: &Row) -> String {
    let mut text =
        format!("{} · begins after {}", row.class.label(), format::duration(row.offset_ns));
    match row.kind {
        RowKind::Gap if row.class == Class::Own => {
            text =
                "Time in which no span of the trace ran: work without instrumentation, or waiting"
                    .to_owned();
        }
        RowKind::Fold => {
            text += &format!(
                " · {}",
                format::plural(row.spans.max(row.repeats) as f64, "span", "spans")
            )
        }
        _ if row.self_ns < row.total_ns => {
            text += &format!(" · own work {}", format::duration(row.self_ns))
        }
        _ => {}
    }
    if row.inferred {
        text += " · its place was inferred from times";
    }
    text
}

fn lane(row: &Row, critical: bool) -> Markup {
    let whole =
        (row.bars.first().map_or(0.0, |bar| bar.0), row.bars.last().map_or(0.0, |bar| bar.1));
    let class = format!("c-{}", row.class.slug());
    let marked = critical && row.critical && whole.1 - whole.0 >= OUTLINE_MIN;
    html! {
        svg.lane width="100%" height="24" aria-hidden="true" {
            @match row.kind {
                RowKind::Gap => @for (from, to) in &row.bars {
                    @if row.class != Class::Own { (bar((*from, *to), "6", "12", &format!("{class} ghost"), None)) }
                    (bar((*from, *to), "6", "12", "gap-bar", Some("url(#hatch)"))) },
                _ if row.moment => circle.moment cx=(percent(whole.0)) cy="12" r="3.5" {},
                RowKind::Span => (bar(whole, "6", "12", &outlined(&class, marked), None)),
                RowKind::Fold | RowKind::More => {
                    (bar(whole, "6", "12", &format!("{class} ghost"), None))
                    @for (from, to) in &row.bars {
                        (bar((*from, *to), "6", "12", &outlined(&class, marked && to - from >= OUTLINE_MIN), None))
                    }
                }
            }
        }
    }
}

fn outlined(class: &str, marked: bool) -> String {
    if marked { format!("{class} crit") } else { class.to_owned() }
}

fn bar((from, to): (f64, f64), y: &str, height: &str, class: &str, fill: Option<&str>) -> Markup {
    let from = from.min(1.0 - WIDTH_MIN);
    let width = (to - from).max(WIDTH_MIN);
    html! { rect class=(class) x=(percent(from)) y=(y) width=(percent(width)) height=(height) fill=[fill] {} }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use hotspan_model::SpanId;

    use super::*;

    fn row(kind: RowKind, depth: usize, label: &str) -> Row {
        Row {
            kind,
            depth,
            key: SpanId([7; 8]),
            label: Arc::from(label),
            service: Arc::from("shop"),
            class: Class::CredentialLookup,
            bars: vec![(0.1, 0.2), (0.25, 0.3)],
            offset_ns: 1_000_000,
            total_ns: 1_240_000,
            self_ns: 1_240_000,
            share: 0.35,
            repeats: 365,
            spans: 1_095,
            members: Vec::new(),
            opening: Opening::Closed,
            offender: true,
            critical: true,
            error: false,
            moment: false,
            inferred: false,
        }
    }

    #[test]
    fn a_folded_run() {
        let drawn = Waterfall {
            rows: vec![row(RowKind::Fold, 0, "AWS credential lookup")],
            range_ns: 4_000_000,
            ticks: vec![(0.0, 0), (0.5, 2_000_000), (1.0, 4_000_000)],
            ..Waterfall::default()
        };
        let here = Address::new("/traces/ab");
        let links = WaterfallLinks { here: &here, choosing: true, critical: true };
        expect![[r#"
            <div class="wf path">
            <div class="wf-head">
            <span>Span</span>
            <svg class="lane" width="100%" height="18" aria-hidden="true">
            <text class="tick" x="0.00%" dx="4" y="13">0</text>
            <text class="tick" x="50.00%" dx="4" y="13">2 ms</text>
            </svg>
            <span class="num">Time</span>
            <span class="num">Share</span>
            </div>
            <div class="wf-body">
            <div class="wf-grid" aria-hidden="true">
            <svg width="100%" height="100%">
            <line x1="0.00%" x2="0.00%" y1="0" y2="100%">
            </line>
            <line x1="50.00%" x2="50.00%" y1="0" y2="100%">
            </line>
            </svg>
            </div>
            <ol class="wf-rows">
            <li class="row offender">
            <span class="name d0">
            <a class="opener" href="/traces/ab?open=0707070707070707" data-keep aria-label="Show the 1 095 spans">▸</a>
            <a class="what" href="/traces/ab?span=0707070707070707" title="credentials · begins after 1.00 ms · 1 095 spans" data-row data-keep>365× AWS credential lookup</a>
            <span class="mark-offender" title="named by an issue">●</span>
            </span>
            <svg class="lane" width="100%" height="24" aria-hidden="true">
            <rect class="c-credential_lookup ghost" x="10.00%" y="6" width="20.00%" height="12">
            </rect>
            <rect class="c-credential_lookup crit" x="10.00%" y="6" width="10.00%" height="12">
            </rect>
            <rect class="c-credential_lookup crit" x="25.00%" y="6" width="5.00%" height="12">
            </rect>
            </svg>
            <span class="num time">1.24 ms</span>
            <span class="num share">35%</span>
            </li>
            </ol>
            </div>
            </div>"#]].assert_eq(&crate::parts::lines(&waterfall(&drawn, links)));
    }

    #[test]
    fn names_are_escaped() {
        let here = Address::new("/traces/ab");
        let links = WaterfallLinks { here: &here, choosing: true, critical: false };
        let drawn = one(&row(RowKind::Span, 99, "<script>alert(1)</script>"), None, false, links)
            .into_string();
        assert!(drawn.contains("&lt;script&gt;") && !drawn.contains("<script>"), "{drawn}");
    }

    #[test]
    fn opening_twice_lists_once() {
        let here = Address::new("/traces/ab").with("open", "0102030405060708");
        let row = row(RowKind::Fold, 0, "x");
        let twice = opened(&opened(&here, &row, true), &row, true);
        assert_eq!(twice.get("open"), Some("0102030405060708,0707070707070707"));
        assert_eq!(opened(&twice, &row, false), here);
    }
}
