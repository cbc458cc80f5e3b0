//! Two call trees of an endpoint side by side: the figures and the drawing.

use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_analysis::flame::{BoxKind, Side, layout_diff};
use hotspan_analysis::profile_diff;
use hotspan_model::calltree::CallNode;
use hotspan_model::{CallTree, Class};

const MS: i64 = 1_000_000;

/// A tree of so many requests: paths by depth, name, calls and milliseconds a
/// request; what a path has beyond its children is its own.
fn tree(requests: i64, lines: &[(usize, &str, i64, i64)]) -> CallTree {
    let mut open: Vec<(Arc<str>, CallNode)> = Vec::new();
    let mut tree = CallTree::default();
    let close = |open: &mut Vec<(Arc<str>, CallNode)>, tree: &mut CallTree| {
        let Some((name, node)) = open.pop() else { return };
        match open.last_mut() {
            Some((_, above)) => {
                above.self_ns = (above.self_ns - node.total_ns).max(0);
                above.children.insert(name, node);
            }
            None => {
                tree.roots.insert(name, node);
            }
        }
    };
    for (depth, name, calls, ms) in lines {
        while open.len() > *depth {
            close(&mut open, &mut tree);
        }
        let mut node = CallNode::new(if *depth == 0 { Class::Own } else { Class::Database });
        node.requests = requests * 1_000;
        node.count = requests * calls * 1_000;
        node.total_ns = requests * ms * MS;
        node.self_ns = node.total_ns;
        open.push((Arc::from(*name), node));
    }
    while !open.is_empty() {
        close(&mut open, &mut tree);
    }
    tree
}

fn before() -> CallTree {
    tree(
        100,
        &[
            (0, "GET /orders", 1, 100),
            (1, "load", 1, 60),
            (2, "SELECT orders", 1, 40),
            (1, "SELECT users", 1, 20),
        ],
    )
}

fn after() -> CallTree {
    tree(
        50,
        &[
            (0, "GET /orders", 1, 200),
            (1, "load", 1, 160),
            (2, "SELECT items", 12, 96),
            (2, "SELECT orders", 1, 44),
            (1, "GET prices", 1, 10),
        ],
    )
}

/// The paths whose own time changed, for one request.
fn check_changes(before: &CallTree, after: &CallTree, expected: Expect) {
    let diff = profile_diff(before, after);
    let mut text = format!("{} → {} requests\n", diff.requests_before, diff.requests_after);
    for change in diff.changes(20) {
        let ms = |nanos: f64| nanos / 1e6;
        let (one, other) = (change.diff.before, change.diff.after);
        text += &format!(
            "{}: {:?}, own {:+.1} ms, total {:.1} → {:.1} ms, {} → {} calls\n",
            change.path.join(" > "),
            change.diff.presence,
            ms(change.diff.self_shift_ns()),
            ms(one.total_ns),
            ms(other.total_ns),
            one.calls,
            other.calls,
        );
    }
    expected.assert_eq(&text);
}

#[test]
fn paths_are_compared_for_one_request() {
    check_changes(
        &before(),
        &after(),
        expect![[r#"
        100 → 50 requests
        GET /orders > load > SELECT items: New, own +96.0 ms, total 0.0 → 96.0 ms, 0 → 12 calls
        GET /orders > SELECT users: Gone, own -20.0 ms, total 20.0 → 0.0 ms, 1 → 0 calls
        GET /orders: Both, own +10.0 ms, total 100.0 → 200.0 ms, 1 → 1 calls
        GET /orders > GET prices: New, own +10.0 ms, total 0.0 → 10.0 ms, 0 → 1 calls
        GET /orders > load > SELECT orders: Both, own +4.0 ms, total 40.0 → 44.0 ms, 1 → 1 calls
    "#]],
    );
    check_changes(
        &before(),
        &before(),
        expect![[r#"
        100 → 100 requests
    "#]],
    );
    check_changes(
        &CallTree::default(),
        &after(),
        expect![[r#"
        0 → 50 requests
        GET /orders > load > SELECT items: New, own +96.0 ms, total 0.0 → 96.0 ms, 0 → 12 calls
        GET /orders > load > SELECT orders: New, own +44.0 ms, total 0.0 → 44.0 ms, 0 → 1 calls
        GET /orders: New, own +30.0 ms, total 0.0 → 200.0 ms, 0 → 1 calls
        GET /orders > load: New, own +20.0 ms, total 0.0 → 160.0 ms, 0 → 1 calls
        GET /orders > GET prices: New, own +10.0 ms, total 0.0 → 10.0 ms, 0 → 1 calls
    "#]],
    );
}

#[test]
fn what_was_folded_away_is_neither_new_nor_gone() {
    let folded = tree(10, &[(0, "GET /", 1, 50), (1, "(other)", 3, 20), (1, "a", 1, 10)]);
    let whole = tree(10, &[(0, "GET /", 1, 50), (1, "a", 1, 10), (1, "b", 3, 20)]);
    check_changes(
        &folded,
        &whole,
        expect![[r#"
        10 → 10 requests
        GET / > (other): Unsure, own -20.0 ms, total 20.0 → 0.0 ms, 3 → 0 calls
        GET / > b: Unsure, own +20.0 ms, total 0.0 → 20.0 ms, 0 → 3 calls
    "#]],
    );
}

#[test]
fn an_endpoint_that_was_renamed() {
    let old = tree(10, &[(0, "GET /v1/orders", 1, 50), (1, "SELECT orders", 1, 10)]);
    let new = tree(10, &[(0, "GET /v2/orders", 1, 40), (1, "SELECT orders", 1, 10)]);
    check_changes(
        &old,
        &new,
        expect![[r#"
        10 → 10 requests
        GET /v2/orders: Both, own -10.0 ms, total 50.0 → 40.0 ms, 1 → 1 calls
    "#]],
    );
}

#[test]
fn own_times_add_up_to_the_whole() {
    let diff = profile_diff(&before(), &after());
    let own: f64 = diff.changes(100).iter().map(|change| change.diff.self_shift_ns()).sum();
    let whole: f64 = diff.roots.iter().map(|root| root.total_shift_ns()).sum();
    assert!((own - whole).abs() < 1.0, "{own} {whole}");
}

fn check_drawn(side: Side, expected: Expect) {
    let flame = layout_diff(&profile_diff(&before(), &after()), side);
    let mut text =
        format!("1 = {} ms, heat 1 = {} ms\n", flame.range_ns / 1e6, flame.heat_ns / 1e6);
    for drawn in &flame.boxes {
        let name = match drawn.kind {
            BoxKind::Spans => drawn.name.to_string(),
            BoxKind::SelfTime => format!("(own) {}", drawn.name),
            BoxKind::Small => "(small)".to_owned(),
        };
        let indent = "  ".repeat(drawn.depth);
        text += &format!("{indent}{name} [{:.3}..{:.3}] {:+.2}\n", drawn.x0, drawn.x1, drawn.heat);
        assert!(drawn.x0 <= drawn.x1 && drawn.x1 <= 1.0 + 1e-9);
    }
    expected.assert_eq(&text);
}

#[test]
fn one_side_is_as_wide_as_the_other_allows() {
    check_drawn(
        Side::After,
        expect![[r#"
        1 = 200 ms, heat 1 = 96 ms
        GET /orders [0.000..1.000] +0.00
          load [0.000..0.800] +0.00
          GET prices [0.800..0.850] +0.10
          (own) GET /orders [0.850..1.000] +0.10
            SELECT items [0.000..0.480] +1.00
            SELECT orders [0.480..0.700] +0.04
            (own) load [0.700..0.800] +0.00
    "#]],
    );
    check_drawn(
        Side::Before,
        expect![[r#"
        1 = 200 ms, heat 1 = 96 ms
        GET /orders [0.000..0.500] +0.00
          load [0.000..0.300] +0.00
          SELECT users [0.300..0.400] -0.21
          (own) GET /orders [0.400..0.500] +0.10
            SELECT orders [0.000..0.200] +0.04
            (own) load [0.200..0.300] +0.00
    "#]],
    );
}

#[test]
fn nothing_to_draw() {
    let nothing = profile_diff(&CallTree::default(), &CallTree::default());
    assert_eq!(layout_diff(&nothing, Side::After).boxes, []);
}
