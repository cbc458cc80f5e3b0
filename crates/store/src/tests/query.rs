//! What queries answer over memory and files together.

use super::{SPANS, tiny};
use crate::sample::{self, HOUR};
use crate::{EntryOrder, Filter, Store, StoreConfig, TimeWindow, WalPosition};

/// A store with requests 1 to 8, in files and in memory, and a copy of 7 that
/// came again later.
async fn filled(dir: &std::path::Path) -> Store {
    let opened = Store::open(tiny(dir)).await.expect("a new store");
    for (nth, number) in (1..=8).chain([7]).enumerate() {
        let position = WalPosition(nth as u64 + 1);
        let batch = sample::batch(number, SPANS);
        opened.store.apply_spans(position, &batch).await.expect("room");
    }
    opened.store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_by_id() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = filled(dir.path()).await;
    for number in 1..=8 {
        let trace = store.trace(sample::trace_id(number)).await.expect("readable");
        let expected = sample::batch(number, SPANS);
        let expected: Vec<_> =
            expected.spans.into_iter().map(|span| (expected.project.clone(), span)).collect();
        assert_eq!(trace.spans, expected, "request {number}");
        assert!(trace.complete);
    }
    let unknown = store.trace(sample::trace_id(99)).await.expect("readable");
    assert!(unknown.spans.is_empty() && unknown.complete);
}

/// Spans that share trace and span id but not their content are different.
#[tokio::test]
async fn copies_are_told_by_content_not_by_id() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(tiny(dir.path())).await.expect("a new store").store;
    let mut batch = sample::batch(1, 1);
    batch.spans = vec![batch.spans[0].clone(); 3];
    batch.spans[1].status_message = "another".to_owned();
    store.apply_spans(WalPosition(1), &batch).await.expect("room");
    batch.project = "other".into();
    store.apply_spans(WalPosition(2), &batch).await.expect("room");
    let trace = store.trace(sample::trace_id(1)).await.expect("readable");
    let mut projects: Vec<_> = trace.spans.iter().map(|(project, _)| &**project).collect();
    projects.sort_unstable();
    assert_eq!(projects, ["default", "default", "other", "other"]);
}

#[tokio::test]
async fn a_trace_beyond_the_limit_is_cut_and_says_so() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = StoreConfig { trace_spans_max: 5, ..tiny(dir.path()) };
    let store = Store::open(config).await.expect("a new store").store;
    store.apply_spans(WalPosition(1), &sample::batch(1, 20)).await.expect("room");
    let trace = store.trace(sample::trace_id(1)).await.expect("readable");
    assert_eq!((trace.spans.len(), trace.complete), (5, false));
}

/// Request n begins 20·n minutes after the hour and takes n + 1 seconds.
#[tokio::test(flavor = "multi_thread")]
async fn entry_spans_of_a_window() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = filled(dir.path()).await;
    let minute = 60_000_000_000;
    let after = |minutes: i64| HOUR.plus(minutes * minute);
    let everyone = Filter::default();
    let nobody = Filter { service: Some("elsewhere".to_owned()), project: None };
    let shop = Filter { service: Some("shop".to_owned()), project: Some("default".to_owned()) };
    for (window, filter, order, n, expected) in [
        ((0, 1_000), &everyone, EntryOrder::Newest, 3, &[8, 7, 6][..]),
        ((0, 1_000), &shop, EntryOrder::Slowest, 100, &[8, 7, 6, 5, 4, 3, 2, 1]),
        ((20, 80), &everyone, EntryOrder::Slowest, 10, &[3, 2, 1]),
        ((0, 1_000), &nobody, EntryOrder::Newest, 3, &[]),
        ((80, 20), &everyone, EntryOrder::Newest, 3, &[]),
    ] {
        let window = TimeWindow { from: after(window.0), to: after(window.1) };
        let spans = store.entry_spans(window, filter, order, n).await.expect("readable");
        let names: Vec<_> = spans.iter().map(|(_, span)| span.name.clone()).collect();
        let expected: Vec<_> = expected.iter().map(|n| format!("request {n} span 0")).collect();
        assert_eq!(names, expected, "{window:?} {order:?}");
    }
}
