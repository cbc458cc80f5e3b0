//! What the segments of one commit change, collected and then written.
//!
//! Roll-ups, uses, trees and issues collect the changes of the whole batch
//! first, so that a row is written once for many segments.

use std::collections::{BTreeMap, BTreeSet};

use hotspan_model::{Finding, FindingScope, SegmentRecord, SpanId, TraceId};
use rusqlite::Transaction;
use twox_hash::XxHash3_128;

use super::codec::contribution::{self, Contribution, IssueShare};
use super::codec::words::{encode_cause, encode_fixes, encode_spans};
use super::endpoints::{Interned, LABEL_NONE, LABEL_OTHER, LabelKind, endpoint_at};
use super::grain::{HOUR, bucket_of};
use super::manifest::add_to_tally;
use super::occurrences::{self, IssueDeltas};
use super::profiles::{self, TreeDeltas};
use super::rollups::{RollupDeltas, units_of};
use super::rows::{CommitOutcome, SegmentKey};
use super::segments::{SegmentCommit, Stored, delete, find, insert};
use super::summaries::SummaryDeltas;
use super::uses::UseDeltas;
use super::{BookError, DamagedIn, During};

/// What the segments of a batch change together.
#[derive(Debug, Default)]
struct Changes {
    rollups: RollupDeltas,
    uses: UseDeltas,
    trees: TreeDeltas,
    issues: IssueDeltas,
    summaries: SummaryDeltas,
    touched: BTreeSet<i64>,
    tallies: BTreeMap<&'static str, i64>,
}

/// One commit under way.
pub(super) struct Batch<'a> {
    transaction: &'a Transaction<'a>,
    interned: &'a mut Interned,
    commit: &'a SegmentCommit<'a>,
    changes: Changes,
    outcome: CommitOutcome,
}

impl<'a> Batch<'a> {
    /// Nothing changed yet.
    pub(super) fn new(
        transaction: &'a Transaction<'a>,
        interned: &'a mut Interned,
        commit: &'a SegmentCommit<'a>,
    ) -> Self {
        let (changes, outcome) = Default::default();
        Self { transaction, interned, commit, changes, outcome }
    }

    /// Adds one segment, unless it is there already just so.
    pub(super) fn put(&mut self, record: &SegmentRecord) -> Result<(), BookError> {
        let key = SegmentKey {
            project: record.endpoint.project.clone(),
            trace_id: record.trace_id,
            entry_span: record.entry_span,
            start: record.start,
        };
        let stored = find(self.transaction, &key).during("find a segment")?;
        if stored.as_ref().is_some_and(|stored| stored.trace_spans > record.trace_spans) {
            self.outcome.outdated += 1;
            return Ok(());
        }
        let (segment, capped) = self.contribution(record)?;
        let encoded = contribution::encode(&segment);
        let digest = digest_of(&encoded, &record.findings);
        if let Some(stored) = stored.as_ref().filter(|stored| stored.digest == digest) {
            self.outcome.unchanged += 1;
            return self.refresh(&key, stored, record).during("refresh a segment");
        }
        match stored {
            Some(stored) => {
                self.take_out(&key, &stored, &segment.issues)?;
                self.outcome.replaced += 1;
            }
            None => {
                capped.for_each(|cap| *self.changes.tallies.entry(cap).or_default() += 1);
                self.outcome.added += 1;
            }
        }
        self.add(&key, &segment, record)?;
        let kept = Stored { id: 0, trace_spans: record.trace_spans, digest, contribution: encoded };
        insert(self.transaction, self.commit, &key, &kept).during("keep a segment")
    }

    /// Remembers that a segment stays as it is although more of its trace came:
    /// less of it must not replace it later.
    fn refresh(
        &self,
        key: &SegmentKey,
        stored: &Stored,
        record: &SegmentRecord,
    ) -> rusqlite::Result<()> {
        if stored.trace_spans == record.trace_spans {
            return Ok(());
        }
        delete(self.transaction, stored)?;
        let kept = Stored { trace_spans: record.trace_spans, ..stored.clone() };
        insert(self.transaction, self.commit, key, &kept)
    }

    /// What the segment adds, with names as numbers; and the caps it met.
    fn contribution(
        &mut self,
        record: &SegmentRecord,
    ) -> Result<(Contribution, impl Iterator<Item = &'static str> + use<>), BookError> {
        let (interned, transaction) = (&mut *self.interned, self.transaction);
        let hour = bucket_of(record.start, HOUR);
        let (endpoint_id, endpoint_capped) =
            interned.endpoint(transaction, &record.endpoint).during("find an endpoint")?;
        let mut label =
            |kind, name| interned.label(transaction, &record.endpoint, kind, name, hour);
        let environment_id =
            label(LabelKind::Environment, &record.environment).during("find an environment")?;
        let release_id = label(LabelKind::Release, &record.release).during("find a release")?;
        if ![LABEL_NONE, LABEL_OTHER].contains(&release_id) {
            interned
                .see_release(transaction, &record.endpoint, &record.release, record.start)
                .during("date a release")?;
        }
        let (issues, issues_capped) = self.shares(endpoint_id, &record.findings)?;
        let segment = Contribution {
            endpoint_id,
            environment_id,
            release_id,
            start: record.start,
            duration_ns: record.duration_ns,
            units: units_of(record.weight),
            error: record.error,
            truncated: record.truncated,
            spans: record.spans,
            time: record.time,
            uses: record.uses.clone(),
            tree: profiles::within_cap(&record.tree),
            issues,
        };
        let capped = [
            (endpoint_capped, "endpoints"),
            (environment_id == LABEL_OTHER, "environments"),
            (release_id == LABEL_OTHER, "releases"),
            (issues_capped, "issues"),
        ];
        Ok((segment, capped.into_iter().filter_map(|(met, cap)| met.then_some(cap))))
    }

    /// What the findings add to their issues; those of one issue count
    /// together. True when an issue was beyond the cap.
    fn shares(
        &mut self,
        endpoint_id: i64,
        findings: &[Finding],
    ) -> Result<(Vec<IssueShare>, bool), BookError> {
        let (mut shares, mut capped): (Vec<IssueShare>, bool) = (Vec::new(), false);
        for finding in in_trace(findings) {
            let issue = self.interned.issue(self.transaction, endpoint_id, finding)?;
            let Some(issue_id) = issue else {
                capped = true;
                continue;
            };
            match shares.iter_mut().find(|share| share.issue_id == issue_id) {
                Some(share) => {
                    share.lookups += finding.lookups;
                    share.calls += finding.calls;
                    share.wall_ns = share.wall_ns.saturating_add(finding.wall_ns);
                    share.hidden_ns = share.hidden_ns.saturating_add(finding.hidden_ns);
                    share.at_least |= finding.at_least;
                }
                None => shares.push(IssueShare {
                    issue_id,
                    lookups: finding.lookups,
                    calls: finding.calls,
                    wall_ns: finding.wall_ns,
                    hidden_ns: finding.hidden_ns,
                    at_least: finding.at_least,
                }),
            }
        }
        Ok((shares, capped))
    }

    fn add(
        &mut self,
        key: &SegmentKey,
        segment: &Contribution,
        record: &SegmentRecord,
    ) -> Result<(), BookError> {
        let id = (key.trace_id, key.entry_span);
        self.count(id, segment, 1);
        self.changes.summaries.add(id, segment);
        self.interned
            .keep_sdk(self.transaction, segment.endpoint_id, &record.sdk)
            .during("keep an SDK")?;
        let mut kept = BTreeSet::new();
        for finding in in_trace(&record.findings) {
            let issue = self.interned.issue(self.transaction, segment.endpoint_id, finding)?;
            if let Some(issue) = issue.filter(|issue| kept.insert(*issue)) {
                occurrences::keep(self.transaction, self.interned, issue, finding, segment)
                    .during("keep an occurrence")?;
            }
        }
        Ok(())
    }

    /// Takes out what a segment added. Occurrences of issues in `kept` stay,
    /// because they are about to be written over.
    fn take_out(
        &mut self,
        key: &SegmentKey,
        stored: &Stored,
        kept: &[IssueShare],
    ) -> Result<(), BookError> {
        let old = contribution::decode(&stored.contribution).damaged_in("segment")?;
        let id = (key.trace_id, key.entry_span);
        self.count(id, &old, -1);
        self.changes
            .summaries
            .remove(self.transaction, &mut self.interned.summaries, id, &old)
            .during("remove a trace summary")?;
        let stays = |issue: i64| kept.iter().any(|share| share.issue_id == issue);
        for share in old.issues.iter().filter(|share| !stays(share.issue_id)) {
            occurrences::remove(self.transaction, share.issue_id, id)
                .during("remove an occurrence")?;
        }
        delete(self.transaction, stored).during("remove a segment")
    }

    fn count(&mut self, id: (TraceId, SpanId), segment: &Contribution, sign: i64) {
        self.changes.rollups.add(segment, sign);
        self.changes.uses.add(id, segment, sign);
        self.changes.trees.add(segment, sign);
        self.changes.issues.add(segment, sign);
        self.changes.touched.insert(segment.endpoint_id);
    }

    /// Takes out a segment that turned out to be part of another.
    pub(super) fn retract(&mut self, key: &SegmentKey) -> Result<(), BookError> {
        if let Some(stored) = find(self.transaction, key).during("find a segment")? {
            self.take_out(key, &stored, &[])?;
            self.outcome.retracted += 1;
        }
        Ok(())
    }

    /// Writes what the whole batch changed.
    pub(super) fn finish(self) -> Result<CommitOutcome, BookError> {
        let (transaction, changes) = (self.transaction, self.changes);
        let mut tallies = changes.tallies;
        changes.rollups.apply(transaction)?;
        changes.uses.apply(transaction)?;
        let folded = changes.trees.apply(transaction)?;
        if folded > 0 {
            tallies.insert("paths", folded as i64);
        }
        changes.summaries.apply(transaction, &mut self.interned.summaries)?;
        changes.issues.apply(transaction, self.interned)?;
        for (cap, times) in tallies {
            add_to_tally(transaction, cap, times).during("count a cap")?;
        }
        let touched = changes.touched.into_iter().map(|id| {
            transaction
                .prepare_cached("SELECT project, service, kind, name FROM endpoint WHERE id = ?1")?
                .query_row([id], |row| Ok((id, endpoint_at(row, 0)?)))
        });
        Ok(CommitOutcome {
            touched: touched.collect::<rusqlite::Result<_>>().during("read an endpoint")?,
            ..self.outcome
        })
    }
}

fn in_trace(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.scope == FindingScope::Trace)
}

/// Tells two forms of a segment apart: its numbers and the words of its findings.
fn digest_of(encoded: &[u8], findings: &[Finding]) -> [u8; 16] {
    if findings.is_empty() {
        return XxHash3_128::oneshot(encoded).to_be_bytes();
    }
    let mut all = encoded.to_vec();
    for finding in in_trace(findings) {
        all.extend(encode_cause(&finding.cause, &finding.templates));
        all.extend(encode_fixes(&finding.fixes));
        all.extend(encode_spans(&finding.evidence));
    }
    XxHash3_128::oneshot(&all).to_be_bytes()
}
