//! The life of an issue on a running server: claimed fixes are verified or
//! not by what requests show, and returns are noticed.

use hotspan_model::IssueStatus;
use hotspan_model::life::{Action, ChangeReason, Deploy, DeploySource, Ignore, Progress};
use hotspan_model::{Issue, UnixNanos};
use hotspan_store::{Acted, IssueFilter, TimeWindow};

use crate::harness::{
    ALL, BEGIN, FakeClock, PATIENCE, Running, SECOND, quick, released, start, together,
};

const MINUTE: i64 = 60 * SECOND;

/// A server whose endpoint gets ten requests a minute.
struct Life {
    running: Running,
    clock: std::sync::Arc<FakeClock>,
    now: UnixNanos,
    number: u64,
    _folder: tempfile::TempDir,
}

impl Life {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let clock = FakeClock::at(BEGIN);
        let running = start(folder.path(), &clock, quick()).await;
        Self { running, clock, now: BEGIN, number: 0, _folder: folder }
    }

    /// Minutes of requests with so many lookups each.
    async fn pass(&mut self, minutes: i64, lookups: u64, release: &str) {
        for _ in 0..minutes {
            let resources: Vec<String> = (0..10)
                .map(|request| {
                    self.number += 1;
                    let at = self.now.plus(request * 5 * SECOND);
                    released(self.number, at, lookups, ALL, release)
                })
                .collect();
            self.advance(MINUTE);
            self.running.send(&together(&resources)).await.expect("taken");
            self.running.applied().await;
            // The quiet time closes what came.
            self.advance(4 * SECOND);
            self.running.analysed().await;
        }
    }

    fn advance(&mut self, nanos: i64) {
        self.clock.advance(nanos);
        self.now = self.now.plus(nanos);
    }

    async fn issue(&self) -> Issue {
        let all = IssueFilter::default();
        let issues = self.running.store.issues(TimeWindow::ALL, &all).await.expect("issues");
        assert_eq!(issues.len(), 1, "{issues:?}");
        issues.into_iter().next().expect("an issue")
    }

    async fn act(&self, action: Action) {
        let issue = self.issue().await;
        let acted = self.running.store.act_on_issue(issue.id, action, "ann", self.now).await;
        assert_eq!(acted.expect("answers"), Acted::Done);
    }

    /// Waits for a look at the issue after which it is as wanted. Looks come
    /// only when the clock has moved.
    async fn until(&mut self, wanted: impl Fn(&Issue) -> bool) -> Issue {
        self.advance(20 * SECOND);
        let reached = async {
            loop {
                let issue = self.issue().await;
                if wanted(&issue) {
                    return issue;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(issue) => issue,
            Err(_) => panic!("it stayed {:#?}", self.issue().await.life),
        }
    }

    async fn state(&mut self, status: IssueStatus) -> Issue {
        self.until(|issue| issue.status == status).await
    }
}

/// The last change, in words.
fn last(issue: &Issue) -> String {
    let change = issue.life.history.first().expect("a change");
    let figures = change.comparison.map_or(String::new(), |figures| {
        format!(
            ": {:.0}% -> {:.0}%, {} requests",
            figures.before.share * 100.0,
            figures.after.share * 100.0,
            figures.after.samples
        )
    });
    format!("{} {:?}{figures}", change.reason.slug(), change.release)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_verified_and_a_return_is_noticed() {
    let mut life = Life::begin().await;
    life.pass(12, 20, "").await;
    life.act(Action::ClaimFix { release: String::new() }).await;
    assert_eq!(life.issue().await.status, IssueStatus::FixClaimed);
    life.pass(3, 0, "").await;
    let waiting = |issue: &Issue| match issue.life.verification.as_ref().map(|v| v.progress) {
        Some(Progress::Waiting(needs)) => needs.minutes > 0,
        _ => false,
    };
    life.until(waiting).await;
    life.pass(5, 0, "").await;
    let verified = life.state(IssueStatus::Verified).await;
    assert!(last(&verified).starts_with("measured \"\": 30% -> 0%"), "{}", last(&verified));
    life.pass(8, 20, "").await;
    let back = life.state(IssueStatus::Regressed).await;
    assert!(last(&back).starts_with("returned"), "{}", last(&back));
    let reasons: Vec<ChangeReason> =
        back.life.history.iter().rev().map(|change| change.reason).collect();
    assert_eq!(reasons, [ChangeReason::Claimed, ChangeReason::Measured, ChangeReason::Returned]);
    life.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_not_true_is_not_fixed_until_it_is() {
    let mut life = Life::begin().await;
    life.pass(12, 20, "").await;
    life.act(Action::ClaimFix { release: String::new() }).await;
    life.pass(12, 20, "").await;
    let still = life.state(IssueStatus::NotFixed).await;
    assert!(last(&still).starts_with("measured \"\": 30% -> 30%"), "{}", last(&still));
    // The deploy came late; nobody claims anything again.
    life.pass(62, 0, "").await;
    life.state(IssueStatus::Verified).await;
    life.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_is_compared_without_a_claim() {
    let mut life = Life::begin().await;
    life.pass(12, 20, "1.0").await;
    let before = life.issue().await;
    assert_eq!((before.status, before.life.verification), (IssueStatus::Open, None));
    life.pass(8, 0, "1.1").await;
    let verified = life.state(IssueStatus::Verified).await;
    assert!(last(&verified).starts_with("measured \"1.1\": 30% -> 0%"), "{}", last(&verified));
    life.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fixes_nothing_leaves_the_issue_open() {
    let mut life = Life::begin().await;
    life.pass(12, 20, "1.0").await;
    let deploy = Deploy {
        project: "default".into(),
        service: "shop".into(),
        release: "1.1".into(),
        environment: "production".into(),
        at: life.now,
        source: DeploySource::Told,
    };
    assert!(life.running.store.add_deploy(deploy.clone()).await.expect("keeps"));
    assert!(!life.running.store.add_deploy(deploy).await.expect("keeps"));
    life.pass(12, 20, "1.1").await;
    let decided = |issue: &Issue| {
        let known = issue.life.verification.as_ref();
        known.is_some_and(|known| known.progress == Progress::NotFixed)
    };
    let still = life.until(decided).await;
    assert_eq!((still.status, still.life.history.len()), (IssueStatus::Open, 0));
    life.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ignoring_ends_when_the_issue_has_grown_or_its_date_has_come() {
    let mut life = Life::begin().await;
    life.pass(5, 20, "").await;
    life.act(Action::Ignore(Ignore::UntilGrown)).await;
    life.pass(4, 20, "").await;
    assert_eq!(life.issue().await.status, IssueStatus::Ignored);
    life.pass(2, 20, "").await;
    let grown = life.state(IssueStatus::Open).await;
    assert!(last(&grown).starts_with("grown"), "{}", last(&grown));
    life.act(Action::Ignore(Ignore::Until(life.now.plus(30 * MINUTE)))).await;
    life.advance(31 * MINUTE);
    let due = life.state(IssueStatus::Open).await;
    assert!(last(&due).starts_with("due"), "{}", last(&due));
    life.running.stop().await;
}
