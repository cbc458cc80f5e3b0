//! Fixes that worked, half worked, did nothing, or cannot be told yet.

use expect_test::{Expect, expect};

use super::*;

/// Minutes of an endpoint's requests: in each, `requests` of `millis`, of which
/// a part `affected` loses `lost` milliseconds on top. `noise` moves durations
/// from minute to minute, up to this part either way.
#[derive(Debug, Clone, Copy)]
struct Load {
    minutes: i64,
    requests: u64,
    millis: i64,
    affected: f64,
    lost: i64,
    noise: f64,
}

const STEADY: Load =
    Load { minutes: 60, requests: 20, millis: 65, affected: 1.0, lost: 35, noise: 0.02 };
const CLEAN: Load = Load { minutes: 10, affected: 0.0, ..STEADY };
const NONE: Load = Load { minutes: 0, ..CLEAN };

fn series(start: i64, loads: &[Load]) -> Vec<MinuteFigures> {
    let loads = loads.iter().flat_map(|load| std::iter::repeat_n(load, load.minutes as usize));
    let filled = (start..).zip(loads).filter(|(_, load)| load.requests > 0);
    filled.map(|(minute, load)| minute_of(minute, load)).collect()
}

fn minute_of(minute: i64, load: &Load) -> MinuteFigures {
    // A wave that is the same every time stands for the noise of real loads.
    let wave = ((minute * 37 % 23) as f64 / 11.0 - 1.0) * load.noise;
    let mut figures = MinuteFigures { minute, ..MinuteFigures::default() };
    for request in 0..load.requests {
        let number = minute as u64 * load.requests + request;
        let affected = (number as f64 * 0.618_033_988_75).fract() < load.affected;
        let lost = if affected { load.lost * 1_000_000 } else { 0 };
        let spread = 1.0 + wave + (request % 5) as f64 * 0.01;
        let wall = (load.millis as f64 * 1e6 * spread) as i64 + lost;
        figures.samples += 1;
        figures.samples_affected += u64::from(affected);
        figures.requests += 1.0;
        figures.wall_ns += wall;
        figures.lost_ns += lost;
        figures.sketch.add(wall, 1.0);
    }
    figures
}

fn told(judgement: &Judgement) -> String {
    let Comparison { before, after, share_after_max, latency, confidence, .. } =
        judgement.comparison;
    let verdict = match judgement.verdict {
        Verdict::Verified => "verified".to_owned(),
        Verdict::NotFixed => "not fixed".to_owned(),
        Verdict::NotYet(needs) => format!(
            "not yet: {} requests, {} minutes{}",
            needs.requests,
            needs.minutes,
            if needs.before { ", a before" } else { "" }
        ),
    };
    format!(
        "{verdict}; {:.1}% -> {:.1}% (below {:.1}%), p95 {} -> {} ms {}, {:.1}% sure by {} requests in {} minutes",
        before.share * 100.0,
        after.share * 100.0,
        share_after_max * 100.0,
        before.p95_ns / 1_000_000,
        after.p95_ns / 1_000_000,
        latency.slug(),
        confidence * 100.0,
        after.samples,
        after.minutes,
    )
}

fn check(before: &[Load], after: &[Load], expected: Expect) {
    let before = series(1_000, before);
    expected.assert_eq(&told(&judge(&before, &series(5_000, after))));
}

#[test]
fn a_clear_fix() {
    check(
        &[STEADY],
        &[CLEAN],
        expect![[
            "verified; 34.5% -> 0.0% (below 0.0%), p95 104 -> 68 ms faster, 99.9% sure by 200 requests in 10 minutes"
        ]],
    );
}

#[test]
fn a_fix_after_the_deploy_rolled_out() {
    check(
        &[STEADY],
        &[Load { minutes: 4, ..STEADY }, CLEAN],
        expect![[
            "verified; 34.5% -> 0.0% (below 0.0%), p95 104 -> 68 ms faster, 99.9% sure by 200 requests in 10 minutes"
        ]],
    );
}

#[test]
fn a_shared_provider_still_looks_up_once_in_a_while() {
    let rarely = Load { minutes: 60, affected: 0.004, ..STEADY };
    check(
        &[STEADY],
        &[rarely],
        expect![[
            "verified; 34.5% -> 0.2% (below 0.3%), p95 104 -> 68 ms faster, 99.9% sure by 1080 requests in 54 minutes"
        ]],
    );
}

#[test]
fn a_partial_fix_is_not_fixed() {
    let partial = Load { minutes: 30, lost: 16, ..STEADY };
    check(
        &[STEADY],
        &[partial],
        expect![[
            "not fixed; 34.5% -> 19.4% (below 19.5%), p95 104 -> 83 ms faster, 99.9% sure by 600 requests in 30 minutes"
        ]],
    );
}

#[test]
fn nothing_changed() {
    check(
        &[STEADY],
        &[Load { minutes: 15, ..STEADY }],
        expect![[
            "not fixed; 34.5% -> 34.6% (below 34.7%), p95 104 -> 104 ms same, 99.9% sure by 300 requests in 15 minutes"
        ]],
    );
}

#[test]
fn nothing_changed_on_a_noisy_endpoint() {
    let noisy = Load { affected: 0.3, noise: 0.8, ..STEADY };
    check(
        &[noisy],
        &[Load { minutes: 20, ..noisy }],
        expect![[
            "not fixed; 13.5% -> 14.0% (below 16.5%), p95 137 -> 134 ms same, 99.9% sure by 400 requests in 20 minutes"
        ]],
    );
}

#[test]
fn no_traffic() {
    check(
        &[STEADY],
        &[NONE],
        expect![[
            "not yet: 30 requests, 5 minutes; 34.5% -> 0.0% (below 0.0%), p95 104 -> 0 ms same, 0.0% sure by 0 requests in 0 minutes"
        ]],
    );
}

#[test]
fn too_few_requests_and_minutes() {
    check(
        &[STEADY],
        &[Load { minutes: 3, requests: 4, ..CLEAN }],
        expect![[
            "not yet: 18 requests, 2 minutes; 34.5% -> 0.0% (below 0.0%), p95 104 -> 67 ms faster, 99.9% sure by 12 requests in 3 minutes"
        ]],
    );
}

#[test]
fn too_few_minutes_to_call_it_not_fixed() {
    check(
        &[STEADY],
        &[Load { minutes: 6, ..STEADY }],
        expect![
            "not yet: 30 requests, 5 minutes; 34.5% -> 34.5% (below 34.7%), p95 104 -> 102 ms same, 0.0% sure by 120 requests in 6 minutes"
        ],
    );
}

#[test]
fn a_rare_fault_takes_longer_to_miss() {
    let rare = Load { affected: 0.02, lost: 500, minutes: 120, requests: 10, ..STEADY };
    check(
        &[rare],
        &[Load { affected: 0.0, minutes: 12, ..rare }],
        expect![[
            "not yet: 199 requests, 17 minutes; 13.1% -> 0.0% (below 0.0%), p95 68 -> 68 ms same, 82.4% sure by 120 requests in 12 minutes"
        ]],
    );
    check(
        &[rare],
        &[Load { affected: 0.0, minutes: 40, ..rare }],
        expect![[
            "verified; 13.1% -> 0.0% (below 0.0%), p95 68 -> 68 ms same, 99.7% sure by 400 requests in 40 minutes"
        ]],
    );
}

/// Thousands of requests of other minutes say nothing about a nightly batch.
#[test]
fn a_fault_of_some_minutes_takes_many_minutes_to_miss() {
    let night = Load { minutes: 10, ..STEADY };
    let day = Load { minutes: 230, requests: 50, ..CLEAN };
    check(
        &[day, night],
        &[Load { minutes: 30, ..day }],
        expect![[
            "not yet: 0 requests, 152 minutes; 0.9% -> 0.0% (below 0.0%), p95 68 -> 68 ms same, 53.3% sure by 1500 requests in 30 minutes"
        ]],
    );
}

#[test]
fn latency_rose_while_the_share_went() {
    check(
        &[STEADY],
        &[Load { millis: 180, ..CLEAN }],
        expect![[
            "verified; 34.5% -> 0.0% (below 0.0%), p95 104 -> 188 ms slower, 99.9% sure by 200 requests in 10 minutes"
        ]],
    );
}

#[test]
fn nothing_to_compare_with() {
    check(
        &[NONE],
        &[CLEAN],
        expect![[
            "not yet: 0 requests, 0 minutes, a before; 0.0% -> 0.0% (below 0.0%), p95 0 -> 68 ms same, 0.0% sure by 200 requests in 10 minutes"
        ]],
    );
    check(
        &[Load { minutes: 60, ..CLEAN }],
        &[CLEAN],
        expect![[
            "not yet: 0 requests, 0 minutes, a before; 0.0% -> 0.0% (below 0.0%), p95 68 -> 68 ms same, 0.0% sure by 200 requests in 10 minutes"
        ]],
    );
}

#[test]
fn one_request_before() {
    check(
        &[Load { minutes: 1, requests: 1, ..STEADY }],
        &[CLEAN],
        expect![[
            "not yet: 0 requests, 5 minutes; 34.8% -> 0.0% (below 0.0%), p95 100 -> 68 ms faster, 95.7% sure by 200 requests in 10 minutes"
        ]],
    );
}

/// A share so small that a tenth of it is far below a finding.
#[test]
fn a_small_issue_must_shrink_too() {
    let small = Load { lost: 1, ..STEADY };
    check(
        &[small],
        &[Load { minutes: 30, affected: 0.5, ..small }],
        expect![[
            "not fixed; 1.5% -> 0.7% (below 0.8%), p95 68 -> 68 ms same, 99.9% sure by 600 requests in 30 minutes"
        ]],
    );
    check(
        &[small],
        &[Load { minutes: 30, affected: 0.0, ..small }],
        expect![[
            "verified; 1.5% -> 0.0% (below 0.0%), p95 68 -> 68 ms same, 99.9% sure by 600 requests in 30 minutes"
        ]],
    );
}

#[test]
fn returns() {
    let before = side(&series(1_000, &[STEADY]));
    let warm_up = Load { minutes: 1, requests: 2, ..STEADY };
    let back = |loads: &[Load]| returned(&before, &series(5_000, loads));
    for (name, loads, expected) in [
        ("clean", &[CLEAN][..], false),
        ("no traffic", &[NONE], false),
        ("one cold start", &[warm_up, CLEAN], false),
        ("too few minutes", &[Load { minutes: 4, ..STEADY }], false),
        ("back", &[Load { minutes: 5, ..STEADY }], true),
        ("back at a third of it", &[Load { minutes: 8, affected: 0.33, ..STEADY }], true),
        ("gone again", &[Load { minutes: 8, ..STEADY }, Load { minutes: 22, ..CLEAN }], false),
    ] {
        assert_eq!(back(loads).is_some(), expected, "{name}");
    }
    let back = back(&[Load { minutes: 30, ..STEADY }]).expect("back");
    assert!(back.confidence > 0.99 && back.after.share > 0.3, "{back:?}");
}

#[test]
fn chances() {
    for (frequency, draws) in [(1.0, 1), (0.5, 7), (0.1, 44), (0.01, 459), (0.0, 0)] {
        assert_eq!(without_chance(frequency), draws, "{frequency}");
    }
    // Wilson's lower bounds, one-sided, 95%.
    for (some, all, expected) in [(0, 0, 0.0), (1, 1, 0.27), (30, 30, 0.917), (10, 1_000, 0.006)] {
        assert!((at_least(some, all) - expected).abs() < 0.001, "{some} of {all}");
    }
}
