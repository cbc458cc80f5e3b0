//! Calls that came to take more of a request, and what only looks like it.

use expect_test::expect;
use hotspan_model::Class;

use super::windows::{Draws, Request, Scenario, check_history, found, scenario};

const PRICES: &str = "GET prices/items";

/// A request of about 200 ms that asks for prices so often, each so long.
fn request(draws: &mut Draws, times: u32, median: f64) -> Request {
    let mut calls = vec![("SELECT orders", Class::Database, draws.around(40.0, 0.3))];
    for _ in 0..times {
        calls.push((PRICES, Class::Http, draws.around(median, 0.3)));
    }
    Request { own: draws.around(80.0, 0.3), calls, at_once: false }
}

#[test]
fn it_became_slower() {
    let request =
        |draws: &mut Draws, minute: i64| request(draws, 1, if minute >= 0 { 190.0 } else { 60.0 });
    check_history(
        &scenario(&request),
        expect![[r#"
            slow-dependency: Slow dependency: GET prices/items, 600 requests, 41.9% lost, dependency_slower (likely)
              Since 2026-11-23 12:00 UTC at the latest GET prices/items takes 199 ms a call where it took 63 ms, and is made as often as before (1 → 1 a request). That adds +136 ms to each request, and it takes 61.3% of its time now. So the other side became slower, or the way there: what it did at that time, its load and its own calls would tell which. Time spent waiting for a free connection counts for the call where instrumentations begin its span before that.
              12 and 24 recent and earlier stretches of time were compared
              63 ms → 199 ms of each request go to it, before and after
              -201 µs a request in everything else
        "#]],
    );
}

#[test]
fn it_is_called_more_often() {
    let request =
        |draws: &mut Draws, minute: i64| request(draws, if minute >= 20 { 5 } else { 1 }, 40.0);
    check_history(
        &Scenario { deploys: vec![(20, "2.1")], ..scenario(&request) },
        expect![[r#"
            slow-dependency: Slow dependency: GET prices/items, 300 requests, 50.3% lost, dependency_called_more (very likely)
              Since release 2.1 went out (2026-11-23 12:20 UTC) each request makes 5 calls of GET prices/items where it made 1, and a call takes as long as before (42 ms → 42 ms). That adds +166 ms to each request, and it takes 63.0% of its time now. The other side is well: what changed is who calls, or how much it is asked for: a loop, a cache that no longer holds, larger requests.
              6 and 24 recent and earlier stretches of time were compared
              42 ms → 208 ms of each request go to it, before and after
              -3.6 ms a request in everything else
        "#]],
    );
}

#[test]
fn both_at_once() {
    let request = |draws: &mut Draws, minute: i64| {
        if minute >= 0 { request(draws, 3, 90.0) } else { request(draws, 1, 40.0) }
    };
    check_history(
        &scenario(&request),
        expect![[r#"
            slow-dependency: Slow dependency: GET prices/items, 600 requests, 58.8% lost, dependency_slower_and_called_more (likely)
              Since 2026-11-23 12:00 UTC at the latest each request makes 3 calls of GET prices/items where it made 1, and a call takes 93 ms where it took 42 ms. That adds +238 ms to each request, and it takes 69.1% of its time now. More calls may be why each takes longer: find out first why there are more.
              12 and 24 recent and earlier stretches of time were compared
              42 ms → 280 ms of each request go to it, before and after
              -418 µs a request in everything else
        "#]],
    );
}

#[test]
fn it_was_not_called_before() {
    let request = |draws: &mut Draws, minute: i64| request(draws, u32::from(minute >= 15), 180.0);
    check_history(
        &Scenario { deploys: vec![(15, "3.0")], ..scenario(&request) },
        expect![[r#"
            slow-dependency: Slow dependency: GET prices/items, 350 requests, 60.5% lost, dependency_new (very likely)
              Since release 3.0 went out (2026-11-23 12:15 UTC) requests make a call that they did not make before: GET prices/items, 1 a request, 190 ms each. That adds +190 ms to each request, and it takes 60.5% of its time now.
              7 and 24 recent and earlier stretches of time were compared
              0 µs → 190 ms of each request go to it, before and after
              -1.7 ms a request in everything else
        "#]],
    );
}

#[test]
fn some_requests_only_and_sampled() {
    let request = |draws: &mut Draws, minute: i64| {
        let asks = draws.even() < 0.4;
        request(draws, u32::from(asks), if minute >= 0 { 400.0 } else { 60.0 })
    };
    check_history(
        &Scenario { weight: 10.0, ..scenario(&request) },
        expect![[r#"
            slow-dependency: Slow dependency: GET prices/items, 6000 requests, 47.3% lost, dependency_slower (likely)
              Since 2026-11-23 12:00 UTC at the latest GET prices/items takes 416 ms a call where it took 63 ms, and is made as often as before (0.4 → 0.4 a request). That adds +137 ms to each request, and it takes 56.1% of its time now. So the other side became slower, or the way there: what it did at that time, its load and its own calls would tell which. Time spent waiting for a free connection counts for the call where instrumentations begin its span before that.
              12 and 24 recent and earlier stretches of time were compared
              25 ms → 162 ms of each request go to it, before and after
              +1.7 ms a request in everything else
        "#]],
    );
}

#[test]
fn calls_beside_each_other_share_the_time_they_cover() {
    let request = |draws: &mut Draws, minute: i64| {
        let request = request(draws, 2, if minute >= 0 { 150.0 } else { 50.0 });
        Request { at_once: true, ..request }
    };
    check_history(
        &scenario(&request),
        expect![[r#"
        slow-dependency: Slow dependency: GET prices/items, 600 requests, 44.6% lost, dependency_slower (likely)
          Since 2026-11-23 12:00 UTC at the latest GET prices/items takes 160 ms a call where it took 52 ms, and is made as often as before (2 → 2 a request). That adds +120 ms to each request, and it takes 61.2% of its time now. So the other side became slower, or the way there: what it did at that time, its load and its own calls would tell which. Time spent waiting for a free connection counts for the call where instrumentations begin its span before that.
          12 and 24 recent and earlier stretches of time were compared
          45 ms → 165 ms of each request go to it, before and after
          +2.9 ms a request in everything else
    "#]],
    );
}

/// Scenarios in which no call is to be told.
fn check_none(scenarios: &[(&str, Scenario<'_>)]) {
    for (what, scenario) in scenarios {
        let findings = found(scenario);
        let mut told = findings.iter().filter(|finding| finding.detector == "slow-dependency");
        assert!(told.next().is_none(), "{what}: {}", findings[0].cause.text);
    }
}

#[test]
fn what_is_no_slow_dependency() {
    let calls = |before: (u32, f64), after: (u32, f64)| {
        move |draws: &mut Draws, minute: i64| {
            let (times, median) = if minute >= 0 { after } else { before };
            request(draws, times, median)
        }
    };
    let (same, always) = (calls((1, 60.0), (1, 60.0)), calls((1, 400.0), (1, 400.0)));
    let (slight, small) = (calls((1, 60.0), (1, 70.0)), calls((1, 4.0), (1, 14.0)));
    let minor = calls((1, 18.0), (1, 42.0));
    let own = |draws: &mut Draws, minute: i64| {
        let mut request = request(draws, 1, 60.0);
        request.own += f64::from(minute >= 0) * 150.0;
        request
    };
    let daily = |draws: &mut Draws, minute: i64| {
        request(draws, 1, if minute.rem_euclid(24 * 60) < 60 { 190.0 } else { 60.0 })
    };
    let outliers = |draws: &mut Draws, _| {
        let mut request = request(draws, 1, 60.0);
        request.calls[1].2 = draws.heavy(40.0, 1.1);
        request
    };
    let hiccup = |draws: &mut Draws, minute: i64| {
        request(draws, 1, if (20..26).contains(&minute) { 900.0 } else { 60.0 })
    };
    let busier = calls((1, 60.0), (1, 60.0));
    check_none(&[
        ("nothing changed", scenario(&same)),
        ("it always dominated", scenario(&always)),
        ("a sixth slower", scenario(&slight)),
        ("ten milliseconds more", scenario(&small)),
        ("it takes a quarter of the request", scenario(&minor)),
        ("the service itself is slower", scenario(&own)),
        ("slow at this hour every day", scenario(&daily)),
        ("a few very long calls, as always", scenario(&outliers)),
        ("a hiccup", scenario(&hiccup)),
        (
            "more requests",
            Scenario {
                per_minute: &|minute| if minute >= 0 { 40 } else { 5 },
                ..scenario(&busier)
            },
        ),
    ]);
}

/// As soon as anything is told and for as long as it is, it is the same.
#[test]
fn one_change_stays_one_issue() {
    let request =
        |draws: &mut Draws, minute: i64| request(draws, 1, if minute >= 0 { 190.0 } else { 60.0 });
    let mut told = Vec::new();
    for recent_minutes in (5..=60).step_by(5) {
        let deployed = Scenario { recent_minutes, deploys: vec![(0, "1.8")], ..scenario(&request) };
        told.extend(found(&deployed).into_iter().map(|finding| finding.fingerprint));
    }
    assert_eq!(told.len(), 9);
    told.dedup();
    assert_eq!(told.len(), 1);
}

#[test]
fn another_seed_is_the_same_issue() {
    let request =
        |draws: &mut Draws, minute: i64| request(draws, 1, if minute >= 0 { 190.0 } else { 60.0 });
    let [one, other] = [1, 2].map(|seed| {
        let mut findings = found(&Scenario { seed, ..scenario(&request) });
        assert_eq!(findings.len(), 1);
        findings.remove(0).fingerprint
    });
    assert_eq!(one, other);
}
