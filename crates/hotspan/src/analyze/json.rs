//! The result as one JSON document, for programs.

use std::io::Write;

use hotspan_model::Finding;
use serde_json::{Value, json};

use super::Report;
use super::baseline::{Gone, State};
use super::judgement::{Judgement, Verdict};

pub(super) fn write(
    out: &mut impl Write,
    report: &Report,
    judgement: &Judgement<'_>,
) -> std::io::Result<()> {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|found| judged(finding(found), judgement.verdict(found)))
        .collect();
    let gone: Vec<Value> = judgement.gone.iter().map(self::gone).collect();
    let document = json!({ "traces": report.traces, "findings": findings, "gone": gone });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Adds whether the finding fails the run and how it stands to the baseline.
fn judged(mut finding: Value, verdict: Verdict) -> Value {
    finding["fails"] = json!(verdict.fails);
    if let Some(state) = verdict.state {
        finding["baseline"] = json!(state.slug());
    }
    if let Some(State::Known(shares) | State::Grown(shares)) = verdict.state {
        finding["baseline_share_of_wall"] = json!(shares.before);
    }
    finding
}

fn gone(gone: &Gone<'_>) -> Value {
    json!({
        "fingerprint": gone.fingerprint,
        "detector": gone.detector,
        "service": gone.service,
        "endpoint": gone.endpoint,
        "looked_at": gone.looked_at,
    })
}

fn finding(finding: &Finding) -> Value {
    let evidence: Vec<String> = finding.evidence.iter().map(ToString::to_string).collect();
    let fixes: Vec<Value> = finding
        .fixes
        .iter()
        .map(|fix| {
            json!({
                "kind": fix.kind.slug(),
                "language": fix.language.slug(),
                "title": fix.title,
                "snippet": fix.snippet,
                "note": fix.note,
            })
        })
        .collect();
    json!({
        "scope": finding.scope.slug(),
        "detector": finding.detector,
        "class": finding.class.slug(),
        "service": &*finding.endpoint.service,
        "endpoint": &*finding.endpoint.name,
        "trace_id": finding.trace_id.to_string(),
        "requests": finding.requests,
        "requests_affected": finding.requests_affected,
        "lookups": finding.lookups,
        "calls": finding.calls,
        "at_least": finding.at_least,
        "share_of_wall": finding.share_of_wall(),
        "wall_ms": finding.wall_ns as f64 / 1e6,
        "hidden_ms": finding.hidden_ns as f64 / 1e6,
        "cause": {
            "code": finding.cause.code,
            "confidence": finding.cause.confidence.slug(),
            "text": finding.cause.text,
        },
        "fix": fixes,
        "evidence": evidence,
        "fingerprint": finding.fingerprint,
    })
}
