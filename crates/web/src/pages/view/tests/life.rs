//! What the page of an issue says about its life.

use hotspan_model::comparison::{Latency, Needs, SideFigures};
use hotspan_model::life::{
    ChangeReason, Deploy, DeploySource, Ignored, Origin, Progress, StateChange, Verification,
};
use hotspan_model::{Comparison, IssueLife, IssueStatus};

use super::{HOSTILE, IssuePage, NOW, frame, hostile_issue, issue};

fn figures() -> Comparison {
    let side = |share: f64, samples: u64| SideFigures {
        from: NOW,
        to: NOW,
        minutes: 7,
        samples,
        samples_affected: samples,
        requests: samples as f64,
        share,
        p95_ns: 9_800_000_000,
    };
    Comparison {
        before: side(0.35, 20_113),
        after: SideFigures { p95_ns: 6_200_000_000, samples_affected: 0, ..side(0.0, 412) },
        share_after_max: 0.0,
        share_gone: 0.01,
        latency: Latency::Faster,
        confidence: 0.999,
    }
}

pub(super) fn hostile_life() -> IssueLife {
    let hostile = || HOSTILE.to_owned();
    let change = |reason: ChangeReason| StateChange {
        at: NOW,
        from: IssueStatus::Open,
        to: IssueStatus::FixClaimed,
        reason,
        actor: hostile(),
        release: hostile(),
        comparison: Some(figures()),
    };
    IssueLife {
        since: NOW,
        history: ChangeReason::ALL.into_iter().map(change).collect(),
        verification: Some(Verification {
            origin: Origin::Claim,
            release: hostile(),
            before_to: NOW,
            started: NOW,
            checked: NOW,
            progress: Progress::AwaitingRelease,
            comparison: None,
        }),
        ignored: None,
    }
}

pub(super) fn hostile_deploy() -> Deploy {
    let hostile = || HOSTILE.to_owned();
    Deploy {
        project: hostile(),
        service: hostile(),
        release: hostile(),
        environment: hostile(),
        at: NOW,
        source: DeploySource::Told,
    }
}

/// The page of an issue in a state, with a comparison of release 1.1.
fn page(
    status: IssueStatus,
    progress: Progress,
    comparison: Option<Comparison>,
    ignored: Option<Ignored>,
) -> String {
    let mut known = hostile_issue();
    known.status = status;
    known.life.ignored = ignored;
    if let Some(verification) = &mut known.life.verification {
        verification.progress = progress;
        verification.comparison = comparison;
        verification.release = "1.1".to_owned();
    }
    let page = IssuePage {
        issue: known,
        occurrences: Vec::new(),
        days: Vec::new(),
        deploys: Vec::new(),
        others: Vec::new(),
        example: None,
        tree: None,
    };
    issue(&frame(), &page).into_string()
}

fn check(html: &str, said: &[&str]) {
    for said in said {
        assert!(html.contains(said), "the page does not say {said:?}");
    }
}

#[test]
fn a_comparison_under_way_says_what_it_needs() {
    let needs = Needs { requests: 18, minutes: 2, before: false };
    let waiting = |needs: Needs, figures: Option<Comparison>| {
        page(IssueStatus::FixClaimed, Progress::Waiting(needs), figures, None)
    };
    check(
        &page(IssueStatus::FixClaimed, Progress::AwaitingRelease, None, None),
        &["first request of release 1.1", "I deployed another fix", "Reopen"],
    );
    check(&waiting(needs, None), &["No request was seen since", "18\u{a0}more requests"]);
    check(
        &waiting(needs, Some(figures())),
        &["So far: 35% → 0.0%", "2\u{a0}more minutes with requests", "412 of 430"],
    );
    check(&waiting(Needs::default(), Some(figures())), &["do not tell clearly yet"]);
    check(&waiting(Needs { before: true, ..needs }, Some(figures())), &["nothing to compare with"]);
}

#[test]
fn a_verdict_has_its_figures() {
    let slower = Comparison { latency: Latency::Slower, ..figures() };
    let partial = Comparison { after: SideFigures { share: 0.2, ..figures().after }, ..figures() };
    check(
        &page(IssueStatus::Verified, Progress::Verified, Some(figures()), None),
        &[
            "35% → 0.0%, p95 9.8\u{a0}s → 6.2\u{a0}s",
            "99.9% sure",
            "412\u{a0}requests in 7\u{a0}minutes",
        ],
    );
    check(
        &page(IssueStatus::Verified, Progress::Verified, Some(slower), None),
        &["slower for another reason"],
    );
    check(
        &page(IssueStatus::NotFixed, Progress::NotFixed, Some(partial), None),
        &["Still there in release 1.1: 35% → 20%", "gone at 1.0%"],
    );
    check(&page(IssueStatus::Open, Progress::Lapsed, None, None), &["Seven days"]);
    let grown = Ignored::UntilGrown { day_wall_ns: 3_000_000_000 };
    check(
        &page(IssueStatus::Ignored, Progress::Verified, None, Some(grown)),
        &["until it costs 6.0\u{a0}s in 24 hours"],
    );
    let returned = page(IssueStatus::Regressed, Progress::Verified, Some(figures()), None);
    assert!(!returned.contains("by 412"), "an old verdict is shown as if it still held");
}

#[test]
fn buttons_are_those_that_make_sense() {
    for (status, claim, ignore, reopen) in [
        (IssueStatus::Open, true, true, false),
        (IssueStatus::FixClaimed, true, true, true),
        (IssueStatus::NotFixed, true, true, true),
        (IssueStatus::Regressed, true, true, true),
        (IssueStatus::Verified, false, true, true),
        (IssueStatus::Ignored, false, false, true),
    ] {
        let html = page(status, Progress::Lapsed, None, None);
        let has = |state: &str| html.contains(&format!("name=\"state\" value=\"{state}\""));
        let found = (has("fix_claimed"), has("ignored"), has("open"));
        assert_eq!(found, (claim, ignore, reopen), "{status:?}");
    }
}
