//! What the result means for a run in CI: which findings fail it, which an
//! earlier run knew, and which of its are gone.

use std::collections::{BTreeMap, BTreeSet};

use hotspan_model::Finding;

use super::baseline::{Baseline, Gone, State};
use super::threshold::Threshold;

/// What was decided about every fingerprint.
#[derive(Debug, Default)]
pub(super) struct Judgement<'a> {
    issues: BTreeMap<&'a str, Verdict>,
    /// Issues of the earlier run that are not there any more.
    pub(super) gone: Vec<Gone<'a>>,
}

/// What was decided about the findings of one fingerprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    /// Against the earlier run, if there is one to compare with.
    pub(super) state: Option<State>,
    /// One of them fails the run.
    pub(super) fails: bool,
}

/// What findings are judged by.
#[derive(Debug)]
pub(super) struct Measures<'a> {
    /// A finding fails the run when it meets one of them; none means any does.
    pub(super) thresholds: &'a [Threshold],
    /// The earlier run.
    pub(super) baseline: Option<&'a Baseline>,
    /// How many times its share a known finding may have.
    pub(super) growth: f64,
}

impl<'a> Judgement<'a> {
    /// Judges `findings`. `endpoints` are the services and names of the
    /// endpoints that were looked at.
    pub(super) fn of(
        findings: &'a [Finding],
        endpoints: &BTreeSet<(String, String)>,
        measures: &Measures<'a>,
    ) -> Self {
        let mut by_fingerprint: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in findings {
            by_fingerprint.entry(&finding.fingerprint).or_default().push(finding);
        }
        let issues = by_fingerprint
            .into_iter()
            .map(|(fingerprint, findings)| (fingerprint, measures.verdict(&findings)))
            .collect();
        let gone = measures.baseline.map(|baseline| baseline.gone(findings, endpoints));
        Self { issues, gone: gone.unwrap_or_default() }
    }

    /// What was decided about a finding.
    pub(super) fn verdict(&self, finding: &Finding) -> Verdict {
        let unknown = Verdict { state: None, fails: true };
        self.issues.get(finding.fingerprint.as_str()).copied().unwrap_or(unknown)
    }

    /// True when a finding fails the run.
    pub(super) fn fails(&self) -> bool {
        self.issues.values().any(|verdict| verdict.fails)
    }

    /// How many issues do not fail the run.
    pub(super) fn tolerated(&self) -> usize {
        self.issues.values().filter(|verdict| !verdict.fails).count()
    }
}

impl Measures<'_> {
    fn verdict(&self, findings: &[&Finding]) -> Verdict {
        let state = self.baseline.map(|baseline| baseline.state(findings, self.growth));
        let bad_enough = self.thresholds.is_empty()
            || self
                .thresholds
                .iter()
                .any(|threshold| findings.iter().any(|finding| threshold.is_met(finding)));
        Verdict { state, fails: bad_enough && !matches!(state, Some(State::Known(_))) }
    }
}
