//! Endpoints that became slower, and what only looks like it.

use expect_test::expect;
use hotspan_model::Class;

use super::windows::{Draws, Request, Scenario, check_history, found, scenario};

/// A request of about 200 ms with a query.
fn usual(draws: &mut Draws) -> Request {
    let query = draws.around(40.0, 0.3);
    let calls = vec![("SELECT orders", Class::Database, query)];
    Request { own: draws.around(150.0, 0.4), calls, at_once: false }
}

#[test]
fn own_work_grows_with_a_release() {
    let request = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        request.own *= if minute >= 20 { 1.6 } else { 1.0 };
        request
    };
    check_history(
        &Scenario { deploys: vec![(-700, "1.7"), (20, "1.8")], ..scenario(&request) },
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 300 requests, 30.8% lost, slower_by_own_work (likely)
              Since release 1.8 went out (2026-11-23 12:20 UTC) requests take longer: p50 193 ms → 275 ms, p95 335 ms → 470 ms, over 300 requests. Most of it, +91 ms a request, is in no call: the service's own work, waiting for the processor or a lock, or calls that have no span. A profile of the process before and after would tell which; a larger share of requests with more data would look the same.
              76.3% of the requests are clearly slower than all but the slowest 50.0% were before
              10 → 10 requests a minute, before and after
              +91 ms a request not explained by calls: its own work
              +91 ms a request in all, on average
        "#]],
    );
}

#[test]
fn a_moment_that_nobody_announced() {
    let request = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        request.own *= if minute >= 35 { 1.7 } else { 1.0 };
        request
    };
    check_history(
        &scenario(&request),
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 250 requests, 35.4% lost, slower_by_own_work (likely)
              Since about 2026-11-23 12:35 UTC requests take longer: p50 193 ms → 298 ms, p95 335 ms → 550 ms, over 250 requests. Most of it, +112 ms a request, is in no call: the service's own work, waiting for the processor or a lock, or calls that have no span. A profile of the process before and after would tell which; a larger share of requests with more data would look the same.
              80.4% of the requests are clearly slower than all but the slowest 50.0% were before
              10 → 10 requests a minute, before and after
              +112 ms a request not explained by calls: its own work
              +112 ms a request in all, on average
        "#]],
    );
}

#[test]
fn two_calls_share_the_blame() {
    let request = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        let slower = if minute >= 0 { 60.0 } else { 0.0 };
        request.calls[0].2 += slower;
        request.calls.push(("GET prices/items", Class::Http, 30.0 + slower));
        request.calls.push(("GET stock/items", Class::Http, 30.0 + slower));
        request
    };
    check_history(
        &scenario(&request),
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 600 requests, 40.4% lost, slower_by_calls (likely)
              Since 2026-11-23 12:00 UTC at the latest requests take longer: p50 254 ms → 434 ms, p95 393 ms → 584 ms, over 600 requests. Most of it is in calls: SELECT orders (+60 ms a request), GET prices/items (+60 ms a request), GET stock/items (+60 ms a request). The service's own work changed by -576 µs a request.
              100.0% of the requests are clearly slower than all but the slowest 50.0% were before
              10 → 10 requests a minute, before and after
              +60 ms a request in SELECT orders: 1 → 1 calls of 42 ms → 102 ms
              +60 ms a request in GET prices/items: 1 → 1 calls of 30 ms → 90 ms
              +60 ms a request in GET stock/items: 1 → 1 calls of 30 ms → 90 ms
              -576 µs a request not explained by calls: its own work
              +179 ms a request in all, on average
        "#]],
    );
}

#[test]
fn only_the_slowest_got_slower() {
    let request = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        let slow = draws.even() < 0.15;
        request.own += if minute >= 10 && slow { 600.0 } else { 0.0 };
        request
    };
    check_history(
        &scenario(&request),
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 500 requests, 31.7% lost, slower_by_own_work (likely)
              Since about 2026-11-23 12:10 UTC requests take longer: p50 193 ms → 213 ms, p95 329 ms → 818 ms, over 500 requests. Most of it, +95 ms a request, is in no call: the service's own work, waiting for the processor or a lock, or calls that have no span. A profile of the process before and after would tell which; a larger share of requests with more data would look the same.
              17.4% of the requests are clearly slower than all but the slowest 5.0% were before
              10 → 10 requests a minute, before and after
              +95 ms a request not explained by calls: its own work
              +95 ms a request in all, on average
        "#]],
    );
}

#[test]
fn a_heavy_tail_that_moves_as_a_whole() {
    let request = |draws: &mut Draws, minute: i64| {
        Request::own(draws.heavy(100.0, 1.5) * if minute >= 0 { 1.5 } else { 1.0 })
    };
    check_history(
        &scenario(&request),
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 600 requests, 32.5% lost, slower_by_own_work (likely)
              Since 2026-11-23 12:00 UTC at the latest requests take longer: p50 161 ms → 244 ms, p95 741 ms → 1.1 s, over 600 requests. Most of it, +141 ms a request, is in no call: the service's own work, waiting for the processor or a lock, or calls that have no span. A profile of the process before and after would tell which; a larger share of requests with more data would look the same.
              74.5% of the requests are clearly slower than all but the slowest 50.0% were before
              10 → 10 requests a minute, before and after
              +141 ms a request not explained by calls: its own work
              +141 ms a request in all, on average
        "#]],
    );
}

#[test]
fn sampled_requests_of_a_young_service() {
    let request = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        request.own *= if minute >= 15 { 2.0 } else { 1.0 };
        request
    };
    let young = Scenario {
        earlier_hours: 6,
        weight: 20.0,
        deploys: vec![(15, "2.0")],
        ..scenario(&request)
    };
    check_history(
        &young,
        expect![[r#"
            endpoint-regression: Slower than before: GET /orders, 7000 requests, 45.0% lost, slower_by_own_work (likely)
              Since release 2.0 went out (2026-11-23 12:15 UTC) requests take longer: p50 189 ms → 342 ms, p95 335 ms → 632 ms, over 7,000 requests. Most of it, +167 ms a request, is in no call: the service's own work, waiting for the processor or a lock, or calls that have no span. A profile of the process before and after would tell which; a larger share of requests with more data would look the same.
              90.6% of the requests are clearly slower than all but the slowest 50.0% were before
              200 → 200 requests a minute, before and after
              +167 ms a request not explained by calls: its own work
              +167 ms a request in all, on average
        "#]],
    );
}

#[test]
fn without_trees_no_cause() {
    let request = |draws: &mut Draws, minute: i64| {
        Request::own(draws.around(200.0, 0.3) + f64::from(minute >= 0) * 90.0)
    };
    let mut history = scenario(&request).history();
    history.earlier.trees.clear();
    history.recent.trees.clear();
    let findings = hotspan_analysis::history(&history, &hotspan_analysis::Thresholds::default());
    let codes: Vec<&str> = findings.iter().map(|finding| finding.cause.code.as_str()).collect();
    assert_eq!(codes, ["slower_unexplained"]);
}

/// Scenarios in which nothing is wrong.
fn check_silence(scenarios: &[(&str, Scenario<'_>)]) {
    for (what, scenario) in scenarios {
        let findings = found(scenario);
        assert!(findings.is_empty(), "{what}: {}", findings[0].cause.text);
    }
}

#[test]
fn what_is_no_regression() {
    let slower = |from: i64, to: i64, by: f64| {
        move |draws: &mut Draws, minute: i64| {
            let mut request = usual(draws);
            request.own *= if minute >= from && minute < to { by } else { 1.0 };
            request
        }
    };
    let (same, slight, always) = (slower(0, 0, 1.0), slower(0, 60, 1.08), slower(0, 60, 1.6));
    let (hiccup, over, lately) = (slower(20, 28, 4.0), slower(5, 40, 1.6), slower(46, 60, 3.0));
    let warm_up = slower(20, 29, 3.0);
    let daily = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        // The hour of late is slow, and so it was a day ago.
        request.own *= if minute.rem_euclid(24 * 60) < 60 { 1.6 } else { 1.0 };
        request
    };
    let wavy = |draws: &mut Draws, minute: i64| {
        let mut request = usual(draws);
        let phase = minute as f64 / (24.0 * 60.0) * std::f64::consts::TAU;
        request.own *= 1.0 + 0.3 * (1.0 + phase.cos());
        request
    };
    let short = |draws: &mut Draws, minute: i64| {
        Request::own(draws.around(12.0, 0.4) * if minute >= 0 { 1.8 } else { 1.0 })
    };
    let faster = slower(0, 60, 0.5);
    check_silence(&[
        ("nothing changed", scenario(&same)),
        ("eight percent", scenario(&slight)),
        ("ten milliseconds", scenario(&short)),
        ("faster", scenario(&faster)),
        ("a hiccup of eight minutes", scenario(&hiccup)),
        ("it is over", scenario(&over)),
        ("a quarter of an hour is too soon", scenario(&lately)),
        ("a warm-up", Scenario { deploys: vec![(20, "1.8")], ..scenario(&warm_up) }),
        ("slow at this hour every day", scenario(&daily)),
        ("the day goes up and down", scenario(&wavy)),
        (
            "ten times the requests",
            Scenario { per_minute: &|minute| if minute >= 0 { 60 } else { 6 }, ..scenario(&same) },
        ),
        (
            "a tenth of the requests",
            Scenario { per_minute: &|minute| if minute >= 0 { 2 } else { 20 }, ..scenario(&same) },
        ),
        (
            "few requests",
            Scenario {
                per_minute: &|minute| u64::from(minute < 0 || minute % 2 == 0),
                ..scenario(&always)
            },
        ),
        ("no day to compare with", Scenario { earlier_hours: 6, ..scenario(&always) }),
    ]);
}

/// How many of ten endpoints whose requests took longer for half an hour are
/// told, by how much longer and how many requests a minute there are.
#[test]
fn what_is_told_within_half_an_hour() {
    let mut table = String::new();
    for by in [1.15, 1.3, 1.5, 2.0] {
        for per_minute in [4, 10, 40] {
            let request = |draws: &mut Draws, minute: i64| {
                Request::own(draws.around(250.0, 0.5) * if minute >= 30 { by } else { 1.0 })
            };
            let told = (0..10).filter(|seed| {
                let scenario = Scenario {
                    seed: seed * 7_919,
                    per_minute: &|minute| if minute >= 0 { per_minute } else { 2 },
                    ..scenario(&request)
                };
                !found(&scenario).is_empty()
            });
            table += &format!("×{by}, {per_minute} a minute: {}\n", told.count());
        }
    }
    expect![[r#"
        ×1.15, 4 a minute: 0
        ×1.15, 10 a minute: 0
        ×1.15, 40 a minute: 0
        ×1.3, 4 a minute: 0
        ×1.3, 10 a minute: 4
        ×1.3, 40 a minute: 7
        ×1.5, 4 a minute: 4
        ×1.5, 10 a minute: 10
        ×1.5, 40 a minute: 10
        ×2, 4 a minute: 10
        ×2, 10 a minute: 10
        ×2, 40 a minute: 10
    "#]]
    .assert_eq(&table);
}

/// A factor that all requests of one stretch share.
fn shared(seed: u64, stretch: i64, sigma: f64) -> f64 {
    Draws(seed.wrapping_mul(31).wrapping_add(stretch as u64).wrapping_mul(0x9e37_79b9))
        .around(1.0, sigma)
}

/// Endpoints that do not change, or only as much as they always do. Measured
/// with 2,500 looks at each shape in the place of 12: no alarm in 20,000, so
/// fewer than one in 6,000 looks with 95% confidence. The draws are seeded, so
/// these here are the same every time.
#[test]
fn endpoints_that_do_not_change_raise_no_alarm() {
    const LOOKS: u64 = 12;
    type Shape = fn(&mut Draws, u64, i64) -> f64;
    let shapes: [(&str, Shape); 8] = [
        ("log-normal", |draws, _, _| draws.around(200.0, 0.5)),
        ("Pareto 1.5", |draws, _, _| draws.heavy(100.0, 1.5)),
        ("Pareto 1.1", |draws, _, _| draws.heavy(100.0, 1.1)),
        ("two humps", |draws, _, _| {
            let median = if draws.even() < 0.07 { 900.0 } else { 60.0 };
            draws.around(median, 0.3)
        }),
        ("rare and very slow", |draws, _, _| {
            let slow = draws.even() < 0.03;
            draws.around(120.0, 0.2) + if slow { draws.heavy(1_000.0, 1.2) } else { 0.0 }
        }),
        ("minutes differ", |draws, seed, minute| {
            draws.around(200.0, 0.4) * shared(seed, minute, 0.2)
        }),
        ("hours differ", |draws, seed, minute| {
            draws.around(200.0, 0.4) * shared(seed, minute.div_euclid(60), 0.15)
        }),
        ("ten minutes differ, with a heavy tail", |draws, seed, minute| {
            draws.heavy(100.0, 1.5) * shared(seed, minute.div_euclid(10), 0.2)
        }),
    ];
    let mut alarms = Vec::new();
    for (name, shape) in shapes {
        for look in 0..LOOKS {
            // Most of it in a call, so that calls are looked at as well.
            let request = |draws: &mut Draws, minute| {
                let duration = shape(draws, look, minute);
                let calls = vec![("GET prices/items", Class::Http, duration * 0.7)];
                Request { own: duration * 0.3, calls, at_once: false }
            };
            let quiet = Scenario {
                seed: look * 7_919,
                per_minute: &|minute| if minute >= 0 { 3 } else { u64::from(minute % 2 == 0) },
                ..scenario(&request)
            };
            let scenario = match look % 4 {
                0 => Scenario { per_minute: &|minute| if minute >= 0 { 20 } else { 2 }, ..quiet },
                1 => Scenario {
                    earlier_hours: 6,
                    deploys: vec![(20, "2.0")],
                    per_minute: &|_| 3,
                    ..quiet
                },
                _ => quiet,
            };
            alarms.extend(
                found(&scenario).into_iter().map(|finding| (name, look, finding.cause.text)),
            );
        }
    }
    assert!(alarms.is_empty(), "{} {alarms:#?}", alarms.len());
}
