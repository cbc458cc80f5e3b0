//! What one segment added to the book, as the numbers that take it out again.

use std::sync::Arc;

use hotspan_model::{CallTree, ClassUse, TimeByClass, UnixNanos};

use super::shapes::{put_class, put_time, put_tree, take_class, take_time, take_tree};
use super::words::{put_spans, put_texts, take_spans, take_texts};
use super::{CodecError, Decoder, Encoder};

/// Everything a segment added. Caps may map an endpoint or release to
/// `(other)`, so what it was mapped to then is kept, not what it is called.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::book) struct Contribution {
    pub(in crate::book) endpoint_id: i64,
    pub(in crate::book) environment_id: i64,
    pub(in crate::book) release_id: i64,
    pub(in crate::book) start: UnixNanos,
    pub(in crate::book) duration_ns: i64,
    /// Sampling weight in thousandths.
    pub(in crate::book) units: i64,
    pub(in crate::book) error: bool,
    pub(in crate::book) truncated: bool,
    pub(in crate::book) spans: u32,
    /// Of this segment alone, not weighted.
    pub(in crate::book) time: TimeByClass,
    pub(in crate::book) uses: Vec<ClassUse>,
    /// Weighted, at most [`crate::book::profiles::PATHS_MAX`] paths.
    pub(in crate::book) tree: CallTree,
    pub(in crate::book) issues: Vec<IssueShare>,
}

/// What a segment added to one issue, not weighted.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::book) struct IssueShare {
    pub(in crate::book) issue_id: i64,
    pub(in crate::book) lookups: f64,
    pub(in crate::book) calls: f64,
    pub(in crate::book) wall_ns: i64,
    pub(in crate::book) hidden_ns: i64,
    pub(in crate::book) at_least: bool,
}

/// The stored form.
pub(in crate::book) fn encode(contribution: &Contribution) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.signed(contribution.endpoint_id);
    encoder.signed(contribution.environment_id);
    encoder.signed(contribution.release_id);
    encoder.signed(contribution.start.0);
    encoder.signed(contribution.duration_ns);
    encoder.signed(contribution.units);
    encoder.unsigned(u64::from(contribution.error) | u64::from(contribution.truncated) << 1);
    encoder.unsigned(u64::from(contribution.spans));
    put_time(&mut encoder, &contribution.time);
    encoder.count(contribution.uses.len());
    for class_use in &contribution.uses {
        put_use(&mut encoder, class_use);
    }
    put_tree(&mut encoder, &contribution.tree);
    encoder.count(contribution.issues.len());
    for share in &contribution.issues {
        put_share(&mut encoder, share);
    }
    encoder.finish()
}

/// Reads [`encode`].
pub(in crate::book) fn decode(bytes: &[u8]) -> Result<Contribution, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let endpoint_id = decoder.signed()?;
    let environment_id = decoder.signed()?;
    let release_id = decoder.signed()?;
    let start = UnixNanos(decoder.signed()?);
    let duration_ns = decoder.signed()?;
    let units = decoder.signed()?;
    let flags = decoder.unsigned()?;
    let contribution = Contribution {
        endpoint_id,
        environment_id,
        release_id,
        start,
        duration_ns,
        units,
        error: flags & 1 != 0,
        truncated: flags & 2 != 0,
        spans: decoder.small("spans")?,
        time: take_time(&mut decoder)?,
        uses: decoder.list(take_use)?,
        tree: take_tree(&mut decoder)?,
        issues: decoder.list(take_share)?,
    };
    decoder.finish()?;
    Ok(contribution)
}

fn put_use(encoder: &mut Encoder, class_use: &ClassUse) {
    put_class(encoder, class_use.class);
    encoder.text(&class_use.family);
    encoder.unsigned(u64::from(class_use.lookups));
    encoder.unsigned(u64::from(class_use.calls));
    encoder.signed(class_use.wall_ns);
    encoder.signed(class_use.hidden_ns);
    put_spans(encoder, &class_use.evidence);
    put_texts(encoder, &class_use.templates);
}

fn take_use(decoder: &mut Decoder<'_>) -> Result<ClassUse, CodecError> {
    Ok(ClassUse {
        class: take_class(decoder)?,
        family: Arc::from(decoder.text()?),
        lookups: decoder.small("lookups")?,
        calls: decoder.small("calls")?,
        wall_ns: decoder.signed()?,
        hidden_ns: decoder.signed()?,
        evidence: take_spans(decoder)?,
        templates: take_texts(decoder)?,
    })
}

fn put_share(encoder: &mut Encoder, share: &IssueShare) {
    encoder.signed(share.issue_id);
    encoder.float(share.lookups);
    encoder.float(share.calls);
    encoder.signed(share.wall_ns);
    encoder.signed(share.hidden_ns);
    encoder.unsigned(u64::from(share.at_least));
}

fn take_share(decoder: &mut Decoder<'_>) -> Result<IssueShare, CodecError> {
    Ok(IssueShare {
        issue_id: decoder.signed()?,
        lookups: decoder.float()?,
        calls: decoder.float()?,
        wall_ns: decoder.signed()?,
        hidden_ns: decoder.signed()?,
        at_least: decoder.unsigned()? != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn contributions_come_back(record in sample::record(), ids: (i64, i64, i64), flag: bool) {
            let contribution = Contribution {
                endpoint_id: ids.0,
                environment_id: ids.1,
                release_id: ids.2,
                start: record.start,
                duration_ns: record.duration_ns,
                units: (record.weight * 1_000.0) as i64,
                error: record.error,
                truncated: flag,
                spans: record.spans,
                time: record.time,
                uses: record.uses,
                tree: record.tree,
                issues: record.findings.iter().map(|finding| IssueShare {
                    issue_id: ids.0,
                    lookups: finding.lookups,
                    calls: finding.calls,
                    wall_ns: finding.wall_ns,
                    hidden_ns: finding.hidden_ns,
                    at_least: finding.at_least,
                }).collect(),
            };
            prop_assert_eq!(decode(&encode(&contribution)), Ok(contribution));
        }
    }
}
