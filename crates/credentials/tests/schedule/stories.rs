//! What the schedule does in the situations it was made for.

use hotspan_credentials::schedule::{Errand, Policy, Standing};

use super::simulation::{Answer, Simulation};

const HOURS: i64 = 3_600;

fn local() -> Simulation {
    Simulation::new(Policy::Local, 7, true)
}

fn count_full(seen: &[(i64, Errand)]) -> usize {
    seen.iter().filter(|(_, errand)| *errand == Errand::Credentials).count()
}

#[test]
fn an_hour_of_a_quiet_instance() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    let seen = simulation.run(HOURS, Answer::Repeat);
    let full = count_full(&seen);
    assert!((12..=15).contains(&full), "every five minutes, or a little sooner: {full}");
    let gaps = seen.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(gaps.clone().all(|gap| (30..=61).contains(&gap)), "{:?}", gaps.collect::<Vec<_>>());
}

#[test]
fn an_outage_of_fifty_minutes_is_not_noticed() {
    for (left_minutes, is_held) in [(60, true), (55, true), (51, true), (49, false), (4, false)] {
        let mut simulation = local();
        let _ = simulation.step(Answer::Issue(left_minutes * 60), 10);
        let seen = simulation.run(50 * 60, Answer::Failed);
        assert_eq!(simulation.held().is_some(), is_held, "{left_minutes} minutes left");
        // From the failure on every 30 to 33 seconds: within the floor, and
        // soon after upstream is back.
        assert!((88..=101).contains(&seen.len()), "{} attempts", seen.len());
        let _ = simulation.run(50 * 60 + 40, Answer::Issue(6 * HOURS));
        assert!(simulation.held().is_some(), "it is over");
        assert_eq!(simulation.schedule.standing(), &Standing::Good);
    }
}

#[test]
fn another_role_shows_within_a_minute() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    simulation.run(10 * 60, Answer::Repeat);
    let before = simulation.elapsed();
    while simulation.held().is_some_and(|held| held.role == "role-1") {
        if let Err(due) = simulation.step(Answer::ChangeRole(6 * HOURS), 10) {
            let _ = due;
            simulation.pass(100);
        }
    }
    assert!(simulation.elapsed() - before <= 60, "{} s", simulation.elapsed() - before);
}

#[test]
fn credentials_that_end_soon_are_replaced_within_a_minute() {
    for left_minutes in [39, 31, 26, 14, 4] {
        let mut simulation = local();
        let _ = simulation.step(Answer::Issue(left_minutes * 60), 10);
        simulation.run(60, Answer::Repeat);
        let before = simulation.elapsed();
        let key = simulation.held().map(|held| held.credentials.access_key_id().to_owned());
        while simulation.held().map(|held| held.credentials.access_key_id().to_owned()) == key {
            let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
            simulation.pass(100);
        }
        assert!(simulation.elapsed() - before <= 61, "{left_minutes} minutes left");
    }
}

#[test]
fn a_role_is_gone_when_upstream_says_so_twice() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    let seen = simulation.run(60, Answer::Missing);
    assert_eq!(seen.len(), 1, "one look so far: {seen:?}");
    let first = seen[0].0;
    assert!(simulation.held().is_some(), "once is not enough");
    simulation.run(first + 59, Answer::Missing);
    assert!(simulation.held().is_some(), "neither is twice within a minute");
    simulation.run(first + 62, Answer::Missing);
    assert!(simulation.held().is_none(), "a minute later it is");
    assert!(matches!(simulation.schedule.standing(), Standing::Removed(_)));
    simulation.run(first + 200, Answer::Failed);
    assert!(matches!(simulation.schedule.standing(), Standing::Removed(_)), "503 says nothing");
    simulation.run(first + 300, Answer::Issue(HOURS));
    assert!(simulation.held().is_some(), "attached again");
}

#[test]
fn a_role_that_was_away_for_a_moment_was_never_gone() {
    for between in [Answer::Repeat, Answer::Issue(HOURS)] {
        let mut simulation = local();
        let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
        simulation.run(60, Answer::Missing);
        simulation.run(150, between);
        // Missing again is the first time, not the second.
        simulation.run(210, Answer::Missing);
        assert!(simulation.held().is_some(), "{between:?}");
    }
}

#[test]
fn asking_again_at_once_confirms_nothing() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    simulation.run(60, Answer::Missing);
    simulation.schedule.force();
    let seen = simulation.run(95, Answer::Missing);
    assert_eq!(seen.len(), 1, "one more look, 30 s after the first: {seen:?}");
    assert!(simulation.held().is_some());
}

#[test]
fn an_old_copy_does_not_replace_what_is_newer() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(12 * HOURS), 10);
    simulation.schedule.force();
    simulation.run(32, Answer::Issue(6 * HOURS));
    let key = |simulation: &Simulation| {
        simulation.held().map(|held| held.credentials.access_key_id().to_owned())
    };
    let newer = key(&simulation);
    simulation.run(HOURS, Answer::OldCopy);
    assert_eq!(key(&simulation), newer, "though the old one lasts longer");
    assert_eq!(simulation.schedule.counts().renewals, 2);
}

#[test]
fn a_role_that_never_was_says_nothing_of_the_one_there_is() {
    for (is_held, goes_on) in [(true, false), (false, true)] {
        let mut simulation = local();
        let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
        simulation.schedule.force();
        simulation.run(200, Answer::MissingRole(is_held));
        assert_eq!(simulation.held().is_some(), goes_on);
    }
}

#[test]
fn credentials_that_hardly_live_do_not_replace_those_that_do() {
    for (life, replaces) in [(60, false), (29 * 60, false), (31 * 60, true), (12 * HOURS, true)] {
        let mut simulation = local();
        let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
        simulation.schedule.force();
        simulation.run(32, Answer::Issue(life));
        assert_eq!(simulation.schedule.counts().renewals == 2, replaces, "{life} s");
    }
}

#[test]
fn a_night_asleep() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    simulation.pass(8 * HOURS * 1_000);
    assert!(simulation.held().is_none(), "over while it slept");
    assert_eq!(simulation.step(Answer::Issue(6 * HOURS), 10), Ok(Errand::Credentials));
    assert!(simulation.held().is_some(), "at the first look");
}

#[test]
fn a_wall_clock_set_back_keeps_nothing_alive() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(HOURS), 10);
    simulation.wall_error_millis = -2 * HOURS * 1_000;
    simulation.run(HOURS + 1, Answer::Failed);
    assert!(simulation.held().is_none());
    let _ = simulation.run(HOURS + 40, Answer::Issue(HOURS));
    assert_eq!(simulation.schedule.skew_seconds(), Some(-2 * HOURS));
}

#[test]
fn a_fetch_that_is_forced_waits_for_the_floor() {
    let mut simulation = local();
    let _ = simulation.step(Answer::Issue(6 * HOURS), 10);
    simulation.schedule.force();
    simulation.pass(20_000);
    let due = simulation.step(Answer::Repeat, 10);
    assert!(due.is_err(), "20 s after the last: {due:?}");
    simulation.pass(10_000);
    assert_eq!(simulation.step(Answer::Issue(6 * HOURS), 10), Ok(Errand::Credentials));
    assert_eq!(simulation.schedule.counts().renewals, 2);
}

#[test]
fn what_makes_new_credentials_each_time_is_asked_seldom() {
    let mut simulation = Simulation::new(Policy::Remote, 7, false);
    let seen = simulation.run(6 * HOURS, Answer::Issue(HOURS));
    // An hour's credentials are renewed with 40 minutes left: every 20 minutes.
    assert!((18..=21).contains(&seen.len()), "{}", seen.len());
}
