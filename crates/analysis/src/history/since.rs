//! The moments at which something may have changed, and the recent requests
//! since each of them, without those of processes that warm up.

use hotspan_model::UnixNanos;
use hotspan_model::history::{EndpointHistory, RequestStretch, TreeStretch};
use hotspan_model::life::Deploy;
use hotspan_model::time::NANOS_PER_MINUTE;

use crate::thresholds::HistoryThresholds;

/// Moments are looked for at so many minutes from each other, as wide as call
/// trees are.
const STEP_NS: i64 = 5 * NANOS_PER_MINUTE;
/// Moments that are looked at in a window, so that a long one stays cheap and
/// leaves something to chance.
const MOMENTS_MAX: usize = 24;
/// A release goes out over some minutes, and figures are by five of them.
const NEAR_NS: i64 = 15 * NANOS_PER_MINUTE;

/// Recent requests since a moment.
#[derive(Debug, Clone)]
pub(crate) struct Since<'a> {
    /// The moment.
    pub(crate) moment: UnixNanos,
    /// The release that went out then.
    pub(crate) deploy: Option<&'a Deploy>,
    /// It is where the recent window begins: the change may be older.
    pub(crate) or_before: bool,
    /// The requests.
    pub(crate) requests: Vec<&'a RequestStretch>,
}

impl<'a> Since<'a> {
    /// All recent requests.
    pub(super) fn whole(history: &'a EndpointHistory, limits: &HistoryThresholds) -> Option<Self> {
        let (from, _) = history.recent.range()?;
        Some(Self::of(history, limits, from, None))
    }

    /// Every moment since which there are enough requests, deploys first.
    pub(super) fn all(history: &'a EndpointHistory, limits: &HistoryThresholds) -> Vec<Self> {
        let Some((from, to)) = history.recent.range() else { return Vec::new() };
        let deploys = history.deploys.iter().filter(|deploy| deploy.at >= from && deploy.at < to);
        let deploys = deploys.map(|deploy| (deploy.at, Some(deploy)));
        let steps = (0..MOMENTS_MAX as i64).map(|step| from.plus(step.saturating_mul(STEP_NS)));
        let steps = steps.take_while(|moment| *moment < to).map(|moment| (moment, None));
        let mut found: Vec<Self> = Vec::new();
        for (moment, deploy) in deploys.chain(steps).take(MOMENTS_MAX) {
            let since = Self::of(history, limits, moment, deploy);
            let first = |since: &Self| since.requests.first().map(|stretch| stretch.start);
            let known = found.iter().any(|known| first(known) == first(&since));
            if !known && since.is_enough(limits) {
                found.push(since);
            }
        }
        found
    }

    fn of(
        history: &'a EndpointHistory,
        limits: &HistoryThresholds,
        moment: UnixNanos,
        deploy: Option<&'a Deploy>,
    ) -> Self {
        let warm =
            |stretch: &&RequestStretch| !warms_up(history, limits, stretch.start, stretch.end());
        let recent = history.recent.requests.iter();
        let near = |deploy: &&Deploy| {
            deploy.at <= moment.plus(STEP_NS) && moment.since(deploy.at) <= NEAR_NS
        };
        Self {
            moment: deploy.map_or(moment, |deploy| deploy.at),
            deploy: deploy.or_else(|| history.deploys.iter().rev().find(near)),
            or_before: history.recent.range().is_some_and(|(from, _)| moment <= from),
            requests: recent
                .filter(|stretch| stretch.samples > 0 && stretch.start >= moment)
                .filter(warm)
                .collect(),
        }
    }

    fn is_enough(&self, limits: &HistoryThresholds) -> bool {
        let samples: u64 = self.requests.iter().map(|stretch| stretch.samples).sum();
        let width = self.requests.iter().map(|stretch| stretch.width_ns);
        let width = width.fold(0, |sum: i64, nanos| sum.saturating_add(nanos));
        let released = self.deploy.is_some_and(|deploy| deploy.at == self.moment);
        let least = if released { limits.since_deploy_ns_min } else { limits.since_ns_min };
        samples >= limits.requests_min && width >= least
    }

    /// The call trees of these requests.
    pub(super) fn trees(
        &self,
        history: &'a EndpointHistory,
        limits: &HistoryThresholds,
    ) -> Vec<&'a TreeStretch> {
        let from = self.requests.first().map_or(self.moment, |stretch| stretch.start);
        let trees = history.recent.trees.iter().filter(|stretch| stretch.start >= from);
        trees.filter(|tree| !warms_up(history, limits, tree.start, tree.end())).collect()
    }

    /// Weighted requests and their wall time.
    pub(crate) fn volume(&self) -> (f64, i64) {
        volume(self.requests.iter().copied())
    }
}

/// Weighted requests and their wall time.
pub(super) fn volume<'a>(requests: impl Iterator<Item = &'a RequestStretch>) -> (f64, i64) {
    requests.fold((0.0, 0), |(requests, wall_ns), stretch| {
        (requests + stretch.requests, wall_ns.saturating_add(stretch.wall_ns))
    })
}

/// True when processes may have been starting in a stretch of time.
fn warms_up(
    history: &EndpointHistory,
    limits: &HistoryThresholds,
    start: UnixNanos,
    end: UnixNanos,
) -> bool {
    let deploys = history.deploys.iter();
    deploys.map(|deploy| deploy.at).any(|at| at < end && start < at.plus(limits.warm_up_ns))
}
