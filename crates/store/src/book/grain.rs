//! Buckets of time: minutes for what is near, hours for what is long.
//!
//! Every sum is kept at both widths, so that a page over a day reads 24 rows
//! where the minutes would be 1,440. No SQL is here.

use hotspan_model::UnixNanos;
use hotspan_model::time::NANOS_PER_MINUTE;

use super::rows::TimeWindow;

/// Widths of buckets in minutes.
pub(super) const MINUTE: i64 = 1;
/// Call trees are large, so their finest bucket is wider.
pub(super) const TREE: i64 = 5;
/// The coarsest.
pub(super) const HOUR: i64 = 60;
/// Hours in a day, for loss by day.
pub(super) const DAY_HOURS: i64 = 24;

/// Buckets `from..to` of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) grain: i64,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// The bucket of a width that holds a moment.
pub(super) fn bucket_of(at: UnixNanos, grain: i64) -> i64 {
    at.minute().div_euclid(grain)
}

/// Start of a bucket.
pub(super) fn start_of(bucket: i64, grain: i64) -> UnixNanos {
    UnixNanos(bucket.saturating_mul(grain.saturating_mul(NANOS_PER_MINUTE)))
}

/// First bucket that begins in or before the window, and the first after it.
fn edges(window: TimeWindow, grain: i64) -> (i64, i64) {
    let from = bucket_of(window.from, grain);
    let last = bucket_of(UnixNanos(window.to.0.saturating_sub(1)), grain);
    (from, if window.to > window.from { last + 1 } else { from })
}

/// The window as it can be answered: where figures by minute are gone already,
/// it reaches to the ends of its hours. `minutes_from` begins an hour.
fn answerable(window: TimeWindow, minutes_from: UnixNanos) -> TimeWindow {
    let (from, to) = edges(window, HOUR);
    if from >= to {
        return window;
    }
    let from = if window.from < minutes_from { start_of(from, HOUR) } else { window.from };
    let to = if window.to < minutes_from { start_of(to, HOUR) } else { window.to };
    TimeWindow { from, to }
}

/// Covers a window with buckets of width `fine` at its ends and hours between,
/// in order of time and without overlap; with hours only before `minutes_from`.
pub(super) fn cover(window: TimeWindow, fine: i64, minutes_from: UnixNanos) -> Vec<Stretch> {
    let (from, to) = edges(answerable(window, minutes_from), fine);
    let in_hour = HOUR / fine;
    let hour_from = (from + in_hour - 1).div_euclid(in_hour);
    let hour_to = to.div_euclid(in_hour);
    let stretches = if hour_from >= hour_to {
        vec![Stretch { grain: fine, from, to }]
    } else {
        vec![
            Stretch { grain: fine, from, to: hour_from * in_hour },
            Stretch { grain: HOUR, from: hour_from, to: hour_to },
            Stretch { grain: fine, from: hour_to * in_hour, to },
        ]
    };
    stretches.into_iter().filter(|stretch| stretch.from < stretch.to).collect()
}

/// A window cut into steps of equal width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Steps {
    /// Width of a step in minutes.
    pub(super) minutes: i64,
    /// Number of the first step since 1970.
    pub(super) first: i64,
    /// How many there are.
    pub(super) count: usize,
    /// Where their figures are.
    pub(super) stretches: Vec<Stretch>,
}

/// Widths that people can read, in minutes.
const STEP_MINUTES: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1_440, 10_080];

impl Steps {
    /// Cuts `window` into at most `steps_max` steps; a window too long for
    /// that (years) is cut at its older end. There are no figures by minute
    /// before `minutes_from`.
    pub(super) fn of(window: TimeWindow, steps_max: usize, minutes_from: UnixNanos) -> Self {
        let narrowest = if window.from < minutes_from { HOUR } else { MINUTE };
        let (from, to) = edges(answerable(window, minutes_from), MINUTE);
        let end_of = |minutes: i64| (to + minutes - 1).div_euclid(minutes);
        let fits = |minutes: &i64| {
            *minutes >= narrowest
                && end_of(*minutes) - from.div_euclid(*minutes) <= steps_max as i64
        };
        let widest = STEP_MINUTES[STEP_MINUTES.len() - 1];
        let minutes = STEP_MINUTES.into_iter().find(fits).unwrap_or(widest);
        let end = end_of(minutes);
        let first = from.div_euclid(minutes).max(end - steps_max as i64);
        let window = TimeWindow {
            from: start_of(from.max(first * minutes), MINUTE),
            to: start_of(to, MINUTE),
        };
        // An hour's figures cannot be told apart by narrower steps.
        let stretches = if minutes < HOUR {
            let (from, to) = edges(window, MINUTE);
            vec![Stretch { grain: MINUTE, from, to }]
        } else {
            cover(window, MINUTE, minutes_from)
        };
        Self { minutes, first, count: (end - first).max(0) as usize, stretches }
    }

    /// The step that a bucket belongs to.
    pub(super) fn index_of(&self, bucket: i64, grain: i64) -> usize {
        ((bucket * grain).div_euclid(self.minutes) - self.first).max(0) as usize
    }

    /// When a step begins.
    pub(super) fn start(&self, index: usize) -> UnixNanos {
        start_of(self.first + index as i64, self.minutes)
    }

    /// Width of a step.
    pub(super) fn width_ns(&self) -> i64 {
        self.minutes * NANOS_PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// There were figures by minute from the beginning.
    const ALWAYS: UnixNanos = UnixNanos(i64::MIN);

    proptest! {
        #[test]
        fn a_cover_has_every_minute_once(
            from in -10_000i64..10_000,
            minutes in 0i64..10_000,
            fine in prop::sample::select(vec![MINUTE, TREE]),
        ) {
            let (from, to) = (from * fine, (from + minutes) * fine);
            let window = TimeWindow { from: start_of(from, 1), to: start_of(to, 1) };
            let mut next = from;
            for stretch in cover(window, fine, ALWAYS) {
                prop_assert_eq!(stretch.from * stretch.grain, next);
                next = stretch.to * stretch.grain;
            }
            prop_assert_eq!(next, to);
        }

        #[test]
        fn steps_hold_the_window(from in 0i64..10_000_000, minutes in 1i64..3_000_000, max in 2usize..200) {
            let window = TimeWindow { from: start_of(from, 1), to: start_of(from + minutes, 1) };
            let steps = Steps::of(window, max, ALWAYS);
            prop_assert!(steps.count <= max);
            for stretch in &steps.stretches {
                prop_assert!(steps.index_of(stretch.to - 1, stretch.grain) < steps.count);
            }
            prop_assert!(steps.start(steps.count) >= window.to);
        }
    }

    /// Where minutes are gone, whole hours answer.
    #[test]
    fn windows_before_the_first_minute() {
        let at = |minutes: i64| start_of(minutes, MINUTE);
        let stretch = |grain, from, to| Stretch { grain, from, to };
        for (from, to, expected, step) in [
            (70, 80, vec![stretch(60, 1, 2)], 60),
            (70, 170, vec![stretch(60, 1, 3)], 60),
            (70, 190, vec![stretch(60, 1, 3), stretch(1, 180, 190)], 60),
            (181, 190, vec![stretch(1, 181, 190)], 1),
        ] {
            let window = TimeWindow { from: at(from), to: at(to) };
            assert_eq!(cover(window, MINUTE, at(180)), expected, "{from} to {to}");
            assert_eq!(Steps::of(window, 48, at(180)).minutes, step, "{from} to {to}");
        }
    }

    #[test]
    fn edges_of_windows() {
        let window = |from: i64, to: i64| TimeWindow { from: UnixNanos(from), to: UnixNanos(to) };
        let minute = NANOS_PER_MINUTE;
        let stretch = |grain, from, to| Stretch { grain, from, to };
        for (case, expected) in [
            (window(0, 0), vec![]),
            (window(minute, 0), vec![]),
            (window(0, 1), vec![stretch(1, 0, 1)]),
            (window(minute - 1, minute + 1), vec![stretch(1, 0, 2)]),
            (window(0, 60 * minute), vec![stretch(60, 0, 1)]),
            (
                window(59 * minute, 121 * minute),
                vec![stretch(1, 59, 60), stretch(60, 1, 2), stretch(1, 120, 121)],
            ),
        ] {
            assert_eq!(cover(case, MINUTE, ALWAYS), expected, "{case:?}");
        }
        assert!(Steps::of(TimeWindow::ALL, 30, ALWAYS).count <= 30);
        assert!(!cover(TimeWindow::ALL, MINUTE, ALWAYS).is_empty());
    }
}
