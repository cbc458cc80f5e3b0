//! Waterfall and flame layouts, on small made-up traces and on random ones.

use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_analysis::flame::{self, BoxKind, Flame};
use hotspan_analysis::waterfall::{
    FoldKey, HiddenTime, Opening, Piece, RowKind, Waterfall, WaterfallOptions, layout_pieces,
};
use hotspan_model::calltree::CallNode;
use hotspan_model::{CallTree, Class, SpanId};
use proptest::prelude::*;

const MS: i64 = 1_000_000;

fn id(number: usize) -> SpanId {
    SpanId((number as u64 + 1).to_be_bytes())
}

fn piece(number: usize, parent: Option<usize>, name: &str, from_ms: i64, to_ms: i64) -> Piece {
    let (class, fold) = match name.split_once(' ') {
        Some(("SELECT", _)) => (Class::Database, FoldKey::Name(Arc::from(name))),
        Some(("LOOKUP", _)) => (Class::CredentialLookup, FoldKey::Lookup(Arc::from("aws-imds"))),
        _ => (Class::Own, FoldKey::Name(Arc::from(name))),
    };
    Piece {
        span_id: id(number),
        parent,
        inferred: false,
        start: from_ms * MS,
        end: to_ms * MS,
        label: Arc::from(name),
        run_label: Arc::from(
            name.strip_prefix("LOOKUP ").map_or(name, |_| "AWS credential lookup"),
        ),
        service: Arc::from("shop"),
        class,
        counts: !name.starts_with("LOOKUP") || name == "LOOKUP credentials",
        fold,
        error: false,
        moment: false,
        offender: name.starts_with("LOOKUP"),
        critical: false,
    }
}

/// A request with `lookups` triplets, a query after every second one, and an
/// unexplained rest.
fn incident(lookups: usize) -> Vec<Piece> {
    let mut pieces = vec![
        piece(0, None, "POST /reports", 0, 1_000),
        piece(1, Some(0), "ReportsController#create", 0, 990),
    ];
    for lookup in 0..lookups {
        let at = lookup as i64 * 10;
        for (step, name) in ["token", "list", "credentials"].into_iter().enumerate() {
            let from = at + step as i64;
            let name = format!("LOOKUP {name}");
            pieces.push(piece(pieces.len(), Some(1), &name, from, from + 1));
        }
        if lookup % 2 == 0 {
            let name = "SELECT report_files";
            pieces.push(piece(pieces.len(), Some(1), name, at + 4, at + 5));
        }
    }
    pieces
}

fn text(waterfall: &Waterfall) -> String {
    let line = |row: &hotspan_analysis::waterfall::Row| {
        let sign = match (row.kind, row.opening) {
            (RowKind::Gap, _) => '░',
            (RowKind::More, _) => '…',
            (_, Opening::Closed) => '▸',
            (_, Opening::Open) => '▾',
            (_, Opening::Leaf) => '·',
        };
        let (from, to) = (row.bars[0].0, row.bars[row.bars.len() - 1].1);
        format!(
            "{}{sign} {}×{} {:.0} ms {:.0}% [{from:.2}..{to:.2} in {}]{}\n",
            "  ".repeat(row.depth),
            row.repeats,
            row.label,
            row.total_ns as f64 / MS as f64,
            row.share * 100.0,
            row.bars.len(),
            if row.offender { " offender" } else { "" },
        )
    };
    let rows: String = waterfall.rows.iter().map(line).collect();
    format!("{rows}uncovered {} ms of {} spans\n", waterfall.uncovered_ns / MS, waterfall.spans)
}

/// The waterfall of a trace drawn in the notation, through the whole analysis.
fn check_trace(notation: &str, expected: Expect) {
    let spans = hotspan_testkit::notation::parse(notation);
    let view = hotspan_analysis::trace_view(&Arc::from("default"), &spans);
    let waterfall = hotspan_analysis::waterfall::layout(&view, &WaterfallOptions::default());
    expected.assert_eq(&text(&waterfall));
}

#[test]
fn the_incident_as_a_person_reads_it() {
    check_trace(
        "
        trace 1 style=sentry sdk=sentry.ruby/5.3.0 service=shop
        server POST /reports 0..3912
          internal process_action 10..3900
            repeat ×365 every 10.5
              PUT http://169.254.169.254/latest/api/token 20+1.24
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 21.3+1.24
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app 22.6+1.24
              SELECT * FROM images WHERE id = 7 24+2
        ",
        expect![[r#"
            ▾ 1×POST /reports 3912 ms 100% [0.00..1.00 in 1]
              ▾ 1×process_action 3890 ms 99% [0.00..1.00 in 1]
                ▸ 365×AWS credential lookup 1358 ms 35% [0.01..0.98 in 365] offender
                ▸ 365×SELECT images 730 ms 19% [0.01..0.98 in 365] offender
            uncovered 0 ms of 1462 spans
        "#]],
    );
}

#[test]
fn calls_that_left_no_span_are_drawn_where_they_were() {
    check_trace(
        "
        trace 1 style=sentry sdk=sentry.ruby/5.3.0 service=shop
        server POST /reports 0..2200
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2040+2
          GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app 2043+2
        ",
        expect![[r#"
            ▾ 1×POST /reports 2200 ms 100% [0.00..1.00 in 1]
              ░ 1×PUT /latest/api/token (no span: timed out) 2000 ms 91% [0.02..0.93 in 1] offender
              · 1×GET 169.254.169.254/latest/meta-data/iam/security-credentials 2 ms 0% [0.93..0.93 in 1]
              · 1×GET 169.254.169.254/latest/meta-data/iam/security-credentials/{role} 2 ms 0% [0.93..0.93 in 1]
              ░ 1×POST /reports 155 ms 7% [0.93..1.00 in 1]
            uncovered 155 ms of 3 spans
        "#]],
    );
}

fn check(pieces: &[Piece], hidden: &[HiddenTime], options: &WaterfallOptions, expected: Expect) {
    expected.assert_eq(&text(&layout_pieces(pieces, hidden, options)));
}

#[test]
fn repeats_fold_into_one_row() {
    check(
        &incident(60),
        &[],
        &WaterfallOptions::default(),
        expect![[r#"
        ▾ 1×POST /reports 1000 ms 100% [0.00..1.00 in 1]
          ▾ 1×ReportsController#create 990 ms 99% [0.00..0.99 in 1]
            ▸ 60×AWS credential lookup 180 ms 18% [0.00..0.59 in 60] offender
            ▸ 30×SELECT report_files 30 ms 3% [0.00..0.58 in 30]
            ░ 1×ReportsController#create 397 ms 40% [0.59..0.99 in 1]
        uncovered 397 ms of 212 spans
    "#]],
    );
}

#[test]
fn an_opened_run_lists_its_spans() {
    let pieces = incident(4);
    let options = WaterfallOptions { open: [id(2)].into(), ..WaterfallOptions::default() };
    check(
        &pieces,
        &[],
        &options,
        expect![[r#"
        ▾ 1×POST /reports 1000 ms 100% [0.00..1.00 in 1]
          ▾ 1×ReportsController#create 990 ms 99% [0.00..0.99 in 1]
            ▾ 4×AWS credential lookup 12 ms 1% [0.00..0.03 in 4] offender
              · 1×LOOKUP token 1 ms 0% [0.00..0.00 in 1] offender
              · 1×LOOKUP list 1 ms 0% [0.00..0.00 in 1] offender
              · 1×LOOKUP credentials 1 ms 0% [0.00..0.00 in 1] offender
              · 1×LOOKUP token 1 ms 0% [0.01..0.01 in 1] offender
              · 1×LOOKUP list 1 ms 0% [0.01..0.01 in 1] offender
              · 1×LOOKUP credentials 1 ms 0% [0.01..0.01 in 1] offender
              · 1×LOOKUP token 1 ms 0% [0.02..0.02 in 1] offender
              · 1×LOOKUP list 1 ms 0% [0.02..0.02 in 1] offender
              · 1×LOOKUP credentials 1 ms 0% [0.02..0.02 in 1] offender
              · 1×LOOKUP token 1 ms 0% [0.03..0.03 in 1] offender
              · 1×LOOKUP list 1 ms 0% [0.03..0.03 in 1] offender
              · 1×LOOKUP credentials 1 ms 0% [0.03..0.03 in 1] offender
            · 1×SELECT report_files 1 ms 0% [0.00..0.01 in 1]
            · 1×SELECT report_files 1 ms 0% [0.02..0.03 in 1]
            ░ 1×ReportsController#create 957 ms 96% [0.03..0.99 in 1]
        uncovered 957 ms of 16 spans
    "#]],
    );
}

#[test]
fn lookups_inside_repeats_are_one_row() {
    let mut pieces = vec![piece(0, None, "POST /reports", 0, 1_000)];
    for upload in 0..6 {
        let from = upload * 100;
        let parent = pieces.len();
        pieces.push(piece(parent, Some(0), "S3.PutObject", from, from + 90));
        for (step, name) in ["LOOKUP token", "LOOKUP credentials"].into_iter().enumerate() {
            let from = from + 10 * step as i64;
            pieces.push(piece(pieces.len(), Some(parent), name, from, from + 10));
        }
    }
    check(
        &pieces,
        &[],
        &WaterfallOptions::default(),
        expect![[r#"
        ▾ 1×POST /reports 1000 ms 100% [0.00..1.00 in 1]
          ▸ 6×S3.PutObject 540 ms 54% [0.00..0.59 in 6]
            ▸ 6×AWS credential lookup 120 ms 12% [0.00..0.52 in 6] offender
          ░ 1×POST /reports 410 ms 41% [0.59..1.00 in 1]
        uncovered 410 ms of 19 spans
    "#]],
    );
}

#[test]
fn a_small_budget_keeps_the_longest_and_counts_the_rest() {
    let options = WaterfallOptions { fold: false, rows_max: 8, ..WaterfallOptions::default() };
    check(
        &incident(20),
        &[],
        &options,
        expect![[r#"
            ▾ 1×POST /reports 1000 ms 100% [0.00..1.00 in 1]
              ▾ 1×ReportsController#create 990 ms 99% [0.00..0.99 in 1]
                · 1×LOOKUP token 1 ms 0% [0.00..0.00 in 1] offender
                · 1×LOOKUP list 1 ms 0% [0.00..0.00 in 1] offender
                · 1×LOOKUP credentials 1 ms 0% [0.00..0.00 in 1] offender
                · 1×LOOKUP token 1 ms 0% [0.01..0.01 in 1] offender
                · 1×LOOKUP list 1 ms 0% [0.01..0.01 in 1] offender
                … 65×SELECT report_files 65 ms 6% [0.00..0.19 in 29] offender
            uncovered 0 ms of 72 spans
        "#]],
    );
}

#[test]
fn hidden_calls_are_gaps_with_a_name() {
    let pieces = [
        piece(0, None, "POST /reports", 0, 3_000),
        piece(1, Some(0), "LOOKUP credentials", 2_010, 2_020),
    ];
    let hidden = [HiddenTime {
        parent: 0,
        start: 0,
        end: 2_000 * MS,
        class: Class::CredentialLookup,
        label: Arc::from("PUT token"),
    }];
    check(
        &pieces,
        &hidden,
        &WaterfallOptions::default(),
        expect![[r#"
        ▾ 1×POST /reports 3000 ms 100% [0.00..1.00 in 1]
          ░ 1×PUT token 2000 ms 67% [0.00..0.67 in 1] offender
          · 1×LOOKUP credentials 10 ms 0% [0.67..0.67 in 1] offender
          ░ 1×POST /reports 980 ms 33% [0.67..1.00 in 1]
        uncovered 980 ms of 2 spans
    "#]],
    );
}

#[test]
fn the_chosen_span_is_found_inside_a_run() {
    let options = WaterfallOptions { chosen: Some(id(9)), ..WaterfallOptions::default() };
    let waterfall = layout_pieces(&incident(60), &[], &options);
    let row = &waterfall.rows[waterfall.chosen.expect("some row shows it")];
    assert_eq!((row.kind, row.repeats), (RowKind::Fold, 60));
}

#[test]
fn one_branch_alone() {
    let options = WaterfallOptions { within: Some(id(1)), ..WaterfallOptions::default() };
    let waterfall = layout_pieces(&incident(60), &[], &options);
    assert_eq!(&*waterfall.rows[0].label, "ReportsController#create");
    assert_eq!((waterfall.rows[0].depth, waterfall.rows[0].share), (0, 1.0));
}

#[test]
fn flame_chart_joins_narrow_neighbours() {
    let flame = flame::layout_pieces(&incident(60));
    let drawn: f64 = flame.boxes.iter().map(|drawn| drawn.count).sum();
    assert_eq!(drawn as usize + flame.undrawn, incident(60).len());
    let lines: Vec<usize> = flame.boxes.iter().map(|drawn| drawn.depth).take(4).collect();
    assert_eq!((flame.lines, lines), (3, vec![0, 1, 2, 2]));
}

#[test]
fn icicle_is_as_wide_as_its_time() {
    let node = |class, total_ns: i64, self_ns: i64, count: i64| CallNode {
        count: count * 1_000,
        requests: 10_000,
        total_ns,
        self_ns,
        ..CallNode::new(class)
    };
    let mut root = node(Class::Own, 1_000 * MS, 450 * MS, 10);
    for (name, child) in [
        ("PUT /latest/api/token", node(Class::CredentialLookup, 200 * MS, 200 * MS, 3_650)),
        ("GET /latest/meta-data", node(Class::CredentialLookup, 150 * MS, 150 * MS, 3_640)),
        ("SELECT files", node(Class::Database, 199 * MS, 199 * MS, 10)),
        ("GET /tiny", node(Class::Http, MS, MS, 10)),
    ] {
        root.children.insert(Arc::from(name), child);
    }
    let tree = CallTree { roots: [(Arc::from("POST /reports"), root)].into() };
    expect![[r#"
        POST /reports [0.000..1.000] ×1
          credential lookups [0.000..0.350] ×365
          SELECT files [0.350..0.549] ×1
          (self) [0.549..0.999] ×1
            PUT /latest/api/token [0.000..0.200] ×365
            GET /latest/meta-data [0.200..0.350] ×364
        10 requests, 1 undrawn
    "#]]
    .assert_eq(&flame_text(&flame::layout_tree(&tree)));
}

fn flame_text(flame: &Flame) -> String {
    let line = |drawn: &flame::FlameBox| {
        let name = match drawn.kind {
            BoxKind::Spans => &*drawn.name,
            BoxKind::SelfTime => "(self)",
            BoxKind::Small => "(small)",
        };
        format!(
            "{}{name} [{:.3}..{:.3}] ×{}\n",
            "  ".repeat(drawn.depth),
            drawn.x0,
            drawn.x1,
            drawn.count_per_request
        )
    };
    let boxes: String = flame.boxes.iter().map(line).collect();
    format!("{boxes}{} requests, {} undrawn\n", flame.requests, flame.undrawn)
}

/// Traces with any parents (cycles, dangling, self), times and names.
fn any_trace() -> impl Strategy<Value = Vec<Piece>> {
    let span = (prop::option::of(0usize..60), 0i64..1_000, -5i64..200, 0usize..4);
    prop::collection::vec(span, 0..60).prop_map(|spans| {
        let names = ["SELECT a", "LOOKUP credentials", "LOOKUP token", "work"];
        spans
            .into_iter()
            .enumerate()
            .map(|(number, (parent, start, length, name))| {
                piece(number, parent, names[name], start, start + length)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn waterfalls_stay_inside_and_count_every_span_once(
        pieces in any_trace(),
        fold in any::<bool>(),
        rows_max in 1usize..40,
        open in prop::collection::btree_set(0usize..60, 0..4),
        chosen in prop::option::of(0usize..60),
    ) {
        let options = WaterfallOptions {
            fold,
            rows_max,
            open: open.into_iter().map(id).collect(),
            chosen: chosen.map(id),
            within: None,
        };
        let hidden = [HiddenTime {
            parent: 3,
            start: 10 * MS,
            end: 40 * MS,
            class: Class::CredentialLookup,
            label: Arc::from("hidden"),
        }];
        let waterfall = layout_pieces(&pieces, &hidden, &options);
        prop_assert!(waterfall.rows.len() <= rows_max);
        let spans: usize = waterfall.rows.iter().map(|row| row.spans).sum();
        prop_assert_eq!(spans, pieces.len());
        prop_assert_eq!(waterfall.spans, pieces.len());
        let shown = chosen.is_some_and(|number| number < pieces.len());
        prop_assert_eq!(waterfall.chosen.is_some(), shown);
        for row in &waterfall.rows {
            prop_assert!((0.0..=1.0).contains(&row.share));
            prop_assert!(row.total_ns >= 0 && row.self_ns >= 0 && row.self_ns <= row.total_ns);
            let mut at = 0.0;
            for (from, to) in &row.bars {
                prop_assert!(at <= *from && from <= to && *to <= 1.0, "{:?}", row.bars);
                at = *to;
            }
        }
    }

    #[test]
    fn flames_stay_inside_and_never_overlap(pieces in any_trace()) {
        let flame = flame::layout_pieces(&pieces);
        let drawn: f64 = flame.boxes.iter().map(|drawn| drawn.count).sum();
        prop_assert_eq!(drawn as usize + flame.undrawn, pieces.len());
        for line in 0..flame.lines {
            let mut boxes: Vec<(f64, f64)> = flame
                .boxes
                .iter()
                .filter(|drawn| drawn.depth == line)
                .map(|drawn| (drawn.x0, drawn.x1))
                .collect();
            boxes.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
            let mut at = 0.0;
            for (x0, x1) in boxes {
                prop_assert!(at <= x0 + 1e-9 && x0 <= x1 && x1 <= 1.0);
                at = x1;
            }
        }
    }
}

#[test]
fn a_deep_chain_and_a_wide_fan_are_laid_out() {
    let chain: Vec<Piece> = (0..100_000)
        .map(|number: usize| piece(number, number.checked_sub(1), "work", 0, 1_000))
        .collect();
    let fan: Vec<Piece> = (0..10_000)
        .map(|number| {
            let from = number as i64;
            piece(number, (number > 0).then_some(0), &format!("step {number}"), from, from + 1)
        })
        .collect();
    for pieces in [chain, fan] {
        let waterfall = layout_pieces(&pieces, &[], &WaterfallOptions::default());
        assert_eq!(waterfall.rows.len(), 2_000);
        assert_eq!(waterfall.rows.iter().map(|row| row.spans).sum::<usize>(), pieces.len());
        assert!(flame::layout_pieces(&pieces).lines <= 64);
    }
}
