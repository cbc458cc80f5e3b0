//! `GET /endpoints/{id}/compare`: one endpoint in two stretches of time.
//!
//! `?since=` is a moment in seconds since 1970, such as that of a deploy: what
//! was before it against what came after. Else `?with=previous|day|week` says
//! how far back the chosen window is compared with.

use axum::extract::Path;
use hotspan_model::UnixNanos;
use hotspan_model::life::Deploy;
use hotspan_model::time::{NANOS_PER_MINUTE, NANOS_PER_SECOND};
use hotspan_store::TimeWindow;

use super::view::compare::{ComparePage, With, compare};
use super::visit::{Shown, Visit};

/// Call trees are kept by so much: stretches begin and end at such moments.
const TREE_NS: i64 = 5 * NANOS_PER_MINUTE;

pub(crate) async fn show(Path(id): Path<String>, visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let missing = || {
        visit.missing(
            "No such endpoint",
            "No endpoint of this server has this number. It may belong to another server.",
        )
    };
    let id: i64 = id.parse().map_err(|_| missing())?;
    let endpoint = store.endpoint(id).await.map_err(fail)?.ok_or_else(missing)?;
    let with = asked(&visit);
    let both = stretches(with, visit.window());
    let wide = around(both);
    let deploys = store.deploys(&endpoint.project, &endpoint.service, wide).await.map_err(fail)?;
    let [before, after] = between(both, with, &deploys);
    let earlier = store.endpoint_detail(id, before).await.map_err(fail)?.ok_or_else(missing)?;
    let later = store.endpoint_detail(id, after).await.map_err(fail)?.ok_or_else(missing)?;
    let page = ComparePage { with, windows: [before, after], sides: [earlier, later], deploys };
    Ok(compare(&visit.frame, &page))
}

fn asked(visit: &Visit) -> With {
    let since = visit.param("since").parse::<i64>().ok();
    match since.and_then(|seconds| seconds.checked_mul(NANOS_PER_SECOND)) {
        Some(nanos) => With::Since(UnixNanos(nanos)),
        None => With::from_slug(visit.param("with")),
    }
}

/// The two stretches. What began in the five minutes of a moment is on neither
/// side: nobody knows to which it belongs.
fn stretches(with: With, window: TimeWindow) -> [TimeWindow; 2] {
    let width = window.to.since(window.from);
    if let With::Since(moment) = with {
        let begins = UnixNanos(moment.0.div_euclid(TREE_NS) * TREE_NS);
        let (from, to) = (begins.plus(TREE_NS), begins);
        let ends = from.plus(width).min(window.to).max(from);
        return [TimeWindow { from: to.plus(-width), to }, TimeWindow { from, to: ends }];
    }
    let back = with.back_ns(width);
    let whole = |at: UnixNanos| UnixNanos(at.0.div_euclid(TREE_NS) * TREE_NS);
    let after = TimeWindow { from: whole(window.from), to: window.to };
    let before =
        TimeWindow { from: whole(after.from.plus(-back)), to: whole(window.to.plus(-back)) };
    [before, after]
}

/// From the beginning of the one to the end of the other.
fn around([before, after]: [TimeWindow; 2]) -> TimeWindow {
    TimeWindow { from: before.from, to: after.to }
}

/// Around a deploy, both stretches end at its neighbours: each is one release.
fn between([before, after]: [TimeWindow; 2], with: With, deploys: &[Deploy]) -> [TimeWindow; 2] {
    let With::Since(_) = with else { return [before, after] };
    let floor = |at: UnixNanos| UnixNanos(at.0.div_euclid(TREE_NS) * TREE_NS);
    // A deploy in the five minutes of the moment is the moment.
    let earlier = deploys.iter().filter(|deploy| deploy.at < before.to).map(|deploy| deploy.at);
    let later = deploys.iter().filter(|deploy| deploy.at >= after.from).map(|deploy| deploy.at);
    let from = earlier.max().map_or(before.from, |at| floor(at).plus(TREE_NS).max(before.from));
    let to = later.min().map_or(after.to, |at| floor(at).min(after.to));
    [
        TimeWindow { from: from.min(before.to), to: before.to },
        TimeWindow { from: after.from, to: to.max(after.from) },
    ]
}

#[cfg(test)]
mod tests {
    use hotspan_model::life::DeploySource;

    use super::*;

    /// Stretches in minutes.
    fn check(with: With, window: (i64, i64), expected: [(i64, i64); 2]) {
        let at = |minutes: i64| UnixNanos(minutes * NANOS_PER_MINUTE);
        let window = TimeWindow { from: at(window.0), to: at(window.1) };
        let found = stretches(with, window).map(|found| (found.from.minute(), found.to.minute()));
        assert_eq!(found, expected, "{with:?} {window:?}");
    }

    #[test]
    fn stretches_do_not_meet_in_one_tree() {
        let since = |minutes: i64| With::Since(UnixNanos(minutes * NANOS_PER_MINUTE));
        check(With::Previous, (100, 160), [(40, 100), (100, 160)]);
        check(With::Previous, (102, 162), [(40, 100), (100, 162)]);
        check(With::Day, (2_000, 2_060), [(560, 620), (2_000, 2_060)]);
        check(since(130), (100, 160), [(70, 130), (135, 160)]);
        check(since(133), (100, 160), [(70, 130), (135, 160)]);
        check(since(20), (100, 160), [(-40, 20), (25, 85)]);
        check(since(500), (100, 160), [(440, 500), (505, 505)]);
    }

    /// Deploys at these minutes around a moment.
    #[test]
    fn stretches_end_at_other_deploys() {
        let at = |minutes: i64| UnixNanos(minutes * NANOS_PER_MINUTE);
        let deploy = |minutes: i64| Deploy {
            project: "shop".to_owned(),
            service: "api".to_owned(),
            release: "1".to_owned(),
            environment: String::new(),
            at: at(minutes),
            source: DeploySource::Seen,
        };
        let window = TimeWindow { from: at(100), to: at(160) };
        for (moment, deploys, expected) in [
            (130, vec![130], [(70, 130), (135, 160)]),
            (131, vec![82, 131, 151], [(85, 130), (135, 150)]),
            (131, vec![127, 131, 136], [(130, 130), (135, 135)]),
            (131, vec![20, 131, 400], [(70, 130), (135, 160)]),
        ] {
            let with = With::Since(at(moment));
            let deploys: Vec<Deploy> = deploys.into_iter().map(deploy).collect();
            let found = between(stretches(with, window), with, &deploys);
            let minutes = found.map(|found| (found.from.minute(), found.to.minute()));
            assert_eq!(minutes, expected, "{moment}");
        }
    }
}
