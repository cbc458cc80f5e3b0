//! The change of an endpoint that detectors look at: since when its requests
//! are slower, by how much, and what became of its calls.

use hotspan_model::history::{EndpointHistory, HistoryWindow, RequestStretch, TreeStretch};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Sketch, UnixNanos};

use super::calls::Breakdown;
use super::since::{Since, volume};
use super::usual::{Above, Usual, may_be_above};
use crate::thresholds::HistoryThresholds;

/// The percentiles that are looked at: what most see, and what the slowest
/// twentieth sees.
const PERCENTILES: [f64; 2] = [0.5, 0.95];
/// A deploy is named rather than a moment beside it that stands out as much.
const DEPLOY_PREFERENCE: f64 = 1.1;

/// An endpoint whose requests take longer than they did.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub(crate) history: &'a EndpointHistory,
    pub(crate) limits: &'a HistoryThresholds,
    /// The requests that are compared with the earlier ones.
    pub(crate) since: Since<'a>,
    /// How their durations moved; `None` when only the mean did.
    pub(crate) regression: Option<Regression>,
    /// What became of the time; `None` without trees.
    pub(crate) breakdown: Option<Breakdown>,
}

/// A shift of the durations beyond chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Regression {
    /// The percentile that shows it, 0..1.
    pub(crate) percentile: f64,
    /// The part of the requests above the mark that 1 − `percentile` of them
    /// stayed below.
    pub(crate) share_above: f64,
    /// Median before and after.
    pub(crate) p50_ns: (i64, i64),
    /// 95th percentile before and after.
    pub(crate) p95_ns: (i64, i64),
}

impl<'a> Change<'a> {
    /// Looks for it; `None` when nothing became slower, or too little is known.
    pub(super) fn of(history: &'a EndpointHistory, limits: &'a HistoryThresholds) -> Option<Self> {
        let earlier: u64 = history.earlier.requests.iter().map(|stretch| stretch.samples).sum();
        if earlier < limits.requests_earlier_min {
            return None;
        }
        let found = regression(history, limits)
            .filter(|(since, _)| is_known_long_enough(history, since, limits));
        let (since, regression) = match found {
            Some((since, regression)) => (since, Some(regression)),
            None => {
                let whole = Since::whole(history, limits)?;
                let known = is_known_long_enough(history, &whole, limits);
                (Some(whole).filter(|whole| known && mean_moved(history, whole, limits))?, None)
            }
        };
        let breakdown = breakdown(history, &since, limits);
        Some(Self { history, limits, since, regression, breakdown })
    }

    /// When the newest of the compared requests began, at the latest.
    pub(crate) fn last_seen(&self) -> UnixNanos {
        self.since.requests.last().map_or(self.since.moment, |stretch| stretch.end().plus(-1))
    }

    /// Weighted requests a minute, before and after: load may be why.
    pub(crate) fn per_minute(&self) -> (f64, f64) {
        let earlier: Vec<&RequestStretch> = self.history.earlier.requests.iter().collect();
        (per_minute(&earlier), per_minute(&self.since.requests))
    }

    /// How much longer a request takes on the whole. At least what the shift of
    /// the slower ones alone comes to: their mean may be hidden by others that
    /// became faster.
    pub(crate) fn shift_ns(&self) -> f64 {
        let mean = shift_of_means(self.history, &self.since);
        let slower = self.regression.map_or(0.0, |regression| {
            let (before, after) =
                if regression.percentile > 0.5 { regression.p95_ns } else { regression.p50_ns };
            (1.0 - regression.percentile) * (after - before) as f64
        });
        mean.max(slower).max(0.0)
    }
}

/// A day has hours of its own kind, so a day must be known; what changes with a
/// release explains itself.
fn is_known_long_enough(
    history: &EndpointHistory,
    since: &Since<'_>,
    limits: &HistoryThresholds,
) -> bool {
    let least = match since.deploy {
        Some(_) => limits.earlier_deploy_ns_min,
        None => limits.earlier_ns_min,
    };
    history.earlier.range().is_some_and(|(from, to)| to.since(from) >= least)
}

/// The moment since which the durations stand out most.
fn regression<'a>(
    history: &'a EndpointHistory,
    limits: &HistoryThresholds,
) -> Option<(Since<'a>, Regression)> {
    let earlier = &history.earlier.requests;
    let before = sketch_of(&earlier.iter().collect::<Vec<_>>());
    let moments = Since::all(history, limits);
    // Most endpoints did not change, and to see that is cheap.
    let may_differ =
        |q: &f64| moments.iter().any(|since| may_be_above(&before, *q, &since.requests, limits));
    let usual: Vec<Usual> = PERCENTILES
        .into_iter()
        .filter(may_differ)
        .filter_map(|q| Usual::of(earlier, &before, q, limits))
        .collect();
    let looks = (moments.len() * PERCENTILES.len()) as f64;
    let pairs = moments.into_iter().flat_map(|since| {
        let looked = usual.iter().map(|usual| (usual.q, usual.above(&since.requests)));
        let standing: Vec<(f64, Above)> =
            looked.filter_map(|(q, above)| Some((q, above?))).collect();
        standing.into_iter().map(move |(q, above)| (since.clone(), q, above))
    });
    let beyond_chance = pairs.filter(|(.., above)| above.chance * looks <= limits.chance_max);
    let (since, percentile, above) = beyond_chance.max_by(|one, other| {
        let [one, other] = [one, other].map(|(since, _, above)| {
            above.score * if since.deploy.is_some() { DEPLOY_PREFERENCE } else { 1.0 }
        });
        one.total_cmp(&other)
    })?;
    let after = sketch_of(&since.requests);
    let both = |q: f64| Some((before.quantile_ns(q)?, after.quantile_ns(q)?));
    let regression = Regression {
        percentile,
        share_above: above.share,
        p50_ns: both(0.5)?,
        p95_ns: both(0.95)?,
    };
    Some((since, regression))
}

fn per_minute(requests: &[&RequestStretch]) -> f64 {
    let width_ns = requests.iter().map(|stretch| stretch.width_ns as f64).sum::<f64>();
    let (count, _) = volume(requests.iter().copied());
    count / (width_ns / NANOS_PER_MINUTE as f64).max(1.0)
}

fn sketch_of(requests: &[&RequestStretch]) -> Sketch {
    let mut whole = Sketch::default();
    requests.iter().for_each(|stretch| whole.merge(&stretch.sketch));
    whole
}

/// True when requests take so much longer on the whole that a call may be why.
fn mean_moved(history: &EndpointHistory, since: &Since<'_>, limits: &HistoryThresholds) -> bool {
    let (requests, wall_ns) = volume(history.earlier.requests.iter());
    let shift = shift_of_means(history, since);
    requests > 0.0
        && shift >= limits.shift_ns_min as f64
        && shift >= wall_ns as f64 / requests * limits.shift_share_min
}

fn shift_of_means(history: &EndpointHistory, since: &Since<'_>) -> f64 {
    let mean = |(requests, wall_ns): (f64, i64)| {
        if requests > 0.0 { wall_ns as f64 / requests } else { 0.0 }
    };
    mean(since.volume()) - mean(volume(history.earlier.requests.iter()))
}

fn breakdown(
    history: &EndpointHistory,
    since: &Since<'_>,
    limits: &HistoryThresholds,
) -> Option<Breakdown> {
    let before: Vec<&TreeStretch> = history.earlier.trees.iter().collect();
    let after = since.trees(history, limits);
    let weight = |window: &HistoryWindow| {
        let samples: u64 = window.requests.iter().map(|stretch| stretch.samples).sum();
        let (requests, _) = volume(window.requests.iter());
        if samples > 0 { requests / samples as f64 } else { 1.0 }
    };
    Breakdown::of(&before, &after, (weight(&history.earlier), weight(&history.recent)), limits)
}
